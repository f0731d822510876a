//! What only pingora answers, asked over HTTP/2: carried through a pipe inside the process to its
//! HTTP/1.1 server, which knows the connection by what it is told here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::rt::TokioIo;
use pingora::apps::HttpServerApp;
use pingora::protocols::http::ServerSession;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID,
};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::{Asked, Reader, reply};
use crate::front::bound;
use crate::ingress::Caller;
use crate::ingress::remembered::Remembered;
use crate::limits::pace::Slowest;
use crate::service::Service;

/// Bytes that may be on their way through the pipe.
const PIPE: usize = 64 << 10;

/// Fields of the pipe, not of the response.
const OF_THE_PIPE: [&str; 4] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
];

/// Forwards a request and sends what comes back.
pub async fn forward(
    proxy: &Arc<HttpProxy<Service>>,
    reader: &Reader,
    asked: Asked,
    shutdown: &ShutdownWatch,
) {
    let Asked {
        request,
        mut respond,
        caller,
        ..
    } = asked;
    let Some(request) = over_http1(request) else {
        // CONNECT has no place at a web site (RFC 9110, section 9.3.6).
        reply::refuse(StatusCode::METHOD_NOT_ALLOWED, &mut respond);
        return;
    };
    let (near, far) = duplex(PIPE);
    let far = Pipe {
        pipe: far,
        told: remembered(&caller),
        tls: reader.tls.clone(),
        socket: reader.socket.clone(),
    };
    let mut session = ServerSession::new_http1(Box::new(far));
    session.set_keepalive(None);
    let slowest = reader.slowest;
    bound(&mut session, slowest);
    let proxying = proxy.process_new_http(session, shutdown);
    let exchanging = async {
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(near)).await;
        let Ok((mut sender, connection)) = handshake else {
            reply::refuse(StatusCode::BAD_GATEWAY, &mut respond);
            return;
        };
        let answering = async {
            match sender.send_request(request).await {
                Ok(response) => send(response, &mut respond, slowest).await,
                Err(_) => respond.send_reset(Reason::INTERNAL_ERROR),
            }
            // Nothing else is asked through this pipe.
            drop(sender);
        };
        let (_ended, ()) = tokio::join!(connection, answering);
    };
    let (_nothing_reused, ()) = tokio::join!(proxying, exchanging);
}

/// What stands in the digest of a pipe.
fn remembered(caller: &Caller) -> Option<Arc<ProxyDigest>> {
    let remembered = Remembered {
        announced_by: caller.announced_by(),
        over_http2: true,
    };
    remembered.digest().map(Arc::new)
}

/// The request in origin form, its host in the field where HTTP/1.1 has it.
fn over_http1(request: Request<RecvStream>) -> Option<Request<Upload>> {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return None;
    }
    if let Some(authority) = parts.uri.authority() {
        let host = authority.as_str().parse().ok()?;
        parts.headers.insert(header::HOST, host);
    }
    parts.uri = parts.uri.path_and_query()?.as_str().parse().ok()?;
    parts.version = http::Version::HTTP_11;
    Some(Request::from_parts(parts, Upload(body)))
}

async fn send(response: Response<Incoming>, respond: &mut SendResponse<Bytes>, slowest: Slowest) {
    let (mut parts, mut body) = response.into_parts();
    for name in OF_THE_PIPE {
        parts.headers.remove(name);
    }
    parts.version = http::Version::HTTP_2;
    let ends = body.is_end_stream();
    let Ok(mut stream) = respond.send_response(Response::from_parts(parts, ()), ends) else {
        return;
    };
    if ends {
        return;
    }
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            stream.send_reset(Reason::INTERNAL_ERROR);
            return;
        };
        match frame.into_data() {
            Ok(piece) => {
                if !reply::push(&mut stream, piece, slowest).await {
                    return;
                }
            }
            Err(frame) => {
                let trailers: HeaderMap = frame.into_trailers().unwrap_or_default();
                let _reader_is_gone = stream.send_trailers(trailers);
                return;
            }
        }
    }
    let _reader_is_gone = stream.send_data(Bytes::new(), true);
}

/// A reader's body on its way to the origin, at the pace at which it is taken.
struct Upload(RecvStream);

impl Body for Upload {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        match ready!(self.0.poll_data(context)) {
            Some(Ok(piece)) => {
                let _window_opens = self.0.flow_control().release_capacity(piece.len());
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.0.is_end_stream() {
            SizeHint::with_exact(0)
        } else {
            SizeHint::default()
        }
    }
}

/// The far end of the pipe: for pingora the reader's connection.
#[derive(Debug)]
struct Pipe {
    pipe: DuplexStream,
    /// Says that the reader speaks HTTP/2, and who named him.
    told: Option<Arc<ProxyDigest>>,
    tls: Option<Arc<SslDigest>>,
    socket: Option<Arc<SocketDigest>>,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(context, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }
}

#[async_trait]
impl Shutdown for Pipe {
    async fn shutdown(&mut self) {
        let _ended = tokio::io::AsyncWriteExt::shutdown(&mut self.pipe).await;
    }
}

impl UniqueID for Pipe {
    fn id(&self) -> i32 {
        0
    }
}

impl Ssl for Pipe {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.tls.clone()
    }
}

impl GetTimingDigest for Pipe {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Pipe {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.told.clone()
    }
}

impl GetSocketDigest for Pipe {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.socket.clone()
    }
}

impl Peek for Pipe {}
