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
    fetch_within(DEADLINE, question.responder(), question.request()).await
}

async fn fetch_within(deadline: Duration, url: &str, request: &[u8]) -> Result<Bytes, Unfetched> {
    let target = Target::of(url)?;
    let asking = ask(&target, request);
    match tokio::time::timeout(deadline, asking).await {
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
        // The parser takes any text for a port, and then gives none.
        let port = authority.port_u16();
        if port.is_none() && !authority.as_str().ends_with(host) {
            return Err(unusable());
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Asks somebody who answers with these bytes, and then closes. Also what was asked.
    async fn told(answer: Vec<u8>) -> (Result<Bytes, Unfetched>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}/ocsp/a?b");
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 1024];
            let mut length = 0;
            while !asked[..length].ends_with(b"question") {
                length += stream.read(&mut asked[length..]).await.unwrap();
            }
            // Who has heard enough may be gone.
            let _ = stream.write_all(&answer).await;
            String::from_utf8_lossy(&asked[..length]).replace(&port.to_string(), "PORT")
        };
        let asking = fetch_within(Duration::from_secs(60), &url, b"question");
        tokio::join!(asking, answering)
    }

    fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n");
        [head.as_bytes(), body].concat()
    }

    #[tokio::test]
    async fn one_post_is_sent_and_its_answer_taken_as_it_is() {
        let (answer, asked) = told(answer("200 OK", 4, b"\x30\x03\x0a\x01")).await;
        assert_eq!(answer.unwrap(), &b"\x30\x03\x0a\x01"[..]);
        let mut lines = asked.lines();
        assert_eq!(lines.next(), Some("POST /ocsp/a?b HTTP/1.1"));
        for header in [
            "host: 127.0.0.1:PORT",
            "content-type: application/ocsp-request",
            "content-length: 8",
        ] {
            assert!(asked.lines().any(|line| line == header), "{asked}");
        }
    }

    #[tokio::test]
    async fn errors_and_redirects_are_told_and_not_followed() {
        for (status, number) in [
            ("503 Service Unavailable", 503),
            ("404 Not Found", 404),
            ("302 Found\r\nlocation: http://127.0.0.1:1/", 302),
        ] {
            let (answer, _) = told(answer(status, 0, b"")).await;
            let host = "127.0.0.1".to_owned();
            let status = number;
            assert_eq!(answer.unwrap_err(), Unfetched::Status { host, status });
        }
    }

    #[tokio::test]
    async fn an_answer_longer_than_any_response_is_not_read_to_its_end() {
        let whole = vec![7; LONGEST_BYTES];
        let (longest, _) = told(answer("200 OK", LONGEST_BYTES, &whole)).await;
        assert_eq!(longest.unwrap().len(), LONGEST_BYTES);
        let longer = vec![7; LONGEST_BYTES + 1];
        let (longer, _) = told(answer("200 OK", LONGEST_BYTES + 1, &longer)).await;
        assert!(
            matches!(longer, Err(Unfetched::Broken { .. })),
            "{longer:?}"
        );
    }

    #[tokio::test]
    async fn what_is_no_whole_http_is_told() {
        for answer in [
            b"220 mail ready\r\n".to_vec(),
            Vec::new(),
            answer("200 OK", 9, b"part"),
        ] {
            let (answer, _) = told(answer).await;
            assert!(
                matches!(answer, Err(Unfetched::Broken { .. })),
                "{answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_responder_that_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let silence = fetch_within(Duration::from_millis(20), &url, b"question").await;
        let host = "127.0.0.1".to_owned();
        assert_eq!(silence.unwrap_err(), Unfetched::Slow { host });
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_with_the_port_to_open() {
        let nobody = fetch_within(Duration::from_secs(60), "http://127.0.0.1:1/", b"").await;
        let words = nobody.unwrap_err().to_string();
        assert!(
            words.contains("127.0.0.1") && words.contains("port 1"),
            "{words}"
        );
    }

    #[test]
    fn addresses_are_plain_http_with_a_host() {
        let target = |url| Target::of(url).map(|it| (it.host, it.port, it.authority, it.path));
        let good = |host: &str, port, authority: &str, path: &str| {
            Ok((host.to_owned(), port, authority.to_owned(), path.to_owned()))
        };
        for (url, expected) in [
            ("http://o.example", good("o.example", 80, "o.example", "/")),
            (
                "HTTP://o.example/a",
                good("o.example", 80, "o.example", "/a"),
            ),
            (
                "http://o.example:81/?q",
                good("o.example", 81, "o.example:81", "/?q"),
            ),
            ("http://[::1]:8/", good("::1", 8, "[::1]:8", "/")),
            (
                "http://user@o.example/",
                good("o.example", 80, "o.example", "/"),
            ),
        ] {
            assert_eq!(target(url), expected, "{url}");
        }
        for url in [
            "",
            "o.example",
            "https://o.example/",
            "http:///a",
            "http://a b/",
            "http://o.example:x/",
        ] {
            let refused = target(url).unwrap_err();
            assert_eq!(
                refused,
                Unfetched::Address {
                    url: url.to_owned()
                }
            );
        }
    }
}
