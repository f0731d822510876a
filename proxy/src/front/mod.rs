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
mod head;
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
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use pingora::apps::{HttpServerApp, ServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::{ALPN, Stream};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::io::AsyncReadExt;
use yagura_control::clock::monotonic;

use crate::counters::Event;
use crate::service::Service;
use crate::state::Edge;
pub use decide::Answer;
use decide::{Decision, HandOn};
use lent::Lent;
use patience::{Silence, within};

/// How long a connection may be idle between requests, at least; see [`Silence`].
const IDLE: Duration = Duration::from_secs(60);
/// How long a request's head may take from its first byte: who sends it drop by drop is let go.
const HEAD: Duration = Duration::from_secs(10);
/// How long a reader may take to accept an answer.
const ANSWER: Duration = Duration::from_secs(60);

/// Room for a request's head, which is seldom larger.
const ROOM: usize = 4 << 10;

/// The app behind every public listener.
pub struct Front {
    edge: Arc<Edge>,
    proxy: Arc<HttpProxy<Service>>,
}

/// What is known of a connection.
struct Connection {
    client: Option<IpAddr>,
    tls: bool,
    lent: Lent,
}

impl Front {
    /// A front before this proxy.
    #[must_use]
    pub const fn new(edge: Arc<Edge>, proxy: Arc<HttpProxy<Service>>) -> Self {
        Self { edge, proxy }
    }

    async fn serve(&self, mut stream: Stream, shutdown: &ShutdownWatch) {
        let mut connection = Connection {
            client: client(&stream),
            tls: stream.get_ssl_digest().is_some(),
            lent: Lent::default(),
        };
        let mut silence = Silence::new(IDLE);
        loop {
            let Some(length) = read_head(&mut stream, &mut connection.lent, &mut silence).await
            else {
                return;
            };
            let leading = head::leading_lines(&connection.lent.read);
            bytes::Buf::advance(&mut connection.lent.read, leading);
            let length = length - leading;
            let began = self.edge.access_log.is_on().then(monotonic);
            match decide::decide(&self.edge, &mut connection, length) {
                Decision::Answer(answer) => {
                    let _under_way = self.edge.traffic.begin();
                    answer.site.seen.counters.add(Event::Hit);
                    let close = self.edge.traffic.is_draining() || answer.close;
                    answer::write(&answer, close, &mut connection.lent.out);
                    let sent = answer::send(&answer, &connection.lent.out, &mut stream);
                    let sent = matches!(within(ANSWER, sent).await, Some(Ok(())));
                    if let Some(began) = began {
                        self.edge
                            .access_log
                            .add(answer::line(&answer, &connection, began));
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
                Decision::Refuse(status) => {
                    answer::write_refusal(status, &mut connection.lent.out);
                    let sent =
                        tokio::io::AsyncWriteExt::write_all(&mut stream, &connection.lent.out);
                    let _gone = within(ANSWER, sent).await;
                    finish(stream).await;
                    return;
                }
            }
        }
    }

    /// Gives a request to pingora; the stream comes back when another may follow.
    async fn hand_on(
        &self,
        stream: Stream,
        connection: &mut Connection,
        length: usize,
        hand_on: HandOn,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
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
        if matches!(stream.selected_alpn_proto(), Some(ALPN::H2)) {
            // In a box, so that a connection over HTTP/1.1 does not keep room for it.
            Box::pin(http2::serve(self, stream, shutdown)).await;
            return None;
        }
        self.serve(stream, shutdown).await;
        None
    }
}

/// Reads until a request's head is whole, and gives its length; `None` when the reader is gone or
/// too slow. A head that is too long is given as it is, for refusal.
async fn read_head(stream: &mut Stream, lent: &mut Lent, silence: &mut Silence) -> Option<usize> {
    if lent.read.is_empty() {
        first_bytes(stream, lent, silence).await?;
    }
    silence.heard();
    if let Some(length) = head::end(&lent.read, 0) {
        return Some(length);
    }
    let rest = rest_of_head(stream, &mut lent.read);
    tokio::time::timeout(HEAD, rest).await.ok()?
}

/// Waits for a request without holding memory for it.
async fn first_bytes(stream: &mut Stream, lent: &mut Lent, silence: &mut Silence) -> Option<()> {
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
                silence.poll_over(context).map(|()| None)
            }
        }
    })
    .await
}

async fn rest_of_head(stream: &mut Stream, read: &mut BytesMut) -> Option<usize> {
    loop {
        if read.len() > head::LONGEST {
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

/// Ends a connection so that what was written arrives.
async fn finish(mut stream: Stream) {
    use tokio::io::AsyncWriteExt;
    if stream.flush().await.is_ok() {
        let _gone = tokio::time::timeout(Duration::from_secs(1), stream.shutdown()).await;
    }
}

fn client(stream: &Stream) -> Option<IpAddr> {
    let digest = stream.get_socket_digest()?;
    Some(digest.peer_addr()?.as_inet()?.ip())
}
