//! Orders: `POST /v1/orders` with an envelope, answered with a reply or a refusal.
//!
//! They come over the control socket (here) or from afar (`admin/afar.rs`). Who gives one is what
//! the connection proves, or a token that is shown (`admin/access.rs`), never what the envelope says; what they may do stands
//! in `admin/permission.rs`; both are asked anew for each order (`admin/gate.rs`).

pub mod access;
pub mod afar;
pub mod gate;
mod permission;

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use yagura_config::settings::Role;
use yagura_control::order::{Envelope, Order, Refusal, RefusalCode, Reply, Upgrade};
use yagura_control::token::{NoToken, Token};

use self::access::Credentials;
use self::gate::Admission;
use crate::certificates;
use crate::error::EdgeError;
use crate::state::Edge;
use crate::{hooks, probes, show, show_redirects, target_check};

/// Largest order taken: a table of redirects.
const MOST_BYTES: usize = 64 << 20;
/// Largest order taken of who may only ask or purge.
const MOST_BYTES_OF_QUESTIONS: usize = 1 << 20;
/// How long an order may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);
/// How long its head may take, and how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(10);
/// Largest head of a request.
const LARGEST_HEAD_BYTES: usize = 16 << 10;
/// Most connections at a time, on the socket and from afar each.
const MOST_CONNECTIONS: usize = 256;
/// Most connections at a time of users who may give no order.
const MOST_STRANGERS: usize = 16;
/// What is read of an order of somebody who may give none, so that they can read the answer.
const STRANGER_BYTES: usize = 64 << 10;

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
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let strangers = Arc::new(Semaphore::new(MOST_STRANGERS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "an order could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(credentials) = credentials(&stream) else {
            continue;
        };
        // Who may give no order cannot keep those out who may.
        let known = edge.gate.access().who(&credentials).is_ok();
        let places = if known { &places } else { &strangers };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let edge = edge.clone();
        tokio::spawn(async move {
            respond_all(&edge, stream, credentials, true).await;
            drop(place);
        });
    }
}

/// What the kernel says of who connected.
fn credentials(stream: &UnixStream) -> Option<Credentials> {
    let peer = stream.peer_cred().ok()?;
    Some(Credentials::User {
        uid: peer.uid(),
        pid: peer.pid(),
    })
}

/// Answers the orders of one connection; one alone unless they may follow each other.
async fn respond_all(
    edge: &Arc<Edge>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    credentials: Credentials,
    several: bool,
) {
    // Who gives an order hears what came of it, also when it was that this process ends.
    let _under_way = edge.traffic.begin_order();
    let credentials = &credentials;
    let answer = service_fn(|request| async move {
        Ok::<_, Infallible>(respond(edge, request, credentials).await)
    });
    let _sender_is_gone = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST_HEAD_BYTES)
        .keep_alive(several)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

async fn respond(
    edge: &Arc<Edge>,
    request: Request<Incoming>,
    credentials: &Credentials,
) -> Response<Full<Bytes>> {
    let access = edge.gate.access();
    let token = token(request.headers());
    let sender = token.and_then(|token| {
        let (operator, _) = access.sender(credentials, token.as_ref(), "")?;
        Ok((operator, token))
    });
    let (operator, token) = match sender {
        Ok(sender) => sender,
        Err(refusal) => {
            let unread = Limited::new(request.into_body(), STRANGER_BYTES).collect();
            let _dropped = tokio::time::timeout(HEAD, unread).await;
            tracing::warn!(?credentials, "an order of nobody known was refused");
            return json(StatusCode::FORBIDDEN, &refusal);
        }
    };
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/orders" | "/orders") => {}
        (&Method::GET, "/v1/openapi.json") => {
            return json(StatusCode::OK, &yagura_control::openapi::document());
        }
        _ => {
            let what = "orders are given with POST /v1/orders; GET /v1/openapi.json describes them";
            return json(StatusCode::NOT_FOUND, &malformed(what.to_owned()));
        }
    }
    let most = match operator
        .roles
        .iter()
        .any(|role| role.includes(Role::Operator))
    {
        true => MOST_BYTES,
        false => MOST_BYTES_OF_QUESTIONS,
    };
    let body = Limited::new(request.into_body(), most).collect();
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
    let mut envelope: Envelope = match serde_json::from_slice(&body) {
        Ok(envelope) => envelope,
        Err(error) => return json(StatusCode::BAD_REQUEST, &malformed(error.to_string())),
    };
    if let Err(refusal) = permission::check(&operator, &envelope.order) {
        return json(StatusCode::FORBIDDEN, &refusal);
    }
    if let (Order::Upgrade(Upgrade { binary: Some(_) }), Credentials::Certificate { .. }) =
        (&envelope.order, credentials)
    {
        return json(StatusCode::FORBIDDEN, &names_a_program());
    }
    let proof = match access.sender(credentials, token.as_ref(), &envelope.who) {
        Ok((_, proof)) => proof,
        Err(refusal) => return json(StatusCode::FORBIDDEN, &refusal),
    };
    envelope.who.clone_from(&operator.name);
    match give(edge, envelope, &proof).await {
        Ok(reply) => json(StatusCode::OK, &reply),
        Err(refusal) => json(StatusCode::UNPROCESSABLE_ENTITY, &refusal),
    }
}

