//! TLS of the load generators: TLS as the peers' clients speak it today, trusting one authority.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustix::net::{AddressFamily, SocketType};
use rustls::ClientConfig;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// A configuration that trusts the authority in this file, with sessions of its own.
pub fn client(trust: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(trust)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Connects from one of several addresses of this machine, so that ports do not run out.
pub fn connect(address: SocketAddr, number: usize) -> anyhow::Result<TcpStream> {
    let IpAddr::V4(_) = address.ip() else {
        bail!("only IPv4 here");
    };
    let last = u8::try_from(2 + number % 8).unwrap_or(2);
    let from = SocketAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), 0);
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &from)?;
    rustix::net::connect(&socket, &address)
        .with_context(|| format!("nobody answers at {address}"))?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}
