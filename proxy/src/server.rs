//! Puts the edge together and runs it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pingora::proxy::http_proxy;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;
use pingora::services::listening;
use tokio::sync::watch;
use yagura_config::Settings;
use yagura_config::settings::EdgeSettings;
use yagura_control::Clock;

use crate::access_log::AccessLog;
use crate::admin::gate::{Admission, Gate};
use crate::bypass::told::Bypasses;
use crate::cache::{Cache, Rules};
use crate::certificates::{self, Certificates};
use crate::errands::{Doors, Errands};
use crate::error::EdgeError;
use crate::front::Front;
use crate::hooks::Hooks;
use crate::ingress::Known;
use crate::limits::Limits;
use crate::listeners;
use crate::listeners::Tls;
use crate::notify::Notifier;
use crate::probes::Probes;
use crate::public::{self, Accepting, Public};
use crate::redirect_hits::{HitStore, recorder};
use crate::routing::Switchboard;
use crate::routing::effect::Reload;
use crate::service::Service;
use crate::state::{Edge, Traffic};
use crate::traces::Traces;
use crate::upgrade::lock::FolderLock;
use crate::upgrade::message::Line;
use crate::upgrade::sockets::Sockets;
use crate::upgrade::{Desk, Handing, Patience, Program, Role, taking};
use crate::waf::Waf;

/// Connections to origins kept for the next request, over all threads.
const POOL: usize = 256;
/// How long a new process may take until it accepts connections.
const READY: Duration = Duration::from_secs(30);

/// How a process begins, and what comes after it.
#[derive(Clone, Debug)]
pub struct Start {
    /// How the process that replaces this one is started.
    pub program: Program,
    /// Whether this process replaces the one that started it.
    pub takes_over: bool,
}

/// Runs an edge until it is told to stop, or replaced. Blocks, and must not be called inside a runtime.
///
/// `reload` reads the configuration file again; its error holds every fault as text.
///
/// # Errors
/// Something it needs cannot be used. Once it runs, nothing ends it but a signal or an upgrade.
pub fn run(
    settings: Settings,
    clock: Arc<dyn Clock>,
    reload: impl Fn() -> Result<Settings, String> + Send + Sync + 'static,
    start: Start,
) -> Result<(), EdgeError> {
    if !start.takes_over {
        return run_with(
            settings,
            clock,
            Box::new(reload),
            start.program,
            Sockets::activated(),
            None,
        );
    }
    let (line, sockets) = taking::take_over()?;
    let said = line
        .another()
        .map_err(|cause| EdgeError::TakeOver { cause })?;
    let ended = run_with(
        settings,
        clock,
        Box::new(reload),
        start.program,
        sockets,
        Some(line),
    );
    if let Err(error) = &ended {
        taking::give_up(&said, error);
    }
    ended
}

