//! The front: speaks with readers. It answers plain hits straight from memory, gives other
//! reads to the stages, and hands everything else on to pingora.
//!
//! It looks at each request exactly once (`head.rs`), decides (`decide.rs`), and either writes the
//! answer (`answer.rs`), asks the stages and writes their reply (`ask.rs`, `write.rs`), or gives
//! pingora the connection together with exactly the bytes of this request. What could be read in two ways is refused here, before anything stands behind it
//! (RFC 9112, sections 3.2 and 6.3). HTTP/2 is spoken in `http2/`, with the same decisions.

mod answer;
mod ask;
mod decide;
mod head;
mod http2;
mod write;

use std::net::IpAddr;
use std::sync::Arc;
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

/// How long a connection may be idle between requests.
const IDLE: Duration = Duration::from_secs(60);
/// How long a request's head may take from its first byte: who sends it drop by drop is let go.
const HEAD: Duration = Duration::from_secs(10);
/// How long a reader may take to accept an answer.
const ANSWER: Duration = Duration::from_secs(60);

/// The app behind every public listener.
pub struct Front {
    edge: Arc<Edge>,
    proxy: Arc<HttpProxy<Service>>,
}

/// What is known of a connection.
struct Connection {
    client: Option<IpAddr>,
    tls: bool,
    /// Bytes read and not yet used.
    read: BytesMut,
    /// Keeps its memory from answer to answer.
    out: BytesMut,
    key: String,
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
            read: BytesMut::new(),
            out: BytesMut::new(),
            key: String::new(),
        };
        loop {
            let Some(length) = read_head(&mut stream, &mut connection).await else {
                return;
            };
            let leading = head::leading_lines(&connection.read);
            bytes::Buf::advance(&mut connection.read, leading);
            let length = length - leading;
            let began = monotonic();
            match decide::decide(&self.edge, &mut connection, length) {
                Decision::Answer(answer) => {
                    let _under_way = self.edge.traffic.begin();
                    answer.site.seen.counters.add(Event::Hit);
                    let close = self.edge.traffic.is_draining() || answer.close;
                    answer::write(&answer, close, &mut connection.out);
                    let sent = answer::send(&answer, &connection.out, &mut stream);
                    let sent = matches!(tokio::time::timeout(ANSWER, sent).await, Ok(Ok(())));
                    if self.edge.access_log.is_on() {
                        self.edge
                            .access_log
                            .add(answer::line(&answer, &connection, began));
                    }
                    bytes::Buf::advance(&mut connection.read, length);
                    if !sent || close {
                        finish(stream).await;
                        return;
                    }
                    trim(&mut connection);
                }
                Decision::Ask(request, hand_on) => {
                    let asked = ask::Asked {
                        request: &request,
                        began,
                        close: hand_on.close,
                    };
                    match ask::answer(&self.edge, &mut connection, asked, &mut stream).await {
                        ask::Outcome::Forward => {
                            match self
                                .hand_on(stream, &mut connection, length, hand_on, shutdown)
                                .await
                            {
                                Some(reused) => stream = reused,
                                None => return,
                            }
                        }
                        ask::Outcome::Answered => {
                            bytes::Buf::advance(&mut connection.read, length);
                            trim(&mut connection);
                        }
                        ask::Outcome::Ended => {
                            finish(stream).await;
                            return;
                        }
                    }
                }
                Decision::HandOn(hand_on) => {
                    match self
                        .hand_on(stream, &mut connection, length, hand_on, shutdown)
                        .await
                    {
                        Some(reused) => stream = reused,
                        None => return,
                    }
                }
                Decision::Refuse(status) => {
                    answer::write_refusal(status, &mut connection.out);
                    let sent = tokio::io::AsyncWriteExt::write_all(&mut stream, &connection.out);
                    let _gone = tokio::time::timeout(ANSWER, sent).await;
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
        let bytes = hand_on.bytes.min(connection.read.len());
        let request = connection.read.split_to(bytes);
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
            http2::serve(self, stream, shutdown).await;
            return None;
        }
        self.serve(stream, shutdown).await;
        None
    }
}

/// Reads until a request's head is whole, and gives its length; `None` when the reader is gone or
/// too slow. A head that is too long is given as it is, for refusal.
async fn read_head(stream: &mut Stream, connection: &mut Connection) -> Option<usize> {
    let mut deadline = tokio::time::Instant::from_std(monotonic())
        + if connection.read.is_empty() {
            IDLE
        } else {
            HEAD
        };
    let mut seen = 0;
    loop {
        if let Some(length) = head::end(&connection.read, seen) {
            return Some(length);
        }
        if connection.read.len() > head::LONGEST {
            return Some(connection.read.len());
        }
        seen = connection.read.len();
        connection.read.reserve(4096);
        let read = tokio::time::timeout_at(deadline, stream.read_buf(&mut connection.read)).await;
        match read {
            Ok(Ok(1..)) if seen == 0 => {
                deadline = tokio::time::Instant::from_std(monotonic()) + HEAD
            }
            Ok(Ok(1..)) => {}
            _ => return None,
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

/// Gives back memory that one large request took.
fn trim(connection: &mut Connection) {
    const KEPT: usize = 64 << 10;
    if connection.out.capacity() > KEPT {
        connection.out = BytesMut::new();
    }
}

fn client(stream: &Stream) -> Option<IpAddr> {
    let digest = stream.get_socket_digest()?;
    Some(digest.peer_addr()?.as_inet()?.ip())
}
