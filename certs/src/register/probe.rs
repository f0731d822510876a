//! Asks a server which certificate it shows, and takes whatever it is: a certificate that is not
//! trusted, is over or names another host is just what is to be found out.
//!
//! The handshake is a real one; nothing is asked afterwards.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use yagura_control::Timestamp;

use crate::CertError;
use crate::inspect::Certificate;

/// What a server showed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The chain as it was sent, leaf first.
    pub chain: Vec<Certificate>,
    /// Why readers do not believe it; `None` when they do.
    pub fault: Option<String>,
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No connection.
    #[error(
        "{address} does not answer: {cause}\n  check the address, and whether this machine may reach it"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// The system's words.
        cause: io::Error,
    },
    /// No handshake.
    #[error("{address} answers and does not speak TLS as readers do: {cause}")]
    NoHandshake {
        /// Where.
        address: String,
        /// The words of TLS.
        cause: String,
    },
    /// No name.
    #[error("\"{0}\" is no host name")]
    NoName(String),
}

/// Looks at the certificate that the server at `address` (`host:port`) shows to readers of
/// `server_name`, and checks it against `roots` as of `now`. Waits at most `patience` for each
/// step.
///
/// # Errors
/// Nothing was shown.
pub fn look(
    address: &str,
    server_name: &str,
    roots: &Arc<RootCertStore>,
    patience: Duration,
    now: Timestamp,
) -> Result<Seen, NoAnswer> {
    let name = ServerName::try_from(server_name.to_owned())
        .map_err(|_| NoAnswer::NoName(server_name.to_owned()))?;
    let sent = handshake(address, name.clone(), patience)?;
    let [leaf, others @ ..] = &sent[..] else {
        return Err(NoAnswer::NoHandshake {
            address: address.to_owned(),
            cause: "it shows no certificate".to_owned(),
        });
    };
    let instant = UnixTime::since_unix_epoch(Duration::from_secs(now.seconds()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider).build();
    let fault = match verifier {
        Ok(verifier) => verifier
            .verify_server_cert(leaf, others, &name, &[], instant)
            .err()
            .map(|error| error.to_string()),
        Err(error) => Some(format!("no authority is trusted here: {error}")),
    };
    let read = sent.iter().map(|der| Certificate::read(der));
    let chain = read
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| NoAnswer::NoHandshake {
            address: address.to_owned(),
            cause: error.to_string(),
        })?;
    Ok(Seen { chain, fault })
}

/// The authorities in a PEM file, or those that the system trusts.
///
/// # Errors
/// The file cannot be read or holds none.
pub fn roots(trust: Option<&Path>) -> Result<Arc<RootCertStore>, CertError> {
    if let Some(path) = trust {
        return crate::mutual::authority(path).map(Arc::new);
    }
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (_, _) = roots.add_parsable_certificates(found.unwrap_or_default());
    Ok(Arc::new(roots))
}

fn handshake(
    address: &str,
    name: ServerName<'static>,
    patience: Duration,
) -> Result<Vec<CertificateDer<'static>>, NoAnswer> {
    let unreachable = |cause| NoAnswer::Unreachable {
        address: address.to_owned(),
        cause,
    };
    let no_handshake = |cause: String| NoAnswer::NoHandshake {
        address: address.to_owned(),
        cause,
    };
    let mut socket = connect(address, patience).map_err(unreachable)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| no_handshake(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TakesAny(provider)))
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), name)
        .map_err(|error| no_handshake(error.to_string()))?;
    while client.is_handshaking() {
        let done = client.complete_io(&mut socket);
        done.map_err(|error| no_handshake(error.to_string()))?;
    }
    client.send_close_notify();
    // The server need not listen any more.
    let _said = client.write_tls(&mut socket);
    let shown = client.peer_certificates().unwrap_or_default();
    Ok(shown.iter().map(|one| one.clone().into_owned()).collect())
}

fn connect(address: &str, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for one in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&one, patience) {
            Ok(socket) => {
                socket.set_read_timeout(Some(patience))?;
                socket.set_write_timeout(Some(patience))?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Takes any certificate; that the server has its key is checked all the same.
#[derive(Debug)]
struct TakesAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
