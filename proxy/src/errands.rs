//! What an edge does besides answering: taking orders, following change feeds and sitemaps, reading its
//! configuration again, checking upstreams, looking after what lies on its disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use yagura_control::client::Client;
use yagura_control::clock::monotonic;
use yagura_control::feed::MAX_WAIT_MS;
use yagura_control::order::{Envelope, Order};

use crate::cache::warm::{FeedWarmer, Fetching, SitemapWarmer};
use crate::state::Edge;
use crate::upstream::check;
use crate::{admin, metrics};

/// How much longer than its waiting time the feed may take.
const FEED_SLACK: Duration = Duration::from_secs(10);

/// How often a disk that failed is tried again.
const LOOK_AFTER: Duration = Duration::from_secs(3);
/// How often, at most, copies that are kept too long are looked for.
const RETIRE: Duration = Duration::from_secs(3600);

/// All of it, as one service of pingora's.
pub struct Errands {
    edge: Arc<Edge>,
    orders: Mutex<Option<std::os::unix::net::UnixListener>>,
    figures: Mutex<Option<std::net::TcpListener>>,
    /// Folder of the warmers' positions.
    data: Option<PathBuf>,
    /// How long copies that no list names are kept.
    keep: Duration,
}

impl Errands {
    /// The errands of an edge; `orders` is the socket it takes orders on, `figures` where it tells
    /// Prometheus.
    #[must_use]
    pub fn new(
        edge: Arc<Edge>,
        (orders, figures): (
            Option<std::os::unix::net::UnixListener>,
            Option<std::net::TcpListener>,
        ),
        data: Option<PathBuf>,
        keep: Duration,
    ) -> Self {
        Self {
            edge,
            orders: Mutex::new(orders),
            figures: Mutex::new(figures),
            data,
            keep,
        }
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
        let mut tasks = JoinSet::new();
        let orders = self
            .orders
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        match orders.map(tokio::net::UnixListener::from_std) {
            Some(Ok(orders)) => {
                tasks.spawn(admin::serve(self.edge.clone(), orders));
            }
            Some(Err(error)) => tracing::error!(%error, "orders cannot be taken"),
            None => {}
        }
        let figures = self
            .figures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        match figures.map(tokio::net::TcpListener::from_std) {
            Some(Ok(figures)) => {
                tasks.spawn(metrics::serve(self.edge.clone(), figures));
            }
            Some(Err(error)) => tracing::error!(%error, "figures cannot be told"),
            None => {}
        }
        self.warm(&mut tasks);
        tasks.spawn(look_after(self.edge.clone(), self.keep));
        tasks.spawn(reread(self.edge.clone()));
        tasks.spawn(check::run(self.edge.clone()));
        let switchboard = self.edge.switchboard.clone();
        tasks.spawn(async move { switchboard.follow().await });
        tasks.spawn(crate::redirect_hits::recorder::run(self.edge.clone()));
        let cache = self.edge.cache.clone();
        tasks.spawn(async move {
            cache.take_stock().await;
            // A takedown whose sweep a power cut interrupted is swept now.
            cache.sweep_withdrawn().await;
        });
        let _stop = shutdown.changed().await;
        tasks.shutdown().await;
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
async fn reread(edge: Arc<Edge>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        return;
    };
    while hangup.recv().await.is_some() {
        edge.access_log.reopen();
        let envelope = Envelope {
            order: Order::Reload,
            who: "SIGHUP".to_owned(),
            reason: None,
            if_generation: None,
            dry_run: false,
        };
        match admin::give(&edge, envelope, "signal").await {
            Ok(reply) => {
                tracing::info!(generation = reply.generation, outcome = ?reply.outcome, "configuration read again")
            }
            Err(refusal) => tracing::error!(%refusal, "the configuration was not taken over"),
        }
    }
}
