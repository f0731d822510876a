//! Asks a responder: one POST over plain HTTP (RFC 6960, appendix A.1), under a deadline.
//!
//! Plain HTTP is what the protocol has: the response is signed, and asking over TLS would need a
//! certificate to be checked first. Redirects are not followed, so that nobody on the way can send
//! the edge elsewhere. What the answer is worth is `response.rs`.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::request::Question;

/// How long an exchange may take, from the look-up of the name to the last byte.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest answer that is read; usual ones have 500 to 2,500 bytes.
const LONGEST_BYTES: usize = 64 * 1024;

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfetched {
    /// The address cannot be used.
    #[error(
        "the OCSP responder's address \"{url}\" cannot be used\n  nothing needs to be done; readers are served without a staple"
    )]
    Address {
        /// As the certificate has it.
        url: String,
    },
    /// Nobody answered there.
    #[error(
        "the OCSP responder {host} cannot be reached ({why})\n  it is asked again; if that lasts, let this machine out to port {port} of it"
    )]
    Unreachable {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// The system's words.
        why: String,
    },
    /// The answer took too long.
    #[error(
        "the OCSP responder {host} did not answer within {} s\n  it is asked again; if that lasts, see whether this machine may reach it", DEADLINE.as_secs()
    )]
    Slow {
        /// Host name or address.
        host: String,
    },
    /// It answered with an error.
    #[error(
        "the OCSP responder {host} answered {status}\n  it is asked again; if that lasts, see whether a proxy on the way answers in its place"
    )]
    Status {
        /// Host name or address.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer broke off, or is longer than any response.
    #[error(
        "the answer of the OCSP responder {host} cannot be read ({why})\n  it is asked again; if that lasts, see whether a proxy on the way answers in its place"
    )]
    Broken {
        /// Host name or address.
        host: String,
        /// What is wrong.
        why: String,
    },
}

/// Asks a question; the answer's bytes, whatever they are.
///
/// # Errors
/// Why there are none.
pub async fn fetch(question: &Question) -> Result<Bytes, Unfetched> {
    let target = Target::of(question.responder())?;
    let asking = ask(&target, question.request());
    match tokio::time::timeout(DEADLINE, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(Unfetched::Slow { host: target.host }),
    }
}

/// Where a responder is.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// Without brackets.
    host: String,
    port: u16,
    /// Host and port as the address has them.
    authority: String,
    path: String,
}

impl Target {
    fn of(url: &str) -> Result<Self, Unfetched> {
        let unusable = || Unfetched::Address {
            url: url.chars().filter(|c| !c.is_control()).collect(),
        };
        let uri: Uri = url.parse().map_err(|_| unusable())?;
        let plain = uri.scheme_str() == Some("http");
        let authority = uri.authority().filter(|it| plain && !it.host().is_empty());
        let authority = authority.ok_or_else(unusable)?;
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let port = authority.port_u16();
        Ok(Self {
            host: bare.unwrap_or(host).to_owned(),
            port: port.unwrap_or(80),
            authority: port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            path: uri
                .path_and_query()
                .map_or("/", |it| it.as_str())
                .to_owned(),
        })
    }
}

async fn ask(target: &Target, request: &[u8]) -> Result<Bytes, Unfetched> {
    let host = || target.host.clone();
    let unreachable = |error: std::io::Error| Unfetched::Unreachable {
        host: host(),
        port: target.port,
        why: error.to_string(),
    };
    let broken = |error: &dyn std::fmt::Display| Unfetched::Broken {
        host: host(),
        why: error.to_string(),
    };
    let connecting = TcpStream::connect((target.host.as_str(), target.port));
    let stream = connecting.await.map_err(unreachable)?;
    let shaking = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = shaking.await.map_err(|error| broken(&error))?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(&target.path)
        .header(HOST, &target.authority)
        .header(CONTENT_TYPE, "application/ocsp-request")
        .header(
            ACCEPT,
            HeaderValue::from_static("application/ocsp-response"),
        )
        .body(Full::new(Bytes::copy_from_slice(request)))
        .map_err(|error| broken(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| broken(&error))?;
        if response.status() != StatusCode::OK {
            return Err(Unfetched::Status {
                host: host(),
                status: response.status().as_u16(),
            });
        }
        let body = Limited::new(response.into_body(), LONGEST_BYTES);
        let body = body.collect().await.map_err(|error| broken(&error))?;
        Ok(body.to_bytes())
    };
    // The connection is driven here and not by a task, so that nothing is left when time is up.
    tokio::pin!(exchange, connection);
    tokio::select! {
        answer = &mut exchange => answer,
        // It may end before the last bytes are taken from it.
        _ = &mut connection => exchange.await,
    }
}
