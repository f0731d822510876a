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
use http::{Method, Request, StatusCode, Version};
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::protocols::{SocketDigest, Stream, tls::SslDigest};
use pingora::server::ShutdownWatch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use yagura_config::settings::LimitSettings;
use yagura_control::clock::monotonic;

use super::decide::Answer;
use super::{ANSWER, Front, SPAN, SPANS, answer};
use crate::access_log::Line;
use crate::access_log::asked::Asked as Told;
use crate::access_log::line::Wire;
use crate::ingress::Caller;
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
    wire: Wire,
    tls: Option<Arc<SslDigest>>,
    socket: Option<Arc<SocketDigest>>,
    slowest: Slowest,
}

/// One request with the way to its answer.
struct Asked {
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    began: std::time::Instant,
    /// Who is at the other end of the connection.
    caller: Caller,
}

impl Asked {
    /// Who asks.
    fn reader(&self) -> Option<IpAddr> {
        self.caller.reader(self.request.headers())
    }
}

/// Speaks HTTP/2 until the connection ends.
pub async fn serve(
    front: &Arc<Front>,
    stream: Stream,
    mut admitted: Admitted,
    shutdown: &ShutdownWatch,
) {
    let reader = Arc::new(Reader {
        wire: Wire::of(Version::HTTP_2, stream.get_ssl_digest().as_deref()),
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
            caller: admitted.caller.clone(),
        };
        let taken = taken(front, &reader, asked);
        match taken.map(|asked| short_enough(front, &reader, &admitted.settings, asked)) {
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
fn taken(front: &Front, reader: &Reader, mut asked: Asked) -> Result<Asked, ()> {
    match request::tidied(&mut asked.request) {
        Ok(()) => Ok(asked),
        Err(request::Malformed) => {
            asked.respond.send_reset(h2::Reason::PROTOCOL_ERROR);
            log_refusal(front, reader, &asked, 0, None);
            Err(())
        }
    }
}

/// The request, unless its target or its fields are too many; then it is refused. (Fields that are
/// too long together are refused by the protocol's own limit.)
fn short_enough(
    front: &Front,
    reader: &Reader,
    limits: &LimitSettings,
    mut asked: Asked,
) -> Option<Asked> {
    let target = asked.request.uri().path_and_query();
    let (limit, status) = if target.is_some_and(|t| t.as_str().len() > limits.line_bytes) {
        (Limit::Line, StatusCode::URI_TOO_LONG)
    } else if asked.request.headers().len() > limits.head_fields {
        (Limit::HeadSize, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
    } else {
        return Some(asked);
    };
    let limit = front.edge.limits.refused.count(limit);
    reply::refuse(status, &mut asked.respond);
    log_refusal(front, reader, &asked, status.as_u16(), Some(limit));
    None
}

/// Answers a plain hit; gives everything else back.
fn answered(front: &Front, reader: &Reader, mut asked: Asked) -> Option<Asked> {
    if asked.caller.speaks_for_others()
        && front.edge.limits.bans_anybody()
        && front.edge.limits.is_banned(asked.reader())
    {
        return Some(asked);
    }
    let Some(answer) = hit(front, reader, &asked) else {
        return Some(asked);
    };
    let first_byte = asked.began.elapsed();
    let _under_way = front.edge.traffic.begin();
    let bytes = reply::send_hit(&answer, &mut asked.respond);
    answer.count(bytes);
    if front.edge.tells() {
        let told = answer::Told {
            client: asked.reader(),
            wire: reader.wire,
            began: asked.began,
            first_byte,
            bytes,
        };
        let line = answer::line(answer, what(&asked.request), &told);
        front.edge.tell(line);
    }
    None
}

fn hit(front: &Front, reader: &Reader, asked: &Asked) -> Option<Answer> {
    let class = asked.caller.class();
    request::hit(&front.edge, (reader.tls.is_some(), class), &asked.request)
}

/// Asks the stages about a read and writes what they say; hands everything else on.
async fn ask(front: &Front, reader: &Reader, mut asked: Asked, shutdown: &ShutdownWatch) {
    let edge = &front.edge;
    let method = asked.request.method().clone();
    let plain =
        matches!(method, Method::GET | Method::HEAD) && asked.request.body().is_end_stream();
    if plain && let Some(request) = request::for_stages(&asked.request) {
        let mut visit = Visit::new(edge.traffic.begin(), asked.began, edge.clock.now());
        (visit.tls, visit.client) = (reader.tls.is_some(), asked.reader());
        (visit.wire, visit.class) = (reader.wire, asked.caller.class());
        if let Some(mut reply) = stages::answer(edge, &request, &mut visit).await {
            let status = reply.status.as_u16();
            reply.add_own_fields(&visit);
            visit.answers();
            let bytes = send(front, reader, reply, &method, &mut asked.respond).await;
            visit.count(status, bytes);
            if edge.tells() {
                let line = Line::of(&visit, Told::of_request(&request), status, bytes);
                edge.tell(line);
            }
            return;
        }
    }
    bridge::forward(&front.proxy, reader, asked, shutdown).await;
}

/// What the log is told of a request.
fn what(request: &Request<RecvStream>) -> Told {
    let target = request.uri().path_and_query();
    let target = target.map_or("", |target| target.as_str());
    Told::of_fields(request.method(), target, request.headers())
}

/// Adds the line of a request that is refused before anybody is asked about it; its status is 0
/// where its stream was reset.
fn log_refusal(front: &Front, reader: &Reader, asked: &Asked, status: u16, limit: Option<Limit>) {
    if front.edge.tells() {
        let reader = (asked.reader(), reader.wire);
        let at = (front.edge.clock.now(), asked.began);
        let line = Line::of_refusal(reader, at, what(&asked.request));
        front.edge.tell(Line {
            status,
            limit,
            ..line
        });
    }
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
