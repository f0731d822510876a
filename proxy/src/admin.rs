//! Orders over the Unix socket: `POST /orders` with an envelope, answered with a reply or a refusal.
//!
//! Who may open the socket may give orders; its permissions are the access control. What the socket
//! proves of the sender goes into the journal.

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use yagura_control::order::{Envelope, Order, Refusal, RefusalCode, Reply};

use crate::error::EdgeError;
use crate::state::Edge;
use crate::{show, show_redirects, target_check};

/// Largest order taken: a table of redirects.
const MOST_BYTES: usize = 64 << 20;
/// How long an order may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// A socket that only this user may open, in place of one that a dead process left.
///
/// # Errors
/// The folder cannot be written, or another edge answers there.
pub fn listen(path: &Path) -> Result<std::os::unix::net::UnixListener, EdgeError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(EdgeError::at(folder))?;
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        let taken = std::io::Error::new(
            std::io::ErrorKind::AddrInUse,
            "another edge takes orders there",
        );
        return Err(EdgeError::at(path)(taken));
    }
    // Made beside its place, so that nobody connects before the permissions are right.
    let partial = path.with_extension("new");
    let _not_there = std::fs::remove_file(&partial);
    let listener = std::os::unix::net::UnixListener::bind(&partial).map_err(EdgeError::at(path))?;
    std::fs::set_permissions(&partial, std::fs::Permissions::from_mode(0o600))
        .map_err(EdgeError::at(path))?;
    listener
        .set_nonblocking(true)
        .map_err(EdgeError::at(path))?;
    std::fs::rename(&partial, path).map_err(EdgeError::at(path))?;
    Ok(listener)
}

/// Takes orders until the task is dropped.
pub async fn serve(edge: Arc<Edge>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let edge = edge.clone();
                tokio::spawn(async move { connection(edge, stream).await });
            }
            Err(error) => {
                tracing::warn!(%error, "an order could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(edge: Arc<Edge>, stream: UnixStream) {
    let peer = match stream.peer_cred() {
        Ok(peer) => format!("uid {}, pid {}", peer.uid(), peer.pid().unwrap_or(0)),
        Err(_) => "unknown".to_owned(),
    };
    // Who gives an order hears what came of it, also when it was that this process ends.
    let _under_way = edge.traffic.begin();
    let answer = service_fn(|request| {
        let (edge, peer) = (edge.clone(), peer.clone());
        async move { Ok::<_, Infallible>(respond(&edge, request, &peer).await) }
    });
    let _sender_is_gone = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

async fn respond(
    edge: &Arc<Edge>,
    request: Request<Incoming>,
    peer: &str,
) -> Response<Full<Bytes>> {
    if request.uri().path() != "/orders" || request.method() != Method::POST {
        return json(
            StatusCode::NOT_FOUND,
            &malformed("orders are given with POST /orders".to_owned()),
        );
    }
    let body = Limited::new(request.into_body(), MOST_BYTES).collect();
    let body = match tokio::time::timeout(ARRIVAL, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return json(StatusCode::BAD_REQUEST, &malformed(error.to_string())),
        Err(_) => {
            return json(
                StatusCode::REQUEST_TIMEOUT,
                &malformed("the order did not arrive".to_owned()),
            );
        }
    };
    let envelope: Envelope = match serde_json::from_slice(&body) {
        Ok(envelope) => envelope,
        Err(error) => return json(StatusCode::BAD_REQUEST, &malformed(error.to_string())),
    };
    match give(edge, envelope, peer).await {
        Ok(reply) => json(StatusCode::OK, &reply),
        Err(refusal) => json(StatusCode::UNPROCESSABLE_ENTITY, &refusal),
    }
}

/// Gives an order to the switchboard, which may wait for the disk.
pub async fn give(edge: &Arc<Edge>, envelope: Envelope, peer: &str) -> Result<Reply, Refusal> {
    match &envelope.order {
        Order::Status => return Ok(edge.status()),
        Order::CacheStats => return Ok(edge.cache_stats()),
        Order::ShowCache(asked) => return show::cache(edge, asked).await,
        Order::ShowHistory(asked) => return Ok(edge.switchboard.history(asked)),
        Order::ShowNotice(of) => return edge.switchboard.notice(&of.site),
        Order::ShowDisaster(of) => return edge.switchboard.disaster(&of.site),
        Order::ShowRedirects(asked) => return show_redirects::show(edge, asked).await,
        Order::CheckTargets(asked) => return target_check::check(edge, asked).await,
        Order::Bans => return Ok(edge.bans()),
        Order::Upgrade(upgrade) => {
            let outcome = edge.upgrades.ask(upgrade.binary.clone()).await?;
            let generation = edge.switchboard.plan().generation;
            return Ok(edge
                .switchboard
                .reply(generation, edge.clock.now(), outcome));
        }
        Order::RaiseNotice(_)
        | Order::LowerNotice(_)
        | Order::RaiseDisaster(_)
        | Order::LowerDisaster(_)
        | Order::AddPost(_)
        | Order::DropPost(_)
        | Order::Purge(_)
        | Order::ImportRedirects(_)
        | Order::Reload
        | Order::Route(_)
        | Order::Undo(_)
        | Order::Ban(_)
        | Order::LiftBan(_) => {}
    }
    let withdraws = matches!(&envelope.order, Order::Purge(purge) if !purge.withdraw.is_empty());
    let (acting, peer) = (edge.clone(), peer.to_owned());
    let acted =
        tokio::task::spawn_blocking(move || acting.switchboard.carry_out(&envelope, &peer)).await;
    let reply = acted.unwrap_or_else(|error| Err(malformed(error.to_string())))?;
    if withdraws {
        let cache = edge.cache.clone();
        tokio::spawn(async move { cache.sweep_withdrawn().await });
    }
    Ok(reply)
}

fn malformed(message: String) -> Refusal {
    let hint = "use the commands of `yagura`, which give orders in the right form";
    Refusal {
        code: RefusalCode::Malformed,
        message,
        hint: hint.to_owned(),
    }
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
