//! Opens the listeners, starts the jobs, and runs until it is told to stop.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rand::Rng;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use yagura_config::settings::{CmsSettings, Origin};
use yagura_control::Clock;

use crate::error::CmsError;
use crate::state::CmsState;
use crate::{feed, jobs, web};

/// Largest request taken, in bytes: a picture or a PDF.
const MOST_BYTES: usize = 32 << 20;
/// Longest time for a request; the feed's waiting has its own.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

/// Runs the CMS until `shutdown` ends.
///
/// # Errors
/// The database, a folder or a listener cannot be used.
pub async fn run(
    settings: CmsSettings,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), CmsError> {
    let state = CmsState::open(settings, clock).await?;
    web::public::announce(&state).await?;
    let epoch = state.store.epoch(random_word()).await?;
    let (stop, stopped) = watch::channel(false);
    let settings = state.settings.clone();
    let feed = Origin::Unix(settings.feed_socket.clone());
    let served = [
        serve(
            &settings.public_listen,
            limited(web::public::router(state.clone())),
            stopped.clone(),
        )
        .await?,
        serve(
            &settings.staff_listen,
            limited(web::staff::router(state.clone())),
            stopped.clone(),
        )
        .await?,
        serve(&feed, feed::router(state.clone(), epoch), stopped).await?,
    ];
    let deliveries: Vec<_> = settings
        .edges
        .edges
        .iter()
        .map(|edge| tokio::spawn(jobs::deliver(state.clone(), edge.clone())))
        .collect();
    tracing::info!(public = %settings.public_listen, staff = %settings.staff_listen, "the CMS is up");
    shutdown.await;
    stop.send_replace(true);
    for delivery in deliveries {
        delivery.abort();
    }
    for server in served {
        // A request that does not end must not keep the process.
        let _ended = tokio::time::timeout(Duration::from_secs(5), server).await;
    }
    Ok(())
}

fn limited(router: Router) -> Router {
    router
        .layer(RequestBodyLimitLayer::new(MOST_BYTES))
        .layer(axum::extract::DefaultBodyLimit::max(MOST_BYTES))
        .layer(TimeoutLayer::with_status_code(
            http::StatusCode::SERVICE_UNAVAILABLE,
            LONGEST_REQUEST,
        ))
}

async fn serve(
    place: &Origin,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) -> Result<tokio::task::JoinHandle<()>, CmsError> {
    let stop = async move {
        let _sender_gone = stopped.wait_for(|stop| *stop).await;
    };
    Ok(match place {
        Origin::Unix(path) => {
            let listener = private_socket(path)?;
            tokio::spawn(async move {
                let _never_fails = axum::serve(listener, router)
                    .with_graceful_shutdown(stop)
                    .await;
            })
        }
        Origin::Tcp(address) => {
            let listener = TcpListener::bind(address)
                .await
                .map_err(CmsError::at(address.to_string()))?;
            tokio::spawn(async move {
                let _never_fails = axum::serve(listener, router)
                    .with_graceful_shutdown(stop)
                    .await;
            })
        }
    })
}

/// A socket that only this user may open. One left by a process that is gone is replaced; it is
/// made beside its place, so that nobody connects before the permissions are right.
fn private_socket(path: &Path) -> Result<UnixListener, CmsError> {
    let at = || CmsError::at(path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(CmsError::at(folder))?;
    }
    let partial = path.with_extension("new");
    let _not_there = std::fs::remove_file(&partial);
    let listener = UnixListener::bind(&partial).map_err(at())?;
    std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o600)).map_err(at())?;
    std::fs::rename(&partial, path).map_err(at())?;
    Ok(listener)
}

fn random_word() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}
