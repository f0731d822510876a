//! The addresses that answer to the public, and the certificates they answer with.

use std::io;
use std::path::Path;
use std::sync::Arc;

use pingora::listeners::tls::TlsSettings;
use pingora::listeners::{ListenerConfig, TlsAccept};
use pingora::protocols::l4::stream::L4BufferSettings;
use pingora::services::listening;
use yagura_certs::Resolver;
use yagura_config::settings::{EdgeSettings, HostPattern, ListenSettings, SiteSettings};
use yagura_control::Timestamp;

use crate::error::EdgeError;

/// The write buffer of a connection: about one packet. A larger one costs memory for every reader
/// who is connected and gains nothing, because answers are written whole.
const WRITE_BUFFER: usize = 1460;

/// Adds every address to the service.
///
/// # Errors
/// An address is in use or cannot be listened on; there is no certificate.
pub fn add<A>(
    service: &mut listening::Service<A>,
    edge: &EdgeSettings,
    sites: &[SiteSettings],
    now: Timestamp,
) -> Result<(), EdgeError> {
    let resolver = if edge.listen.iter().any(|listen| listen.tls) {
        Some(certificates(edge.data.as_deref(), sites, now)?)
    } else {
        None
    };
    for listen in &edge.listen {
        try_out(listen)?;
        let mut config = ListenerConfig::tcp(listen.address.to_string())
            .l4_buffer(L4BufferSettings::new(0, WRITE_BUFFER));
        if let (true, Some(resolver)) = (listen.tls, &resolver) {
            config = config.tls(tls(resolver.clone(), listen)?);
        }
        service.add_listener(config);
    }
    Ok(())
}

/// Listens for a moment. pingora would end the program with a panic instead of an error.
fn try_out(listen: &ListenSettings) -> Result<(), EdgeError> {
    let address = listen.address;
    match std::net::TcpListener::bind(address) {
        Ok(_closed_again) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => {
            Err(EdgeError::AddressInUse { address })
        }
        Err(cause) => Err(EdgeError::Address { address, cause }),
    }
}

fn tls(resolver: Arc<Resolver>, listen: &ListenSettings) -> Result<TlsSettings, EdgeError> {
    let settings = TlsSettings::with_callbacks(Box::new(NothingToAdd));
    let mut settings = settings.map_err(|error| EdgeError::Address {
        address: listen.address,
        cause: io::Error::other(error.to_string()),
    })?;
    settings.set_cert_resolver(resolver);
    settings.enable_h2();
    Ok(settings)
}

/// The resolver does everything; pingora wants an object all the same.
struct NothingToAdd;

impl TlsAccept for NothingToAdd {}

fn certificates(
    data: Option<&Path>,
    sites: &[SiteSettings],
    now: Timestamp,
) -> Result<Arc<Resolver>, EdgeError> {
    let named = sites
        .iter()
        .flat_map(|site| &site.hosts)
        .filter_map(|host| match host {
            HostPattern::Exact(name) => Some(name.clone()),
            HostPattern::Any => None,
        });
    let mut names: Vec<String> = named.collect();
    if names.is_empty() {
        names.push("localhost".to_owned());
    }
    // Settings with TLS have a folder; the check of the configuration sees to it.
    let folder = data.unwrap_or(Path::new(".")).join("certs");
    let certificate = yagura_certs::ensure_local(&folder, &names, now)?;
    let resolver = Arc::new(Resolver::default());
    resolver.install(&[certificate]);
    Ok(resolver)
}
