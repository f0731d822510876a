//! The front: speaks with readers. It answers plain hits straight from memory, gives other
//! reads to the stages, and hands everything else on to pingora.
//!
//! It looks at each request exactly once (`head.rs`), decides (`decide.rs`), and either writes the
//! answer (`answer.rs`), asks the stages and writes their reply (`ask.rs`, `write.rs`), or gives
//! pingora the connection together with exactly the bytes of this request. What could be read in two
//! ways is refused here, before anything stands behind it (RFC 9112, sections 3.2 and 6.3). HTTP/2 is
//! spoken in `http2/`, with the same decisions. A connection over HTTP/1.1 between two requests holds
//! no buffers (`lent.rs`) and sets no timer anew (`patience.rs`).

mod answer;
mod ask;
mod decide;
pub(crate) mod head;
mod http2;
mod lent;
mod minded;
mod patience;
mod write;

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::BytesMut;
use http::{StatusCode, Version};
use pingora::apps::{HttpServerApp, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::{ALPN, Stream};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::io::AsyncReadExt;
use yagura_config::settings::LimitSettings;
use yagura_control::clock::monotonic;

use crate::access_log::Line;
use crate::access_log::asked::Asked;
use crate::access_log::line::Wire;
use crate::ingress::announced;
use crate::limits::Admitted;
use crate::limits::pace::Slowest;
use crate::limits::refused::Limit;
use crate::listeners::Tls;
use crate::service::Service;
use crate::state::Edge;
use decide::{Decision, HandOn};
use lent::Lent;
use patience::Silence;
pub use patience::within;

/// How long a connection may be idle between requests, at least; see [`Silence`].
const IDLE: Duration = Duration::from_secs(60);
/// The spans in which silence is measured, and how long it may be when there is little room left.
const SPAN: Duration = Duration::from_secs(5);
/// How many of them make up [`IDLE`].
const SPANS: u32 = 12;
/// How long a reader may take to accept a refusal, or the end of his connection.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the rest of a refused request is read, so that its refusal arrives.
const LINGER: Duration = Duration::from_secs(1);
/// What pingora writes in one go at most; it has one time limit for each such piece.
const PIECE: u64 = 64 << 10;

/// Room for a request's head, which is seldom larger.
const ROOM: usize = 4 << 10;

/// The app behind every public listener.
pub struct Front {
    edge: Arc<Edge>,
    proxy: Arc<HttpProxy<Service>>,
    tls: Option<Tls>,
}

/// What is known of a connection.
struct Connection {
    admitted: Admitted,
    /// Who asks; where a cloud speaks for many readers, who asks now.
    client: Option<IpAddr>,
    tls: bool,
    wire: Wire,
    lent: Lent,
}

impl Front {
    /// A front before this proxy.
    #[must_use]
    pub const fn new(edge: Arc<Edge>, proxy: Arc<HttpProxy<Service>>, tls: Option<Tls>) -> Self {
        Self { edge, proxy, tls }
    }

    async fn serve(&self, mut stream: Stream, admitted: Admitted, shutdown: &ShutdownWatch) {
        let mut connection = Connection {
            client: admitted.caller.address(),
            admitted,
            tls: stream.get_ssl_digest().is_some(),
            wire: Wire::of(Version::HTTP_11, stream.get_ssl_digest().as_deref()),
            lent: Lent::default(),
        };
        let mut silence = Silence::new(SPAN);
        loop {
            let length = match read_head(&mut stream, &mut connection, &mut silence).await {
                Ok(length) => length,
                Err(Unread::Gone) => return,
                Err(Unread::TooSlow) => {
                    connection.client = connection.admitted.caller.address();
                    let limit = Some(self.edge.limits.refused.count(Limit::HeadTime));
                    let status = StatusCode::REQUEST_TIMEOUT;
                    self.log_refusal(&connection, status, limit, monotonic());
                    return refuse(stream, connection, status).await;
                }
            };
            if !connection.admitted.may_go_on() {
                return;
            }
            let leading = head::leading_lines(&connection.lent.read);
            bytes::Buf::advance(&mut connection.lent.read, leading);
            let length = length - leading;
            let began = self.edge.tells().then(monotonic);
            match decide::decide(&self.edge, &mut connection, length) {
                Decision::Answer(answer) => {
                    let first_byte = began.map(|began| began.elapsed());
                    let _under_way = self.edge.traffic.begin();
                    answer.count(answer.bytes());
                    let close = self.edge.traffic.is_draining() || answer.close;
                    answer::write(&answer, close, &mut connection.lent.out);
                    connection.admitted.hit();
                    let slowest = Slowest::of(&connection.admitted.settings);
                    let sent = answer::send(&answer, &connection.lent.out, &mut stream, slowest);
                    let sent = self.is_sent(sent.await);
                    if let (Some(began), Some(first_byte)) = (began, first_byte) {
                        let asked = connection.lent.read.get(..length).unwrap_or_default();
                        let told = answer::Told {
                            client: connection.client,
                            wire: connection.wire,
                            began,
                            first_byte,
                            bytes: if sent { answer.bytes() } else { 0 },
                        };
                        let line = answer::line(answer, Asked::of_head(asked), &told);
                        self.edge.tell(line);
                    }
                    bytes::Buf::advance(&mut connection.lent.read, length);
                    if !sent || close {
                        finish(stream).await;
                        return;
                    }
                }
                Decision::Ask(request, hand_on) => {
                    let asked = ask::Asked {
                        request: &request,
                        began: began.unwrap_or_else(monotonic),
                        close: hand_on.close,
                    };
                    // In a box of its own: an idle connection must not keep room for it.
                    let asking = ask::answer(&self.edge, &mut connection, asked, &mut stream);
                    match Box::pin(asking).await {
                        ask::Outcome::Forward => {
                            let handing_on =
                                self.hand_on(stream, &mut connection, length, hand_on, shutdown);
                            match Box::pin(handing_on).await {
                                Some(reused) => stream = reused,
                                None => return,
                            }
                        }
                        ask::Outcome::Answered => {
                            bytes::Buf::advance(&mut connection.lent.read, length);
                        }
                        ask::Outcome::Ended => {
                            finish(stream).await;
                            return;
                        }
                    }
                }
                Decision::HandOn(hand_on) => {
                    let handing_on =
                        self.hand_on(stream, &mut connection, length, hand_on, shutdown);
                    match Box::pin(handing_on).await {
                        Some(reused) => stream = reused,
                        None => return,
                    }
                }
                Decision::Refuse(status, limit) => {
                    let began = began.unwrap_or_else(monotonic);
                    self.log_refusal(&connection, status, limit, began);
                    return refuse(stream, connection, status).await;
                }
            }
        }
    }

    fn is_sent(&self, result: std::io::Result<()>) -> bool {
        if let Err(error) = &result
            && error.kind() == std::io::ErrorKind::TimedOut
        {
            self.edge.limits.refused.count(Limit::SlowReader);
        }
        result.is_ok()
    }

    /// Adds the line of a request that is refused before it is known whose site it is for.
    fn log_refusal(
        &self,
        connection: &Connection,
        status: StatusCode,
        limit: Option<Limit>,
        began: Instant,
    ) {
        if !self.edge.tells() {
            return;
        }
        let reader = (connection.client, connection.wire);
        let at = (self.edge.clock.now(), began);
        let line = Line::of_refusal(reader, at, Asked::of_head(&connection.lent.read));
        self.edge.tell(Line {
            status: status.as_u16(),
            limit,
            ..line
        });
    }

    /// Gives a request to pingora; the stream comes back when another may follow.
    async fn hand_on(
        &self,
        mut stream: Stream,
        connection: &mut Connection,
        length: usize,
        hand_on: HandOn,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let slowest = Slowest::of(&connection.admitted.settings);
        let began = monotonic();
        if hand_on.gathered {
            let gathering = gather(&mut stream, &mut connection.lent.read, hand_on.bytes);
            match within(slowest.over, gathering).await {
                Some(true) => {}
                Some(false) => return None,
                None => {
                    let limit = Some(self.edge.limits.refused.count(Limit::SlowSender));
                    let status = StatusCode::REQUEST_TIMEOUT;
                    self.log_refusal(connection, status, limit, began);
                    refuse_with(stream, &mut connection.lent.out, status).await;
                    return None;
                }
            }
        }
        let bytes = hand_on.bytes.min(connection.lent.read.len());
        let request = connection.lent.read.split_to(bytes);
        let request = match hand_on.head {
            None => request,
            Some(head) => {
                let mut rewritten = BytesMut::from(head.as_slice());
                rewritten.extend_from_slice(request.get(length..).unwrap_or_default());
                rewritten
            }
        };
        let mut session = ServerSession::new_http1(stream);
        let keepalive = !self.edge.traffic.is_draining() && !*shutdown.borrow();
        session.set_keepalive(keepalive.then_some(IDLE.as_secs()));
        session.set_pipelined_prefix(request);
        if !hand_on.switching {
            bound(&mut session, slowest);
        }
        let reused = self.proxy.process_new_http(session, shutdown).await?;
        Some(reused.consume().0)
    }
}

#[async_trait]
impl ServerApp for Front {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let peer = peer(&stream);
        let admitted = self.edge.limits.admit(peer);
        self.edge.traffic.looked_at();
        let mut admitted = admitted.ok()?;
        let mut stream = stream;
        if self.edge.limits.begins_with_proxy(peer) {
            let demanding = announced::demand(&self.edge.limits, &mut stream, &mut admitted);
            Box::pin(demanding).await?;
        }
        let stream = match &self.tls {
            Some(tls) if tls.is_spoken_at(&stream) => {
                let handshake = tls.handshake(stream);
                let most = admitted.settings.head_timeout;
                let shaken = tokio::time::timeout(most, Box::pin(handshake)).await;
                self.edge.limits.shook_hands(matches!(shaken, Ok(Some(_))));
                match shaken {
                    Ok(stream) => stream?,
                    Err(_) => {
                        self.edge.limits.refused.count(Limit::HeadTime);
                        return None;
                    }
                }
            }
            _ => stream,
        };
        if matches!(stream.selected_alpn_proto(), Some(ALPN::H2)) {
            // In a box, so that a connection over HTTP/1.1 does not keep room for it.
            Box::pin(http2::serve(self, stream, admitted, shutdown)).await;
            return None;
        }
        self.serve(stream, admitted, shutdown).await;
        None
    }
}

