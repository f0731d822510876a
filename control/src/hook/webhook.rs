//! Tells a server: the announcement as JSON by POST. The secret is read from its file each time, so
//! that a changed one counts at once, and stands in no log and no URL.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::trust;

/// Posts it.
///
/// # Errors
/// It was not taken.
pub async fn tell(
    url: &str,
    (secret, authorities): (Option<&(String, PathBuf)>, Option<&Path>),
    body: Bytes,
) -> Result<(), String> {
    let url = Url::parse(url).map_err(|error| format!("the URL cannot be used: {error}"))?;
    let host = url.host_str().ok_or("the URL has no host")?.to_owned();
    let bare = host.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or("the URL has no port")?;
    let request = request(&url, &host, secret, body)?;
    let stream = TcpStream::connect((bare.as_str(), port)).await;
    let stream = stream.map_err(|error| format!("{host}:{port} cannot be reached: {error}"))?;
    let status = if url.scheme() == "https" {
        let authorities = authorities.map(Path::to_owned);
        let tls = tokio::task::spawn_blocking(move || tls(authorities.as_deref())).await;
        let tls = tls.map_err(|error| error.to_string())??;
        let name = ServerName::try_from(bare).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(tls).connect(name, stream).await;
        let stream = stream.map_err(|error| format!("no TLS with {host}:{port}: {error}"))?;
        sent(request, stream).await?
    } else {
        sent(request, stream).await?
    };
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("{host} answers {}", status.as_u16())),
    }
}

fn request(
    url: &Url,
    host: &str,
    secret: Option<&(String, PathBuf)>,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, String> {
    let query = url.query().map(|query| format!("?{query}"));
    let target = format!("{}{}", url.path(), query.unwrap_or_default());
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(target)
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
        .header(header::USER_AGENT, "yagura-hook")
        .header(header::CONNECTION, "close")
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    if let Some((name, file)) = secret {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("\"{name}\" is no field name"))?;
        request.headers_mut().insert(name, value(file)?);
    }
    Ok(request)
}

/// The secret of a file, which is not in the words of a failure.
fn value(file: &Path) -> Result<HeaderValue, String> {
    let text = std::fs::read_to_string(file).map_err(|error| trust::unusable(file, error))?;
    let mut value = HeaderValue::from_str(text.trim())
        .map_err(|_| trust::unusable(file, "it holds what cannot stand in a field"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// How TLS is spoken with a server that one of these authorities vouches for.
fn tls(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = trust::roots(authorities)?;
    if let Some(file) = authorities.filter(|_| roots.is_empty()) {
        return Err(trust::unusable(file, "it holds no certificate"));
    }
    let mut config = trust::client(roots)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn sent(
    request: Request<Full<Bytes>>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<StatusCode, String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let exchange = async move {
        let response = sender.send_request(request).await;
        response
            .map(|response| response.status())
            .map_err(|error| error.to_string())
    };
    // Whichever ends first: the connection ends only with the exchange, or by breaking.
    let (status, _closed) = tokio::join!(exchange, connection);
    status
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers once with that status, and gives what it was sent.
    async fn server(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?room=1", listener.local_addr().unwrap());
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = String::new();
            let mut buffer = [0; 4096];
            while !heard.ends_with('}') {
                let length = stream.read(&mut buffer).await.unwrap();
                heard.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            heard
        });
        (url, heard)
    }

    #[tokio::test]
    async fn a_server_gets_the_announcement_with_the_secret_in_its_field() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "Bearer abc\n").unwrap();
        let (url, heard) = server("204 No Content").await;
        let secret = ("Authorization".to_owned(), file);
        tell(&url, (Some(&secret), None), Bytes::from_static(b"{}"))
            .await
            .unwrap();
        let heard = heard.await.unwrap();
        assert!(
            heard.starts_with("POST /hook?room=1 HTTP/1.1\r\n"),
            "{heard}"
        );
        assert!(heard.contains("authorization: Bearer abc\r\n"), "{heard}");
        assert!(heard.ends_with("\r\n\r\n{}"), "{heard}");
    }

    #[tokio::test]
    async fn a_refusal_is_a_failure_and_tells_no_secret() {
        let (url, heard) = server("403 Forbidden").await;
        let why = tell(&url, (None, None), Bytes::from_static(b"{}")).await;
        assert_eq!(why.unwrap_err(), "127.0.0.1 answers 403");
        heard.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "line\u{7}one").unwrap();
        let secret = ("Authorization".to_owned(), file);
        let why = tell(&url, (Some(&secret), None), Bytes::new())
            .await
            .unwrap_err();
        assert!(
            why.contains("cannot be used") && !why.contains("one"),
            "{why}"
        );
    }
}
