//! An edge on another machine: TLS, in which both sides show a certificate.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{AlertDescription, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a connection may take to come about; a dead edge is known to be dead after it.
const CONNECT: Duration = Duration::from_secs(5);

/// What an operator shows to edges, and whom they trust.
#[derive(Clone)]
pub struct Identity(Arc<ClientConfig>);

/// A file of the identity cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {path}: {what}\n  {hint}")]
pub struct Unusable {
    path: String,
    what: String,
    hint: &'static str,
}

impl Identity {
    /// Reads certificate (leaf first), key, and the authority of the edges, each a PEM file.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub fn read(certificate: &Path, key: &Path, trust: &Path) -> Result<Self, Unusable> {
        let chain = certificates(certificate)?;
        let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| Unusable {
            path: key.display().to_string(),
            what: error.to_string(),
            hint: "it must be a private key as PEM, which this user may read",
        })?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(trust)? {
            roots.add(authority).map_err(|error| Unusable {
                path: trust.display().to_string(),
                what: error.to_string(),
                hint: "it must be the certificate of the authority that the edges' certificates come from",
            })?;
        }
        let mismatch = |error: rustls::Error| Unusable {
            path: certificate.display().to_string(),
            what: error.to_string(),
            hint: "certificate and key must belong together",
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(mismatch)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key_der)
            .map_err(mismatch)?;
        Ok(Self(Arc::new(config)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let unusable = |what: String| Unusable {
        path: path.display().to_string(),
        what,
        hint: "it must hold certificates as PEM, and this user must be able to read it",
    };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let read: Vec<_> = read.map_err(|error| unusable(error.to_string()))?;
    match read.is_empty() {
        true => Err(unusable("it holds no certificate".to_owned())),
        false => Ok(read),
    }
}

/// An edge at an address of another machine.
#[derive(Clone, Debug)]
pub struct Afar {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What is shown there.
    pub identity: Identity,
}

impl fmt::Display for Afar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "https://[{}]:{}", self.host, self.port),
            false => write!(f, "https://{}:{}", self.host, self.port),
        }
    }
}

impl Afar {
    /// Connects.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>, String> {
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| format!("\"{}\" is no host", self.host))?;
        let connecting = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            let connector = TlsConnector::from(self.identity.0.clone());
            connector.connect(name, stream).await
        };
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(connected) => connected.map_err(|error| why(&error)),
            Err(_) => Err(format!("no connection within {CONNECT:?}")),
        }
    }
}

/// Why an exchange failed: what TLS says stands deep inside.
pub(super) fn why(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = Some(error);
    let mut last = error.to_string();
    while let Some(error) = inner {
        if let Some(tls) = tls_error(error) {
            return in_words(tls);
        }
        last = error.to_string();
        inner = error.source();
    }
    last
}

fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = error.downcast_ref::<std::io::Error>();
    let wrapped = wrapped.and_then(std::io::Error::get_ref);
    let wrapped = wrapped.and_then(|inner| inner.downcast_ref());
    error.downcast_ref().or(wrapped)
}

fn in_words(error: &rustls::Error) -> String {
    let rustls::Error::AlertReceived(alert) = error else {
        return format!("its certificate is not trusted or TLS failed: {error}");
    };
    let meant = match alert {
        AlertDescription::CertificateExpired => "our certificate has expired",
        AlertDescription::CertificateRevoked => "our certificate was revoked",
        AlertDescription::CertificateRequired => "it wants a certificate, and got none",
        AlertDescription::UnknownCA => "our certificate comes from an authority it does not know",
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::DecryptError => "our certificate is not accepted there",
        _ => return format!("it ended the handshake: {error}"),
    };
    format!("it did not let us in: {meant}")
}
