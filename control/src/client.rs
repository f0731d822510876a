//! HTTP/1.1 over a Unix socket, or over TLS to another machine: sends orders to an edge, reads the
//! CMS's change feed.
//!
//! Of a socket the kernel tells the edge who connects, of another machine the certificate that is
//! shown (`client/afar.rs`). Every call has a deadline and opens its
//! own connection: orders are rare, and a dead peer must not leave a stale connection behind.

mod afar;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

pub use afar::{Afar, Identity, Unusable};

use crate::feed::{FeedPage, FeedQuery};
use crate::order::{Envelope, HandedPost, Refusal, Reply};
use crate::token::Token;

/// The largest answer taken, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens at the socket.
    #[error(
        "no answer at {socket}: {cause}\n  is the program running, and may this user open the socket?"
    )]
    Unreachable {
        /// Where.
        socket: String,
        /// The system's words.
        cause: std::io::Error,
    },
    /// No edge answers on that machine, or it does not let us in.
    #[error(
        "no answer at {edge}: {why}\n  does the edge run, is the way to it open, and do both certificates hold?"
    )]
    NotConnected {
        /// Where.
        edge: String,
        /// Why.
        why: String,
    },
    /// The peer took too long.
    #[error("{0} did not answer within {1:?}")]
    TimedOut(String, Duration),
    /// The connection broke or the answer is not what the protocol says.
    #[error("the answer of {0} cannot be used: {1}")]
    Protocol(String, String),
    /// The order was understood and refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A peer.
#[derive(Clone, Debug)]
pub struct Client {
    peer: Peer,
    deadline: Duration,
    token: Option<Token>,
}

#[derive(Clone, Debug)]
enum Peer {
    Socket(PathBuf),
    Afar(Afar),
}

impl Client {
    /// A client of the socket at `socket`; each call ends within `deadline`.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>, deadline: Duration) -> Self {
        Self {
            peer: Peer::Socket(socket.into()),
            deadline,
            token: None,
        }
    }

    /// A client of an edge on another machine; each call ends within `deadline`.
    #[must_use]
    pub const fn afar(edge: Afar, deadline: Duration) -> Self {
        Self {
            peer: Peer::Afar(edge),
            deadline,
            token: None,
        }
    }

    /// The same, showing a token with every order.
    #[must_use]
    pub fn with_token(self, token: Option<Token>) -> Self {
        Self { token, ..self }
    }

    /// The socket's path, where the peer is on this machine.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match &self.peer {
            Peer::Socket(path) => Some(path),
            Peer::Afar(_) => None,
        }
    }

    /// Where the peer is, in words.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.peer {
            Peer::Socket(path) => path.display().to_string(),
            Peer::Afar(edge) => edge.to_string(),
        }
    }

    /// Sends an order to an edge.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the edge's words, or why there is no answer.
    pub async fn order(&self, envelope: &Envelope) -> Result<Reply, ClientError> {
        let body = serde_json::to_vec(envelope).map_err(|e| self.protocol(&e))?;
        let (status, bytes) = self
            .call(Method::POST, "/v1/orders", body, self.deadline)
            .await?;
        if status.is_success() {
            self.parse(&bytes)
        } else {
            Err(ClientError::Refused(self.parse(&bytes)?))
        }
    }

    /// Reads the change feed of a CMS. The deadline is extended by the time the query may wait.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn feed(&self, query: FeedQuery) -> Result<FeedPage, ClientError> {
        let FeedQuery {
            since,
            limit,
            wait_ms,
        } = query;
        let target = format!("/feed?since={since}&limit={limit}&wait_ms={wait_ms}");
        let deadline = self.deadline + Duration::from_millis(wait_ms);
        let (status, bytes) = self
            .call(Method::GET, &target, Vec::new(), deadline)
            .await?;
        if status.is_success() {
            self.parse(&bytes)
        } else {
            Err(self.protocol(&format!("status {status}")))
        }
    }

    /// Hands a post of a disaster page to a CMS.
    ///
    /// # Errors
    /// It did not take it, or why there is no answer.
    pub async fn hand_over(&self, post: &HandedPost) -> Result<(), ClientError> {
        let body = serde_json::to_vec(post).map_err(|e| self.protocol(&e))?;
        let (status, bytes) = self
            .call(Method::POST, "/posts", body, self.deadline)
            .await?;
        if status.is_success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&bytes);
        Err(self.protocol(&format!("status {status}: {why}")))
    }

    async fn call(
        &self,
        method: Method,
        target: &str,
        body: Vec<u8>,
        deadline: Duration,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        tokio::time::timeout(deadline, self.exchange(method, target, body))
            .await
            .map_err(|_| ClientError::TimedOut(self.place(), deadline))?
    }

    async fn exchange(
        &self,
        method: Method,
        target: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        match &self.peer {
            Peer::Socket(path) => {
                let stream = UnixStream::connect(path).await;
                let stream = stream.map_err(|cause| ClientError::Unreachable {
                    socket: self.place(),
                    cause,
                })?;
                self.talk(stream, method, target, body).await
            }
            Peer::Afar(edge) => {
                let stream = edge
                    .connect()
                    .await
                    .map_err(|why| self.not_connected(why))?;
                self.talk(stream, method, target, body).await
            }
        }
    }

    async fn talk(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        method: Method,
        target: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| self.protocol(&e))?;
        let driver = tokio::spawn(connection);
        let token = self.token.as_ref().and_then(Token::authorization);
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| self.protocol(&e))?;
        if let Some(token) = token {
            request.headers_mut().insert(header::AUTHORIZATION, token);
        }
        let answer = async {
            let response =
                sender
                    .send_request(request)
                    .await
                    .map_err(|error| match &self.peer {
                        // In TLS 1.3 a client hears only now that it was not let in.
                        Peer::Afar(_) => self.not_connected(afar::why(&error)),
                        Peer::Socket(_) => self.protocol(&error),
                    })?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
                .collect()
                .await;
            Ok((status, body.map_err(|e| self.protocol(&e))?.to_bytes()))
        }
        .await;
        driver.abort();
        answer
    }

    fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(bytes).map_err(|e| self.protocol(&e))
    }

    fn protocol(&self, cause: &dyn std::fmt::Display) -> ClientError {
        ClientError::Protocol(self.place(), cause.to_string())
    }

    fn not_connected(&self, why: String) -> ClientError {
        let edge = self.place();
        ClientError::NotConnected { edge, why }
    }
}
