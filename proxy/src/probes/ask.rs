//! One question over one path: a connection to a given address, TLS in a given name, GET, and what
//! came back. Every time anew: a kept connection would answer long after the path is gone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use yagura_certs::inspect::Certificate;
use yagura_certs::register::probe;
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

/// Most bytes of an answer that are read.
const MOST_BYTES: usize = 64 << 10;

/// What an edge calls itself in Cache-Status.
const MARK: &str = "yagura";

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where, whatever the DNS says.
    pub address: SocketAddr,
    /// How TLS is spoken; `None` speaks none.
    pub tls: Option<Arc<ClientConfig>>,
    /// The name in the handshake and in the request.
    pub host: String,
    /// Path and query.
    pub path: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// From the first packet to the end of the answer, in milliseconds.
    pub ms: u32,
    /// Its status.
    pub status: StatusCode,
    /// An edge of this program wrote it, or passed it on: its Cache-Status says so (RFC 9211).
    pub is_of_an_edge: bool,
    /// The beginning of the body.
    pub body: Bytes,
    /// Until when the certificate is valid that was shown.
    pub not_after: Option<Timestamp>,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The certificate is not believed, or there is no handshake.
    #[error("{0}")]
    Tls(String),
    /// It breaks off.
    #[error("it breaks off: {0}")]
    Broken(String),
    /// It takes too long.
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// How TLS is spoken with paths: believing the authorities of a file, or those of the system.
///
/// # Errors
/// The file cannot be used.
pub fn tls(trust: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = probe::roots(trust).map_err(|error| error.to_string())?;
    let mut config = yagura_control::trust::client(roots)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would not show the certificate.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Asks.
///
/// # Errors
/// Why nothing came back.
pub async fn ask(question: &Question, patience: Duration) -> Result<Answer, NoAnswer> {
    match tokio::time::timeout(patience, asked(question)).await {
        Ok(answer) => answer,
        Err(_) => Err(NoAnswer::Late(patience)),
    }
}

async fn asked(question: &Question) -> Result<Answer, NoAnswer> {
    let began = monotonic();
    let stream = TcpStream::connect(question.address).await;
    let stream = stream.map_err(|error| NoAnswer::Unreachable(plain(&error)))?;
    let mut answer = match &question.tls {
        None => exchanged(question, stream).await?,
        Some(tls) => {
            let name = ServerName::try_from(question.host.clone());
            let name = name.map_err(|error| NoAnswer::Tls(error.to_string()))?;
            let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
            let stream = stream.map_err(|error| NoAnswer::Tls(error.to_string()))?;
            let (_, session) = stream.get_ref();
            let leaf = session.peer_certificates().and_then(|chain| chain.first());
            let read = leaf.and_then(|leaf| Certificate::read(leaf).ok());
            let not_after = read.map(|certificate| certificate.not_after);
            let mut answer = exchanged(question, stream).await?;
            answer.not_after = not_after;
            answer
        }
    };
    answer.ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    Ok(answer)
}

async fn exchanged(
    question: &Question,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<Answer, NoAnswer> {
    let broken = |error: &dyn std::fmt::Display| NoAnswer::Broken(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let request = Request::builder()
        .method(Method::GET)
        .uri(question.path.as_str())
        .header(header::HOST, question.host.as_str())
        .header(header::USER_AGENT, "yagura-probe")
        .header(header::CACHE_CONTROL, "no-cache")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| broken(&error))?;
    let exchange = async move {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| broken(&error))?;
        let (head, mut body) = response.into_parts();
        let mut beginning = Vec::new();
        // What is longer is long enough: the path works.
        while beginning.len() < MOST_BYTES {
            let Some(frame) = body.frame().await else {
                break;
            };
            let frame = frame.map_err(|error| broken(&error))?;
            if let Ok(piece) = frame.into_data() {
                beginning.extend_from_slice(&piece);
            }
        }
        let marks = head.headers.get_all("cache-status");
        let mut marks = marks.iter().filter_map(|mark| mark.to_str().ok());
        Ok(Answer {
            ms: 0,
            status: head.status,
            is_of_an_edge: marks.any(|mark| mark.contains(MARK)),
            body: beginning.into(),
            not_after: None,
        })
    };
    // Whichever ends first: the connection ends only with the exchange, or by breaking.
    let (answer, _closed) = tokio::join!(exchange, connection);
    answer
}

/// The system's words, without its number.
fn plain(error: &std::io::Error) -> String {
    let words = error.to_string();
    match words.find(" (os error") {
        Some(end) => words.get(..end).unwrap_or(&words).to_lowercase(),
        None => words,
    }
}
