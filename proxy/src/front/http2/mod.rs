//! HTTP/2 with readers (RFC 9113): one connection, its streams, and how each is answered.
//!
//! `h2` frames and keeps the windows. A plain hit is answered at once, without a task of its own;
//! another read asks the stages, as over HTTP/1.1 (`reply.rs` writes what they say); everything
//! else goes to pingora through a pipe inside the process (`bridge.rs`).

mod bridge;
mod reply;
mod request;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{Method, Request, StatusCode};
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::protocols::{SocketDigest, Stream, tls::SslDigest};
use pingora::server::ShutdownWatch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use yagura_config::settings::LimitSettings;
use yagura_control::clock::monotonic;

use super::{ANSWER, Front, SPAN, SPANS, client};
use crate::access_log::Line;
use crate::limits::Admitted;
use crate::limits::pace::Slowest;
use crate::limits::refused::Limit;
use crate::stages;
use crate::stages::reply::Reply;
use crate::visit::Visit;

/// Requests of one connection that may be under way.
const MOST_STREAMS: u32 = 128;
/// Malformed requests after which a connection is closed.
const MOST_MALFORMED: usize = 32;

/// What is known of a connection, for all its requests.
struct Reader {
    client: Option<IpAddr>,
    tls: Option<Arc<SslDigest>>,
    socket: Option<Arc<SocketDigest>>,
    slowest: Slowest,
}

/// One request with the way to its answer.
struct Asked {
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    began: std::time::Instant,
}

/// Speaks HTTP/2 until the connection ends.
pub async fn serve(
    front: &Arc<Front>,
    stream: Stream,
    mut admitted: Admitted,
    shutdown: &ShutdownWatch,
) {
    let reader = Arc::new(Reader {
        client: client(&stream),
        tls: stream.get_ssl_digest(),
        socket: stream.get_socket_digest(),
        slowest: Slowest::of(&admitted.settings),
    });
    let options = options(&admitted.settings);
    let handshake = options.handshake(stream);
    let handshake = tokio::time::timeout(admitted.settings.head_timeout, handshake);
    let Ok(Ok(mut connection)) = handshake.await else {
        return;
    };
    let mut tasks = JoinSet::new();
    let mut shutdown_told = shutdown.clone();
    let mut ending = false;
    let mut malformed = 0;
    let (mut until, mut silent_spans) = (deadline(SPAN), 0);
    loop {
        let next = tokio::select! {
            biased;
            next = connection.accept() => next,
            Some(_ended) = tasks.join_next() => {
                (until, silent_spans) = (deadline(SPAN), 0);
                continue;
            }
            _told = shutdown_told.changed(), if !ending => {
                (ending, until) = (true, deadline(ANSWER));
                connection.graceful_shutdown();
                continue;
            }
            // Who has asked nothing for a while is let go: first with a word, then without.
            () = tokio::time::sleep_until(until), if tasks.is_empty() => {
                if ending {
                    return;
                }
                silent_spans += 1;
                if silent_spans < if admitted.is_crowded() { 1 } else { SPANS } {
                    until = deadline(SPAN);
                    continue;
                }
                (ending, until) = (true, deadline(ANSWER));
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, respond))) = next else {
            return;
        };
        if !ending {
            (until, silent_spans) = (deadline(SPAN), 0);
        }
        if !admitted.may_go_on() {
            return;
        }
        let asked = Asked {
            request,
            respond,
            began: monotonic(),
        };
        match taken(asked).map(|asked| short_enough(front, &admitted.settings, asked)) {
            Ok(None) => {}
            Ok(Some(asked)) => {
                if let Some(asked) = answered(front, &reader, asked) {
                    let (front, reader) = (front.clone(), reader.clone());
                    let shutdown = shutdown.clone();
                    tasks.spawn(async move { ask(&front, &reader, asked, &shutdown).await });
                } else {
                    admitted.hit();
                }
            }
            Err(()) => malformed += 1,
        }
        if malformed > MOST_MALFORMED {
            connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
        }
    }
}

fn options(limits: &LimitSettings) -> H2Options {
    let mut options = default_h2_options();
    options.max_concurrent_streams(MOST_STREAMS);
    options.max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
    options
}

fn deadline(after: Duration) -> Instant {
    Instant::from_std(monotonic()) + after
}

/// The request, if it can be read in one way only; otherwise its stream is reset.
fn taken(mut asked: Asked) -> Result<Asked, ()> {
    match request::tidied(&mut asked.request) {
        Ok(()) => Ok(asked),
        Err(request::Malformed) => {
            asked.respond.send_reset(h2::Reason::PROTOCOL_ERROR);
            Err(())
        }
    }
}

/// The request, unless its target or its fields are too many; then it is refused. (Fields that are
/// too long together are refused by the protocol's own limit.)
fn short_enough(front: &Front, limits: &LimitSettings, mut asked: Asked) -> Option<Asked> {
    let target = asked.request.uri().path_and_query();
    let (limit, status) = if target.is_some_and(|t| t.as_str().len() > limits.line_bytes) {
        (Limit::Line, StatusCode::URI_TOO_LONG)
    } else if asked.request.headers().len() > limits.head_fields {
        (Limit::HeadSize, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    } else {
        return Some(asked);
    };
    front.edge.limits.refused.count(limit);
    reply::refuse(status, &mut asked.respond);
    None
}

/// Answers a plain hit; gives everything else back.
fn answered(front: &Front, reader: &Reader, mut asked: Asked) -> Option<Asked> {
    let Some(answer) = request::hit(&front.edge, reader.tls.is_some(), &asked.request) else {
        return Some(asked);
    };
    let _under_way = front.edge.traffic.begin();
    let bytes = reply::send_hit(&answer, &mut asked.respond);
    answer.site.seen.counters.hit(answer.status(), bytes);
    if front.edge.access_log.is_on() {
        let path = asked.request.uri().path();
        front.edge.access_log.add(Line::of_hit(
            &answer,
            path,
            reader.client,
            bytes,
            asked.began,
        ));
    }
    None
}

/// Asks the stages about a read and writes what they say; hands everything else on.
async fn ask(front: &Front, reader: &Reader, mut asked: Asked, shutdown: &ShutdownWatch) {
    let edge = &front.edge;
    let method = asked.request.method().clone();
    let plain =
        matches!(method, Method::GET | Method::HEAD) && asked.request.body().is_end_stream();
    if plain && let Some(request) = request::for_stages(&asked.request) {
        let mut visit = Visit::new(edge.traffic.begin(), asked.began, edge.clock.now());
        (visit.tls, visit.client) = (reader.tls.is_some(), reader.client);
        if let Some(reply) = stages::answer(edge, &request, &mut visit).await {
            let status = reply.status.as_u16();
            let bytes = send(front, reader, reply, &method, &mut asked.respond).await;
            visit.count(status, bytes);
            if edge.access_log.is_on() {
                edge.access_log
                    .add(Line::of(&visit, method.as_str(), status, bytes));
            }
            return;
        }
    }
    bridge::forward(&front.proxy, reader, asked, shutdown).await;
}

async fn send(
    front: &Front,
    reader: &Reader,
    reply: Reply,
    method: &Method,
    respond: &mut SendResponse<Bytes>,
) -> u64 {
    let now = front.edge.clock.now();
    reply::send(reply, method, (now, reader.slowest), respond).await
}
