//! Readers that ask for a staple: rustls, which checks the chain as browsers do, and OpenSSL's client.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, ServerConfig,
    ServerConnection, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use yagura_certs::{Inspected, Resolver};

use crate::authority::Authority;

fn server(resolver: Arc<Resolver>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    Arc::new(server)
}

/// What a client that checks the chain is shown as a staple.
pub fn handshake(
    resolver: &Arc<Resolver>,
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let recorder = Arc::new(Recorder::trusting(authority));
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(recorder.clone())
        .with_no_client_auth();
    client.resumption = Resumption::disabled();
    let name = ServerName::try_from("www.city.example").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(server(resolver.clone())).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    recorder.shown.lock().unwrap().take().unwrap()
}

/// Checks as rustls does, and writes down the staple.
#[derive(Debug)]
struct Recorder {
    checks: Arc<WebPkiServerVerifier>,
    shown: Mutex<Option<Vec<u8>>>,
}

impl Recorder {
    fn trusting(authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(authority.folder().join("ca.pem"));
        roots.add(root.unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let checks = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Self {
            checks: checks.build().unwrap(),
            shown: Mutex::default(),
        }
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.shown.lock().unwrap() = Some(staple.to_vec());
        self.checks
            .verify_server_cert(leaf, chain, name, staple, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.checks.verify_tls12_signature(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.checks.verify_tls13_signature(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.checks.supported_verify_schemes()
    }
}

/// What OpenSSL's client says about a server that shows this certificate.
pub fn s_client(shown: &Inspected, authority: &Authority, version: &str) -> String {
    let resolver = Arc::new(Resolver::default());
    resolver.install(std::slice::from_ref(shown));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut server = ServerConnection::new(server(resolver)).unwrap();
        // Until the client goes.
        while server.complete_io(&mut stream).is_ok() && server.wants_read() {}
    });
    let done = Command::new("openssl")
        .args(["s_client", "-connect", &address, "-status", version])
        .args(["-servername", "www.city.example", "-CAfile", "ca.pem"])
        .current_dir(authority.folder())
        .stdin(Stdio::null())
        .output()
        .expect("the package openssl is installed");
    serving.join().unwrap();
    String::from_utf8_lossy(&done.stdout).into_owned()
}