fn run_with(
    settings: Settings,
    clock: Arc<dyn Clock>,
    reload: Reload,
    program: Program,
    sockets: Sockets,
    before: Option<Line>,
) -> Result<(), EdgeError> {
    let edge_settings = settings.edge.clone().ok_or(EdgeError::NoEdge)?;
    let doors = Doors::open(&edge_settings, settings.control.as_ref(), &sockets)?;
    let public_sockets = listeners::sockets(&edge_settings, &sockets)?;
    sockets.close_the_rest();
    let lock = locked(&edge_settings)?;
    let traffic = Arc::new(Traffic::default());
    // A file whose operators cannot be taken over is as faulty as one that cannot be read.
    let reload: Reload = Box::new(move || {
        let settings = reload()?;
        Admission::of(&settings)?;
        match certificates::unusable_secrets(&settings.certificates) {
            unusable if unusable.is_empty() => Ok(settings),
            unusable => Err(unusable.join("\n")),
        }
    });
    let (upgrades, asked) = Desk::new(Role::Waiting);
    let edge = opened(
        settings,
        &edge_settings,
        clock,
        reload,
        (traffic.clone(), upgrades),
    )?;
    if before.is_some() {
        // Until the word comes, the journal is the other process's.
        edge.switchboard.seal();
    }
    let edge = Arc::new(edge);

    let conf = ServerConf {
        threads: edge_settings.threads,
        upstream_keepalive_pool_size: POOL,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let proxy = Arc::new(http_proxy(
        &server.configuration,
        Service::new(edge.clone()),
    ));
    let tls = Tls::new(&edge_settings, edge.certificates.clone())?;
    let front = Front::new(edge.clone(), proxy, tls);
    let (leave, leaving) = watch::channel(false);
    let (tell_accepting, accepting) = watch::channel(Accepting::NotYet);
    let mut public = listening::Service::new("public".to_owned(), front);
    listeners::add(&mut public, &edge_settings);
    let (open, opened) = watch::channel(false);
    let doors_of_public = public::Doors {
        open: opened,
        leave: leaving,
        accepting: tell_accepting,
    };
    server.add_service(Public::new(
        public,
        public_sockets,
        traffic,
        doors_of_public,
    ));
    let notifier = Arc::new(Notifier::of_environment());
    server.add_service(background_service(
        "errands",
        Errands::new(
            edge.clone(),
            doors,
            notifier.clone(),
            edge_settings.data.clone(),
            edge_settings.last_good_keep,
        ),
    ));
    let stopping = edge.clone();
    tracing::info!(edge = %edge_settings.name, listen = ?edge.listeners, "the edge is up");
    let failure = Arc::new(Mutex::new(None));
    server.run(RunArgs {
        shutdown_signal: Box::new(Handing {
            edge,
            program,
            sockets: Arc::new(sockets),
            lock,
            patience: Patience {
                ready: READY,
                drain: edge_settings.drain,
                grace: edge_settings.grace,
            },
            notifier,
            open,
            leave,
            accepting,
            asked: tokio::sync::Mutex::new(asked),
            before: Mutex::new(before),
            failure: failure.clone(),
        }),
    });
    recorder::record(&stopping);
    stopping.access_log.finish();
    stopping.traces.finish();
    let ended = failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    ended.map_or(Ok(()), Err)
}

/// The lock of the edge's folder, which is made when it is new.
fn locked(edge: &EdgeSettings) -> Result<Option<Arc<FolderLock>>, EdgeError> {
    let Some(data) = &edge.data else {
        return Ok(None);
    };
    std::fs::create_dir_all(data).map_err(EdgeError::at(data))?;
    Ok(Some(Arc::new(FolderLock::take(data)?)))
}

fn opened(
    settings: Settings,
    edge: &EdgeSettings,
    clock: Arc<dyn Clock>,
    reload: Reload,
    (traffic, upgrades): (Arc<Traffic>, Desk),
) -> Result<Edge, EdgeError> {
    let last_good = edge.data.as_ref().map(|data| data.join("last-good"));
    let rules = Rules {
        quota_bytes: edge.last_good_bytes,
        keep: edge.last_good_keep,
    };
    let kept = last_good.as_deref().map(|folder| (folder, rules));
    let cache = Cache::open(edge.hot_bytes, edge.max_object_bytes, kept);
    let cache = cache.map_err(EdgeError::at(last_good.clone().unwrap_or_default()))?;
    let journal = edge.data.as_ref().map(|data| data.join("journal"));
    let limits = Limits::new(edge.limits.clone(), clock.clone());
    limits.set_known(Known::after(&Known::default(), &settings));
    let admission = Admission::of(&settings).map_err(EdgeError::Operators)?;
    let certificates = Arc::new(Certificates::open(&settings, clock.now())?);
    let switchboard = Switchboard::open(
        settings,
        (cache.clone(), limits.clone()),
        clock.clone(),
        reload,
        journal.as_deref(),
    )?;
    Ok(Edge {
        gate: Gate::new(admission, edge.control_socket.clone()),
        switchboard: Arc::new(switchboard),
        cache,
        redirect_hits: match edge.data.as_ref().map(|data| data.join("redirect-hits")) {
            None => None,
            Some(folder) => Some(
                HitStore::open(&folder, edge.redirect_hits_keep).map_err(EdgeError::at(folder))?,
            ),
        },
        limits,
        certificates,
        access_log: AccessLog::open(edge.access_log.as_ref(), &clock)?,
        probes: Probes::default(),
        hooks: Hooks::default(),
        waf: Waf::new(edge.data.as_ref().map(|data| data.join("waf"))),
        traces: Traces::open(edge.traces.as_ref(), &edge.name)?,
        bypasses: Bypasses::default(),
        traffic,
        upgrades,
        started_at: clock.now(),
        clock,
        listeners: edge.listen.iter().map(listener_name).collect(),
    })
}

fn listener_name(listen: &yagura_config::settings::ListenSettings) -> String {
    format!(
        "{}://{}",
        if listen.tls { "https" } else { "http" },
        listen.address
    )
}
