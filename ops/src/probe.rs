//! One question to one service, asked as a reader asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use yagura_config::settings::ProbeSettings;
use yagura_control::trust;

/// A reader who has waited this long has gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most of an answer that is read, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// Asks once; an error says why no reader would have been served.
pub async fn ask(probe: &ProbeSettings) -> Result<(), String> {
    let asking = async {
        let stream = TcpStream::connect(probe.address).await.map_err(told)?;
        if !probe.tls {
            return exchange(stream, probe).await;
        }
        // Read each time: the authority may be made after the desk has started.
        let authorities = probe.trust.as_deref();
        let authorities = authorities.ok_or("no authority is configured")?;
        let config = trust::roots(Some(authorities)).and_then(trust::client)?;
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from(probe.host.clone()).map_err(told)?;
        let stream = connector.connect(name, stream).await.map_err(told)?;
        exchange(stream, probe).await
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .map_err(|_| format!("no answer within {PATIENCE:?}"))?
}

async fn exchange<S>(stream: S, probe: &ProbeSettings) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(told)?;
    let driver = tokio::spawn(connection);
    let port = probe.address.port();
    let request = Request::get(&probe.path)
        .header(header::HOST, format!("{}:{port}", probe.host))
        .header(header::USER_AGENT, "yagura-ops")
        .body(Empty::<Bytes>::new())
        .map_err(told)?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(told)?;
        let status = response.status();
        // A head without its body is no page.
        Limited::new(response.into_body(), MOST_BYTES)
            .collect()
            .await
            .map_err(told)?;
        if status.is_success() || status.is_redirection() {
            Ok(())
        } else {
            Err(format!("status {status}"))
        }
    }
    .await;
    driver.abort();
    answer
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
