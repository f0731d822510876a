//! How an authority is reached: HTTPS with the trust that its settings name, one connection a
//! request. An order takes a dozen requests a month.

use std::error::Error as StdError;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::Failure;

/// How long one request may take.
const LONGEST: Duration = Duration::from_secs(30);
/// Longest response, in bytes; a chain of certificates has about six thousand.
const MOST_BYTES: usize = 1 << 20;

/// TLS towards an authority: trusts the bundle, or what the system trusts.
///
/// # Errors
/// The bundle cannot be read, or there is nothing to trust.
pub(super) fn trust(bundle: Option<&Path>) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    match bundle {
        Some(file) => {
            let advice = "set `trust` of the authority to a PEM file of its directory's CA";
            let unusable = |error: &dyn std::fmt::Display| {
                Failure::new(
                    format!("{} cannot be used: {error}", file.display()),
                    advice,
                )
            };
            let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))?;
            for certificate in read {
                let certificate = certificate.map_err(|error| unusable(&error))?;
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
        }
        None => {
            let advice = "install the package ca-certificates, or set `trust` of the authority";
            let system = rustls_native_certs::load_native_certs();
            let system = system.map_err(|error| Failure::new(error, advice))?;
            roots.add_parsable_certificates(system);
        }
    }
    if roots.is_empty() {
        let advice = "set `trust` of the authority to a PEM file of its directory's CA";
        return Err(Failure::new(
            "no authority is trusted for the directory",
            advice,
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(error, "this is a fault of the program"))?;
    Ok(Arc::new(
        config.with_root_certificates(roots).with_no_client_auth(),
    ))
}

/// The client that instant-acme speaks through.
#[derive(Clone)]
pub(super) struct Transport {
    tls: Arc<ClientConfig>,
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl Transport {
    pub(super) fn new(tls: Arc<ClientConfig>) -> Self {
        Self {
            tls,
            retry_after: Arc::default(),
        }
    }

    /// What the last refusal said about asking again (RFC 9110, section 10.2.3).
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self
            .retry_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

type Asked = Result<BytesResponse, Error>;

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Asked> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let asking = tokio::time::timeout(LONGEST, ask(&this.tls, request));
            let response = match asking.await {
                Ok(response) => response.map_err(Error::Other)?,
                Err(_) => return Err(Error::Other("the authority does not answer".into())),
            };
            let refused =
                response.status().is_client_error() || response.status().is_server_error();
            if refused {
                let wait = response.headers().get(header::RETRY_AFTER);
                let wait = wait.and_then(|value| seconds(value.to_str().ok()?));
                let mut kept = this
                    .retry_after
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                *kept = wait;
                // A gateway's page would be taken for a broken problem document.
                if !is_json(&response) {
                    let words = format!("the authority answers {}", response.status());
                    return Err(Error::Other(words.into()));
                }
            }
            Ok(BytesResponse::from(response))
        })
    }
}

fn is_json(response: &Response<Full<Bytes>>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("json"))
}

/// Both forms of Retry-After; a date counts from the time of the machine.
fn seconds(value: &str) -> Option<Duration> {
    use yagura_control::{Clock, SystemClock, Timestamp};
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = time::PrimitiveDateTime::parse(value.trim(), format).ok()?;
    let until = u64::try_from(date.assume_utc().unix_timestamp()).ok()?;
    Some(Timestamp(until.saturating_mul(1000)).since(SystemClock.now()))
}

async fn ask(
    tls: &Arc<ClientConfig>,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<Response<Full<Bytes>>, Box<dyn StdError + Send + Sync>> {
    let uri = request.uri().clone();
    // RFC 8555, section 6.1: HTTPS alone.
    if uri.scheme_str() != Some("https") {
        return Err(format!("{uri} is no https address").into());
    }
    let host = uri.host().ok_or("the address has no host")?;
    let port = uri.port_u16().unwrap_or(443);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, port)).await;
    let stream = stream.map_err(|error| format!("{host}:{port} cannot be reached: {error}"))?;
    let name = ServerName::try_from(bare.to_owned())?;
    let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
    let stream = stream.map_err(|error| format!("no TLS with {host}:{port}: {error}"))?;
    let authority = uri.authority().ok_or("the address has no host")?.as_str();
    request
        .headers_mut()
        .insert(header::HOST, authority.parse()?);
    *request.uri_mut() = uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .parse()?;
    let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(driver);
    let response = sender.send_request(request).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await?.to_bytes();
    driver.abort();
    Ok(Response::from_parts(head, Full::new(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        assert_eq!(seconds("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            seconds("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        assert!(seconds("Sun, 06 Nov 2094 08:49:37 GMT") > Some(Duration::from_secs(86_400)));
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn a_bundle_that_is_not_there_is_told_with_what_to_do() {
        let failure = trust(Some(Path::new("/no/such/bundle.pem"))).unwrap_err();
        assert!(failure.words.contains("/no/such/bundle.pem"), "{failure}");
        assert!(failure.advice.contains("`trust`"), "{failure}");
    }
}
