//! GET requests to an origin over kept connections, for everything the cache asks for.
//!
//! What is asked, and what becomes of the answer, is `fetcher.rs`. Requests that the cache has no
//! part in go to the origin through pingora (`stages/forward.rs`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use yagura_config::settings::{HostPattern, Origin as Place, SiteSettings};
use yagura_control::clock::monotonic;

/// How long a connection is kept for the next request.
const KEPT: Duration = Duration::from_secs(30);
/// Most connections kept without a request under way.
const MOST_IDLE: usize = 64;

/// An interim response (1xx): its status and fields.
pub type Interim = (StatusCode, HeaderMap);

/// Where a site's pages come from.
pub struct Origin {
    place: Place,
    /// The host named to the origin where no reader named one.
    pub host: String,
    connect_timeout: Duration,
    read_timeout: Duration,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<Empty<Bytes>>,
    since: Instant,
}

/// Why nothing came back, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// Too many requests to the origin are under way.
    #[error("{0} requests to the origin are under way already")]
    Busy(usize),
}

impl FetchError {
    /// Whether it tells of the whole origin, and not of one URL that it cannot answer.
    #[must_use]
    pub const fn is_of_the_origin(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut(_))
    }
}

/// The head of an answer, with its body still to come.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its fields as they came.
    pub headers: HeaderMap,
    /// What follows.
    pub body: Body,
}

/// A body on its way. Read to its end it gives its connection back.
pub struct Body {
    incoming: Incoming,
    origin: Arc<Origin>,
    sender: Option<SendRequest<Empty<Bytes>>>,
}

impl Origin {
    /// The origin of a site. For a site of every host the caller names the host.
    #[must_use]
    pub fn new(site: &SiteSettings) -> Arc<Self> {
        let named = site.hosts.iter().find_map(|host| match host {
            HostPattern::Exact(name) => Some(name.clone()),
            HostPattern::Any => None,
        });
        Arc::new(Self {
            place: site.origin.clone(),
            host: named.unwrap_or_else(|| "localhost".to_owned()),
            connect_timeout: site.connect_timeout,
            read_timeout: site.read_timeout,
            idle: Mutex::default(),
        })
    }

    /// Longest wait for a connection.
    #[must_use]
    pub const fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Fields of a request that no reader made.
    ///
    /// # Errors
    /// The authority cannot stand in a field.
    pub fn own_fields(authority: &str) -> Result<HeaderMap, FetchError> {
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

    /// Asks for a target with these fields, and gives the answer once its head is there.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn get(
        self: &Arc<Self>,
        fields: HeaderMap,
        target: &str,
        interim: impl Fn(Interim) + Send + Sync + Clone + 'static,
    ) -> Result<Answer, FetchError> {
        if let Some(sender) = self.kept().await {
            let asked = self
                .exchange(sender, &fields, target, interim.clone())
                .await;
            // The origin may close a kept connection in the moment it is used again; a GET is asked
            // once more (RFC 9112, section 9.3.1).
            if !matches!(asked, Err(FetchError::Broken(_))) {
                return asked;
            }
        }
        let sender = self.connect().await?;
        self.exchange(sender, &fields, target, interim).await
    }

    async fn kept(&self) -> Option<SendRequest<Empty<Bytes>>> {
        loop {
            let mut idle = lock(&self.idle).pop()?;
            let usable = idle.since.elapsed() < KEPT && !idle.sender.is_closed();
            if usable && idle.sender.ready().await.is_ok() {
                return Some(idle.sender);
            }
        }
    }

    fn keep(&self, sender: SendRequest<Empty<Bytes>>) {
        let mut idle = lock(&self.idle);
        idle.retain(|idle| idle.since.elapsed() < KEPT && !idle.sender.is_closed());
        if idle.len() < MOST_IDLE {
            idle.push(Idle {
                sender,
                since: monotonic(),
            });
        }
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, FetchError> {
        match &self.place {
            Place::Tcp(address) => {
                let stream = self.in_time(TcpStream::connect(address)).await?;
                let _slower = stream.set_nodelay(true);
                speak(stream).await
            }
            Place::Unix(path) => speak(self.in_time(UnixStream::connect(path)).await?).await,
        }
    }

    async fn in_time<S>(
        &self,
        connecting: impl Future<Output = std::io::Result<S>>,
    ) -> Result<S, FetchError> {
        tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| FetchError::TimedOut(self.connect_timeout))?
            .map_err(|error| FetchError::Unreachable(error.to_string()))
    }

    async fn exchange(
        self: &Arc<Self>,
        mut sender: SendRequest<Empty<Bytes>>,
        fields: &HeaderMap,
        target: &str,
        interim: impl Fn(Interim) + Send + Sync + 'static,
    ) -> Result<Answer, FetchError> {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(target)
            .body(Empty::<Bytes>::new())
            .map_err(broken)?;
        request.headers_mut().clone_from(fields);
        hyper::ext::on_informational(&mut request, move |response| {
            interim((response.status(), response.headers().clone()));
        });
        let answer = tokio::time::timeout(self.read_timeout, sender.send_request(request));
        let (head, incoming) = answer
            .await
            .map_err(|_| FetchError::TimedOut(self.read_timeout))?
            .map_err(broken)?
            .into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: Body {
                incoming,
                origin: self.clone(),
                sender: Some(sender),
            },
        })
    }
}

impl Body {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// The rest does not come.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let wait = self.origin.read_timeout;
            let frame = tokio::time::timeout(wait, self.incoming.frame()).await;
            match frame.map_err(|_| FetchError::TimedOut(wait))? {
                None => {
                    if let Some(sender) = self.sender.take() {
                        self.origin.keep(sender);
                    }
                    return Ok(None);
                }
                Some(Err(error)) => return Err(broken(error)),
                // Trailers are not stored and not passed on (RFC 9110, section 6.5.1).
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// All of it, if it is not larger than `most_bytes`.
    ///
    /// # Errors
    /// The rest does not come, or it is too large.
    pub async fn whole(mut self, most_bytes: usize) -> Result<Bytes, FetchError> {
        let mut whole = bytes::BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > most_bytes {
                return Err(FetchError::TooLarge(most_bytes));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

/// Speaks HTTP/1.1 over a new connection, which lives as long as somebody holds its sender.
async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
) -> Result<SendRequest<Empty<Bytes>>, FetchError> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the origin broke");
        }
    });
    Ok(sender)
}

fn broken(error: impl std::fmt::Display) -> FetchError {
    FetchError::Broken(error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
