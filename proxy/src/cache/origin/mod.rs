//! GET requests to an origin over kept connections, for everything the cache asks for.
//!
//! What is asked, and what becomes of the answer, is `fetcher.rs`. Requests that the cache has no
//! part in go to the origin through pingora (`stages/forward.rs`).
//!
//! - `response.rs`: the head of a response, pure. `decoder.rs`: its body, pure.
//! - `connection.rs`: TCP or a Unix socket.
//!
//! A client of our own, because every miss passes it: no task and no channel stand between the
//! reader and the origin's bytes. It sends nothing but GET without a body, and reads an answer in
//! one way or not at all.

mod connection;
pub(crate) mod decoder;
pub(crate) mod response;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use yagura_config::settings::{Origin as Place, SiteSettings};
use yagura_control::clock::monotonic;

use connection::Connection;
use decoder::{Decoded, Decoder};

/// How long a connection is kept for the next request.
const KEPT: Duration = Duration::from_secs(30);
/// Most connections kept without a request under way.
const MOST_IDLE: usize = 64;
/// Bytes read at once at the least.
const READ_BYTES: usize = 16 << 10;
/// Most interim responses before the real one.
const MOST_INTERIM: usize = 16;

/// Fields of a body or of a connection; what is asked here has no body, and connections are ours.
const NEVER_SENT: [header::HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
    header::HeaderName::from_static("keep-alive"),
];

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
    connection: Connection,
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
    /// Nobody is to be asked now: an operator said so.
    #[error("an operator ordered that the origin is not asked")]
    Closed,
    /// Too many requests to the origin are under way.
    #[error("{0} requests to the origin are under way already")]
    Busy(usize),
}

impl FetchError {
    /// Whether it tells of the whole origin, and not of one URL that it cannot answer.
    #[must_use]
    pub const fn is_of_the_origin(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::TimedOut(_) | Self::Closed
        )
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
    connection: Option<Connection>,
    origin: Arc<Origin>,
    decoder: Decoder,
    read: BytesMut,
    keeps: bool,
}

impl Origin {
    /// An origin of a site, at a place. For a site of every host the caller names the host.
    #[must_use]
    pub fn new(site: &SiteSettings, place: &Place) -> Arc<Self> {
        Arc::new(Self {
            place: place.clone(),
            host: site.first_host().to_owned(),
            connect_timeout: site.connect_timeout,
            read_timeout: site.read_timeout,
            idle: Mutex::default(),
        })
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
        fields: &HeaderMap,
        target: &str,
        mut interim: impl FnMut(Interim),
    ) -> Result<Answer, FetchError> {
        let request = request(fields, target)?;
        if let Some(connection) = self.kept() {
            let asked = self.exchange(connection, &request, &mut interim).await;
            // The origin may close a kept connection in the moment it is used again; a GET is asked
            // once more (RFC 9112, section 9.3.1).
            if !matches!(asked, Err(FetchError::Broken(_))) {
                return asked;
            }
        }
        let connection = self.connect().await?;
        self.exchange(connection, &request, &mut interim).await
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        while let Some(last) = idle.pop() {
            if last.since.elapsed() < KEPT && last.connection.is_silent() {
                return Some(last.connection);
            }
        }
        None
    }

    fn keep(&self, connection: Connection) {
        let since = monotonic();
        let mut idle = lock(&self.idle);
        if idle.len() >= MOST_IDLE {
            idle.retain(|idle| idle.since.elapsed() < KEPT);
        }
        if idle.len() < MOST_IDLE {
            idle.push(Idle { connection, since });
        }
    }

    async fn connect(&self) -> Result<Connection, FetchError> {
        tokio::time::timeout(self.connect_timeout, Connection::open(&self.place))
            .await
            .map_err(|_| FetchError::TimedOut(self.connect_timeout))?
            .map_err(|error| FetchError::Unreachable(error.to_string()))
    }

    async fn exchange(
        self: &Arc<Self>,
        mut connection: Connection,
        request: &[u8],
        interim: &mut impl FnMut(Interim),
    ) -> Result<Answer, FetchError> {
        let mut read = BytesMut::with_capacity(READ_BYTES);
        let exchanging = async {
            connection.write_all(request).await.map_err(broken)?;
            for _ in 0..=MOST_INTERIM {
                let head = loop {
                    if let Some((head, length)) = response::read(&read).map_err(broken)? {
                        bytes::Buf::advance(&mut read, length);
                        break head;
                    }
                    if connection.read(&mut read).await.map_err(broken)? == 0 {
                        return Err(broken("the origin closed the connection"));
                    }
                };
                if head.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Err(broken("the origin changed the protocol unasked"));
                }
                if !head.status.is_informational() {
                    return Ok(head);
                }
                interim((head.status, head.headers));
            }
            Err(broken("the origin sends no end of interim responses"))
        };
        let head = tokio::time::timeout(self.read_timeout, exchanging)
            .await
            .map_err(|_| FetchError::TimedOut(self.read_timeout))??;
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: Body {
                connection: Some(connection),
                origin: self.clone(),
                decoder: Decoder::new(head.framing),
                read,
                keeps: head.keeps,
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
            if let Some(ready) = self.ready() {
                return ready;
            }
            let Some(connection) = &mut self.connection else {
                return Ok(None);
            };
            let wait = self.origin.read_timeout;
            self.read.reserve(2 * READ_BYTES);
            let read = tokio::time::timeout(wait, connection.read(&mut self.read));
            let read = read.await.map_err(|_| FetchError::TimedOut(wait))?;
            if read.map_err(broken)? == 0 {
                self.keeps = false;
                self.decoder.ended().map_err(broken)?;
            }
        }
    }

    /// What is there already, without waiting.
    ///
    /// # Errors
    /// As of [`Self::piece`].
    pub fn ready(&mut self) -> Option<Result<Option<Bytes>, FetchError>> {
        match self.decoder.decode(&mut self.read) {
            Ok(Decoded::Piece(piece)) => Some(Ok(Some(piece))),
            Ok(Decoded::More) => None,
            Ok(Decoded::End) => {
                // What comes after the body was never asked for.
                if let Some(connection) = self.connection.take()
                    && self.keeps
                    && self.read.is_empty()
                {
                    self.origin.keep(connection);
                }
                Some(Ok(None))
            }
            Err(error) => Some(Err(broken(error))),
        }
    }

    /// All of it, if it is not larger than `most_bytes`.
    ///
    /// # Errors
    /// The rest does not come, or it is too large.
    pub async fn whole(mut self, most_bytes: usize) -> Result<Bytes, FetchError> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if whole.len() + piece.len() > most_bytes {
                return Err(FetchError::TooLarge(most_bytes));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

/// The bytes of a request.
fn request(fields: &HeaderMap, target: &str) -> Result<BytesMut, FetchError> {
    let clean = |byte: u8| byte.is_ascii_graphic() || byte >= 0x80;
    if !target.starts_with('/') || !target.bytes().all(clean) {
        return Err(broken("the target cannot be asked for"));
    }
    let mut request = BytesMut::with_capacity(1024);
    let _memory_is_there = write!((&mut request).writer(), "GET {target} HTTP/1.1\r\n");
    for (name, value) in fields {
        if NEVER_SENT.contains(name) {
            continue;
        }
        request.extend_from_slice(name.as_str().as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    Ok(request)
}

fn broken(error: impl std::fmt::Display) -> FetchError {
    FetchError::Broken(error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
