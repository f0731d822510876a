//! One GET to an origin, outside any reader's request: for the warmer and for refreshing.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use yagura_config::settings::{HostPattern, Origin, SiteSettings};
use yagura_control::{Clock, Timestamp};

/// Where a site's pages come from.
#[derive(Clone, Debug)]
pub struct Source {
    origin: Origin,
    /// The host named to the origin.
    pub host: String,
    connect_timeout: Duration,
    total_timeout: Duration,
}

/// Why nothing came back.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// No connection could be made.
    #[error("{0}")]
    Unreachable(String),
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
    /// It is larger than what is stored.
    #[error("the response is larger than {0} bytes")]
    TooLarge(usize),
    /// It took too long.
    #[error("the origin took longer than {0:?}")]
    TimedOut(Duration),
}

impl FetchError {
    /// Whether it tells of the whole origin, and not of one URL that it cannot answer.
    #[must_use]
    pub const fn is_of_the_origin(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut(_))
    }
}

/// What came back, whole.
#[derive(Debug)]
pub struct Fetched {
    pub status: StatusCode,
    pub request_headers: HeaderMap,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub requested_at: Timestamp,
    pub received_at: Timestamp,
}

impl Source {
    /// The origin of a site. For a site of every host the caller names the host.
    #[must_use]
    pub fn new(site: &SiteSettings) -> Self {
        let named = site.hosts.iter().find_map(|host| match host {
            HostPattern::Exact(name) => Some(name.clone()),
            HostPattern::Any => None,
        });
        Self {
            origin: site.origin.clone(),
            host: named.unwrap_or_else(|| "localhost".to_owned()),
            connect_timeout: site.connect_timeout,
            total_timeout: site.read_timeout,
        }
    }

    /// Fields of a request that no reader made.
    pub(super) fn own_fields(authority: &str) -> Result<HeaderMap, FetchError> {
        let mut fields = HeaderMap::new();
        fields.insert(
            header::HOST,
            HeaderValue::from_str(authority).map_err(broken)?,
        );
        fields.insert(
            header::USER_AGENT,
            HeaderValue::from_static("yagura-warmer"),
        );
        fields.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        Ok(fields)
    }

    /// Fetches a target with these fields; bodies beyond `most_bytes` are an error.
    pub(super) async fn fetch(
        &self,
        fields: HeaderMap,
        target: &str,
        most_bytes: usize,
        clock: &dyn Clock,
    ) -> Result<Fetched, FetchError> {
        let fetching = async {
            match &self.origin {
                Origin::Tcp(address) => {
                    let stream = self.connected(TcpStream::connect(address)).await?;
                    let _slower = stream.set_nodelay(true);
                    self.exchange(stream, fields, target, most_bytes, clock)
                        .await
                }
                Origin::Unix(path) => {
                    let stream = self.connected(UnixStream::connect(path)).await?;
                    self.exchange(stream, fields, target, most_bytes, clock)
                        .await
                }
            }
        };
        tokio::time::timeout(self.total_timeout, fetching)
            .await
            .map_err(|_| FetchError::TimedOut(self.total_timeout))?
    }

    async fn connected<S>(
        &self,
        connecting: impl Future<Output = std::io::Result<S>>,
    ) -> Result<S, FetchError> {
        tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| FetchError::TimedOut(self.connect_timeout))?
            .map_err(|error| FetchError::Unreachable(error.to_string()))
    }

    async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        request_headers: HeaderMap,
        target: &str,
        most_bytes: usize,
        clock: &dyn Clock,
    ) -> Result<Fetched, FetchError> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(target)
            .body(Empty::<Bytes>::new())
            .map_err(broken)?;
        request.headers_mut().clone_from(&request_headers);
        let requested_at = clock.now();
        let answer = async {
            let (head, body) = sender
                .send_request(request)
                .await
                .map_err(broken)?
                .into_parts();
            let body = Limited::new(body, most_bytes).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => FetchError::TooLarge(most_bytes),
                None => FetchError::Broken(error.to_string()),
            })?;
            let body = body.to_bytes();
            Ok((head, body))
        }
        .await;
        driver.abort();
        let (head, body) = answer?;
        let received_at = clock.now();
        Ok(Fetched {
            status: head.status,
            request_headers,
            headers: head.headers,
            body,
            requested_at,
            received_at,
        })
    }
}

fn broken(error: impl std::fmt::Display) -> FetchError {
    FetchError::Broken(error.to_string())
}
