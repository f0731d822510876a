//! Puts the edge together and runs it.

use std::sync::{Arc, OnceLock};

use pingora::proxy::http_proxy;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::background::background_service;
use pingora::services::listening;
use yagura_config::Settings;
use yagura_config::settings::EdgeSettings;
use yagura_control::Clock;

use crate::access_log::AccessLog;
use crate::cache::{Cache, Rules};
use crate::errands::Errands;
use crate::error::EdgeError;
use crate::front::Front;
use crate::limits::Limits;
use crate::listeners::Tls;
use crate::redirect_hits::{HitStore, recorder};
use crate::routing::Switchboard;
use crate::service::Service;
use crate::signals::Signals;
use crate::state::{Edge, Traffic};
use crate::{admin, listeners, metrics};

/// Connections to origins kept for the next request, over all threads.
const POOL: usize = 256;

/// Runs an edge until it is told to stop. Blocks, and must not be called inside a runtime.
///
/// `reload` reads the configuration file again; its error holds every fault as text.
///
/// # Errors
/// Something it needs cannot be used. Once it runs, nothing ends it but a signal.
pub fn run(
    settings: Settings,
    clock: Arc<dyn Clock>,
    reload: impl Fn() -> Result<Settings, String> + Send + Sync + 'static,
) -> Result<(), EdgeError> {
    let edge_settings = settings.edge.clone().ok_or(EdgeError::NoEdge)?;
    let sites = settings.sites.clone();
    let traffic = Arc::new(Traffic::default());
    let orders = edge_settings
        .control_socket
        .as_deref()
        .map(admin::listen)
        .transpose()?;
    let figures = edge_settings.metrics.map(metrics::listen).transpose()?;
    let edge = Arc::new(opened(
        settings,
        &edge_settings,
        clock,
        Box::new(reload),
        traffic.clone(),
    )?);

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
    let tls = Tls::new(&edge_settings, &sites, edge.clock.now())?;
    if let Some(tls) = &tls {
        let _set_once = edge.certificate_ends_at.set(tls.ends_at);
    }
    let front = Front::new(edge.clone(), proxy, tls);
    let mut public = listening::Service::new("public".to_owned(), front);
    listeners::add(&mut public, &edge_settings)?;
    server.add_service(public);
    server.add_service(background_service(
        "errands",
        Errands::new(
            edge.clone(),
            (orders, figures),
            edge_settings.data.clone(),
            edge_settings.last_good_keep,
        ),
    ));
    let stopping = edge.clone();
    tracing::info!(edge = %edge_settings.name, listen = ?edge.listeners, "the edge is up");
    server.run(RunArgs {
        shutdown_signal: Box::new(Signals {
            traffic,
            grace: edge_settings.grace,
        }),
    });
    recorder::record(&stopping);
    stopping.access_log.finish();
    Ok(())
}

fn opened(
    settings: Settings,
    edge: &EdgeSettings,
    clock: Arc<dyn Clock>,
    reload: crate::routing::effect::Reload,
    traffic: Arc<Traffic>,
) -> Result<Edge, EdgeError> {
    if let Some(data) = &edge.data {
        std::fs::create_dir_all(data).map_err(EdgeError::at(data))?;
    }
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
    let switchboard = Switchboard::open(
        settings,
        (cache.clone(), limits.clone()),
        clock.clone(),
        reload,
        journal.as_deref(),
    )?;
    Ok(Edge {
        switchboard: Arc::new(switchboard),
        cache,
        redirect_hits: match edge.data.as_ref().map(|data| data.join("redirect-hits")) {
            None => None,
            Some(folder) => Some(
                HitStore::open(&folder, edge.redirect_hits_keep).map_err(EdgeError::at(folder))?,
            ),
        },
        limits,
        certificate_ends_at: OnceLock::new(),
        access_log: AccessLog::open(edge.access_log.as_ref(), &clock)?,
        traffic,
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
