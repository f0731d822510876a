//! What an edge does besides answering: taking orders, following change feeds and sitemaps, reading its
//! configuration again, checking upstreams, looking after what lies on its disk.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use yagura_config::settings::{ControlSettings, EdgeSettings};
use yagura_control::client::Client;
use yagura_control::clock::{monotonic, monotonic_usec};
use yagura_control::feed::MAX_WAIT_MS;
use yagura_control::order::{Envelope, Order};

use crate::cache::warm::{FeedWarmer, Fetching, SitemapWarmer};
use crate::error::EdgeError;
use crate::notify::{Notifier, Word};
use crate::state::Edge;
use crate::upgrade::Role;
use crate::upgrade::sockets::Sockets;
use crate::upstream::check;
use crate::{admin, certificates, hooks, metrics, probes, watchdog};

/// How much longer than its waiting time the feed may take.
const FEED_SLACK: Duration = Duration::from_secs(10);

/// How often a disk that failed is tried again.
const LOOK_AFTER: Duration = Duration::from_secs(3);
/// How often, at most, copies that are kept too long are looked for.
const RETIRE: Duration = Duration::from_secs(3600);

/// The sockets that orders and questions come in by.
pub struct Doors {
    orders: Option<std::os::unix::net::UnixListener>,
    /// The same from other machines.
    afar: Option<std::net::TcpListener>,
    figures: Option<std::net::TcpListener>,
    /// Where the edge asks itself whether it answers.
    own_question: Option<SocketAddr>,
}

impl Doors {
    /// Those that the settings name.
    ///
    /// # Errors
    /// One cannot be listened on.
    pub fn open(
        edge: &EdgeSettings,
        control: Option<&ControlSettings>,
        sockets: &Sockets,
    ) -> Result<Self, EdgeError> {
        let orders = edge.control_socket.as_deref();
        let orders = orders.map(|path| sockets.unix("control", path, admin::listen));
        let figures = edge.metrics;
        let figures = figures.map(|address| sockets.tcp("metrics", address));
        let afar = control.map(|control| sockets.tcp("control", control.listen));
        Ok(Self {
            orders: orders.transpose()?,
            afar: afar.transpose()?,
            figures: figures.transpose()?,
            own_question: watchdog::address(&edge.listen),
        })
    }

    /// Begins to hear.
    fn attend(&self, edge: &Arc<Edge>, tasks: &mut JoinSet<()>) {
        let orders = self.orders.as_ref().map(|orders| {
            let orders = orders.try_clone()?;
            tokio::net::UnixListener::from_std(orders)
        });
        match orders {
            Some(Ok(orders)) => {
                tasks.spawn(admin::serve(edge.clone(), orders));
            }
            Some(Err(error)) => tracing::error!(%error, "orders cannot be taken"),
            None => {}
        }
        let afar = self.afar.as_ref().map(another);
        match afar {
            Some(Ok(orders)) => {
                tasks.spawn(admin::afar::serve(edge.clone(), orders));
            }
            Some(Err(error)) => tracing::error!(%error, "orders from afar cannot be taken"),
            None => {}
        }
        let figures = self.figures.as_ref().map(another);
        match figures {
            Some(Ok(figures)) => {
                tasks.spawn(metrics::serve(edge.clone(), figures));
            }
            Some(Err(error)) => tracing::error!(%error, "figures cannot be told"),
            None => {}
        }
    }
}

/// Another hold of a listener, to accept by.
fn another(listener: &std::net::TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(listener.try_clone()?)
}

/// All of it, as one service of pingora's.
pub struct Errands {
    edge: Arc<Edge>,
    doors: Doors,
    notifier: Arc<Notifier>,
    /// Folder of the warmers' positions.
    data: Option<PathBuf>,
    /// How long copies that no list names are kept.
    keep: Duration,
}

impl Errands {
    /// The errands of an edge.
    #[must_use]
    pub const fn new(
        edge: Arc<Edge>,
        doors: Doors,
        notifier: Arc<Notifier>,
        data: Option<PathBuf>,
        keep: Duration,
    ) -> Self {
        Self {
            edge,
            doors,
            notifier,
            data,
            keep,
        }
    }

    /// Begins what only one process of an edge may do: it writes to the folder.
    fn own(&self, tasks: &mut JoinSet<()>) {
        self.warm(tasks);
        if let (Some(every), Some(address)) = (self.notifier.watchdog(), self.doors.own_question) {
            tasks.spawn(watchdog::run(address, every, self.notifier.clone()));
        }
        tasks.spawn(look_after(self.edge.clone(), self.keep));
        tasks.spawn(reread(self.edge.clone(), self.notifier.clone()));
        tasks.spawn(crate::redirect_hits::recorder::run(self.edge.clone()));
        tasks.spawn(certificates::keeper::run(self.edge.clone()));
        tasks.spawn(certificates::hand_over::run(self.edge.clone()));
        tasks.spawn(certificates::elsewhere::run(self.edge.clone()));
        tasks.spawn(crate::disaster::hand_over::run(self.edge.clone()));
        tasks.spawn(probes::propose::run(self.edge.clone()));
        tasks.spawn(crate::bypass::run::run(
            self.edge.clone(),
            self.data.clone(),
        ));
        let cache = self.edge.cache.clone();
        tasks.spawn(async move {
            cache.take_stock().await;
            // A takedown whose sweep a power cut interrupted is swept now.
            cache.sweep_withdrawn().await;
        });
    }