/// The token that is shown; none where the connection alone says who it is.
fn token(fields: &HeaderMap) -> Result<Option<Token>, Refusal> {
    let mut fields = fields.get_all(header::AUTHORIZATION).iter();
    let token = match (fields.next(), fields.next()) {
        (None, _) => return Ok(None),
        (Some(field), None) => Token::authorized(field),
        (Some(_), Some(_)) => Err(NoToken),
    };
    token.map(Some).map_err(|error| Refusal {
        code: RefusalCode::Forbidden,
        message: "what is shown in Authorization is no token".to_owned(),
        hint: error.to_string(),
    })
}

/// A certificate must not be enough to have any file of the edge's machine run.
fn names_a_program() -> Refusal {
    Refusal {
        code: RefusalCode::Forbidden,
        message: "another program cannot be named from afar".to_owned(),
        hint: "put it in the place of the present one and leave --binary out, or give the order on the edge's machine".to_owned(),
    }
}

/// Gives an order to the switchboard, which may wait for the disk. `envelope.who` and `peer` are
/// what the journal shows.
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
        Order::ShowRequests => return Ok(edge.switchboard.requests()),
        Order::CloudStatus => return Ok(probes::show::shown(edge)),
        Order::ShowWaf(asked) => return Ok(edge.waf_shown(asked).await),
        Order::Upgrade(upgrade) => {
            let outcome = edge.upgrades.ask(upgrade.binary.clone()).await?;
            let generation = edge.switchboard.plan().generation;
            return Ok(edge
                .switchboard
                .reply(generation, edge.clock.now(), outcome));
        }
        Order::TakeCertificate(take) => {
            return certificates::take_over::take(edge, take, &envelope.who, envelope.dry_run)
                .await;
        }
        Order::ShowProofs(proofs) => return certificates::take_over::show(edge, proofs),
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
        | Order::LiftBan(_)
        | Order::Bypass(_)
        | Order::Return(_)
        | Order::AbortBypass(_)
        | Order::ConfirmDns(_)
        | Order::OpenStaff(_)
        | Order::CloseStaff(_)
        | Order::RecordRestore(_)
        | Order::Decide(_)
        | Order::WithdrawRequest(_)
        | Order::Review(_) => {}
    }
    let reloads = matches!(&envelope.order, Order::Reload) && !envelope.dry_run;
    let withdraws = matches!(&envelope.order, Order::Purge(purge) if !purge.withdraw.is_empty());
    let (acting, peer) = (edge.clone(), peer.to_owned());
    let acted = tokio::task::spawn_blocking(move || {
        let reply = acting.switchboard.carry_out(&envelope, &peer)?;
        hooks::told::announce(&acting, &envelope, &reply);
        Ok(reply)
    });
    let acted = acted.await;
    let reply = acted.unwrap_or_else(|error| Err(malformed(error.to_string())))?;
    if reloads {
        judge_by_new_rules(edge).await;
    }
    if withdraws {
        let cache = edge.cache.clone();
        tokio::spawn(async move { cache.sweep_withdrawn().await });
    }
    Ok(reply)
}

/// Lets the operators of the configuration that was just read give orders. Its files and users were
/// looked at when it was read; should one be gone in between, the former operators stay.
async fn judge_by_new_rules(edge: &Arc<Edge>) {
    let settings = edge.switchboard.settings();
    let admission = tokio::task::spawn_blocking(move || Admission::of(&settings)).await;
    match admission.map_err(|error| error.to_string()).flatten() {
        Ok(admission) => edge.gate.put_in_force(admission),
        Err(error) => tracing::error!(%error, "the operators stay as they were"),
    }
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