/// What pingora is told of how slow a reader may be.
fn bound(session: &mut ServerSession, slowest: Slowest) {
    session.set_read_timeout(Some(slowest.over));
    session.set_write_timeout(Some(slowest.longest(PIECE)));
    session.set_total_drain_timeout(Some(LINGER));
}

/// Reads a short body whole; false when the reader is gone.
async fn gather(stream: &mut Stream, read: &mut BytesMut, bytes: usize) -> bool {
    while read.len() < bytes {
        read.reserve(bytes - read.len());
        if !matches!(stream.read_buf(read).await, Ok(1..)) {
            return false;
        }
    }
    true
}

/// Why there is no head.
enum Unread {
    /// The reader is gone, or silent.
    Gone,
    /// It came too slowly.
    TooSlow,
}

/// Reads until a request's head is whole, and gives its length. A head that is too long is given as
/// it is, for refusal.
async fn read_head(
    stream: &mut Stream,
    connection: &mut Connection,
    silence: &mut Silence,
) -> Result<usize, Unread> {
    let Connection { lent, admitted, .. } = connection;
    if lent.read.is_empty() {
        let read = first_bytes(stream, lent, silence, admitted).await;
        read.ok_or(Unread::Gone)?;
    }
    silence.heard();
    if let Some(length) = head::end(&lent.read, 0) {
        return Ok(length);
    }
    let rest = rest_of_head(stream, &mut lent.read, &admitted.settings);
    match tokio::time::timeout(admitted.settings.head_timeout, rest).await {
        Ok(Some(length)) => Ok(length),
        Ok(None) => Err(Unread::Gone),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Waits for a request without holding memory for it.
async fn first_bytes(
    stream: &mut Stream,
    lent: &mut Lent,
    silence: &mut Silence,
    admitted: &Admitted,
) -> Option<()> {
    // Who is silent makes room when there is little left.
    let spans = || if admitted.is_crowded() { 1 } else { SPANS };
    lent.give_back();
    poll_fn(|context| {
        lent.take();
        lent.read.reserve(ROOM);
        let read = pin!(stream.read_buf(&mut lent.read)).poll(context);
        match read {
            Poll::Ready(Ok(1..)) => Poll::Ready(Some(())),
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => {
                lent.give_back();
                silence.poll_over(context, spans).map(|()| None)
            }
        }
    })
    .await
}

async fn rest_of_head(
    stream: &mut Stream,
    read: &mut BytesMut,
    limits: &LimitSettings,
) -> Option<usize> {
    loop {
        if head::over(read, limits).is_some() {
            return Some(read.len());
        }
        let seen = read.len();
        read.reserve(ROOM);
        if stream.read_buf(read).await.ok()? == 0 {
            return None;
        }
        if let Some(length) = head::end(read, seen) {
            return Some(length);
        }
    }
}

/// Refuses a request of which nobody knows where it ends, and ends the connection with it.
async fn refuse(stream: Stream, mut connection: Connection, status: StatusCode) {
    refuse_with(stream, &mut connection.lent.out, status).await;
}

async fn refuse_with(mut stream: Stream, out: &mut BytesMut, status: StatusCode) {
    answer::write_refusal(status, out);
    let sent = tokio::io::AsyncWriteExt::write_all(&mut stream, out);
    let sent = within(ANSWER, sent).await;
    let ended = async {
        tokio::io::AsyncWriteExt::flush(&mut stream).await?;
        tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
        // With bytes unread the system would throw the refusal away with the connection.
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    if matches!(sent, Some(Ok(()))) {
        let _gone = tokio::time::timeout(LINGER, ended).await;
    }
}

/// Ends a connection so that what was written arrives.
async fn finish(mut stream: Stream) {
    use tokio::io::AsyncWriteExt;
    if stream.flush().await.is_ok() {
        let _gone = tokio::time::timeout(Duration::from_secs(1), stream.shutdown()).await;
    }
}

fn peer(stream: &Stream) -> Option<IpAddr> {
    let digest = stream.get_socket_digest()?;
    Some(digest.peer_addr()?.as_inet()?.ip())
}