    /// Begins to make last-good complete, for every site that says what there is.
    fn warm(&self, tasks: &mut JoinSet<()>) {
        let Some(data) = &self.data else { return };
        for site in self.edge.switchboard.plan().sites() {
            let fetching = || {
                let (cache, clock) = (self.edge.cache.clone(), self.edge.clock.clone());
                let rate = site.settings.warm_rate;
                Fetching::new(cache, site.fetcher.clone(), clock, rate)
            };
            let (name, status) = (&site.settings.name, site.seen.warmer.clone());
            if let Some(socket) = &site.settings.feed_socket {
                let feed = Client::new(socket, Duration::from_millis(MAX_WAIT_MS) + FEED_SLACK);
                let file = data.join(format!("warmer-{name}.json"));
                tasks.spawn(FeedWarmer::new(fetching(), feed, file, status).run());
            } else if let Some(sitemap) = site.settings.sitemap.clone() {
                let file = data.join(format!("sitemap-{name}.json"));
                let hosts = site.settings.hosts.clone();
                tasks.spawn(SitemapWarmer::new(fetching(), sitemap, hosts, file, status).run());
            }
        }
    }
}

#[async_trait]
impl BackgroundService for Errands {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut role = self.edge.upgrades.role();
        let (mut heard, mut own) = (JoinSet::new(), JoinSet::new());
        // Readers are here in every role, and the upstreams are watched for them.
        let mut watching = JoinSet::new();
        watching.spawn(check::run(self.edge.clone()));
        watching.spawn(crate::ingress::comings::run(self.edge.clone()));
        watching.spawn(certificates::watch::run(self.edge.clone()));
        watching.spawn(crate::waf::setup::run(self.edge.clone()));
        watching.spawn(crate::waf::findings::run(self.edge.clone()));
        watching.spawn(certificates::staples::run(self.edge.clone()));
        watching.spawn(certificates::take_over::sweep(self.edge.clone()));
        watching.spawn(probes::run::run(self.edge.clone()));
        watching.spawn(hooks::run::run(self.edge.clone()));
        let switchboard = self.edge.switchboard.clone();
        watching.spawn(async move { switchboard.follow().await });
        loop {
            let now = *role.borrow_and_update();
            let (hears, owns) = match now {
                Role::Owner => (true, true),
                Role::Sealed => (true, false),
                Role::Waiting | Role::Leaving => (false, false),
            };
            if !owns {
                own.shutdown().await;
            } else if own.is_empty() {
                self.own(&mut own);
            }
            if !hears {
                heard.shutdown().await;
            } else if heard.is_empty() {
                self.doors.attend(&self.edge, &mut heard);
            }
            tokio::select! {
                changed = role.changed() => if changed.is_err() { break },
                _stop = shutdown.changed() => break,
            }
        }
        own.shutdown().await;
        heard.shutdown().await;
        watching.shutdown().await;
        let edge = self.edge.clone();
        let rest = move || edge.waf.findings.write(edge.clock.now());
        let _written = tokio::task::spawn_blocking(rest).await;
    }
}

/// Looks after the copies on disk: tries a disk that failed again, and lets go what is kept too long.
async fn look_after(edge: Arc<Edge>, keep: Duration) {
    let retire_every = (keep / 10).clamp(LOOK_AFTER, RETIRE);
    let mut next = monotonic() + retire_every;
    loop {
        tokio::time::sleep(LOOK_AFTER).await;
        let retire = monotonic() >= next;
        if retire {
            next = monotonic() + retire_every;
        }
        edge.cache.look_after(retire, edge.clock.now()).await;
    }
}

/// Reads the configuration again at every SIGHUP, and opens the access log anew.
async fn reread(edge: Arc<Edge>, notifier: Arc<Notifier>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    while hangup.recv().await.is_some() {
        edge.access_log.reopen();
        let envelope = Envelope::of(Order::Reload, "SIGHUP");
        notifier.tell(&[Word::Reloading(monotonic_usec())]);
        let given = admin::give(&edge, envelope, "signal").await;
        notifier.tell(&[Word::Ready]);
        match given {
            Ok(reply) => {
                tracing::info!(generation = reply.generation, outcome = ?reply.outcome, "configuration read again")
            }
            Err(refusal) => tracing::error!(%refusal, "the configuration was not taken over"),
        }
    }
}
