//! The addresses that answer to the public, and the certificates they answer with.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use pingora::listeners::tls::{Acceptor, TlsSettings};
use pingora::listeners::{ListenerConfig, TlsAccept};
use pingora::protocols::l4::stream::L4BufferSettings;
use pingora::protocols::{Stream, l4};
use pingora::services::listening;
use yagura_certs::Resolver;
use yagura_config::settings::{EdgeSettings, HostPattern, ListenSettings, SiteSettings};
use yagura_control::Timestamp;

use crate::error::EdgeError;
use crate::upgrade::sockets::Sockets;

/// The write buffer of a connection: about one packet. A larger one costs memory for every reader
/// who is connected and gains nothing, because answers are written whole.
const WRITE_BUFFER: usize = 1460;

/// Adds every address to the service; the sockets are bound already ([`sockets`]).
pub fn add<A>(service: &mut listening::Service<A>, edge: &EdgeSettings) {
    for listen in &edge.listen {
        let config = ListenerConfig::tcp(listen.address.to_string())
            .l4_buffer(L4BufferSettings::new(0, WRITE_BUFFER));
        service.add_listener(config);
    }
}

/// A socket for every address, by the name that pingora looks it up with. No address is there twice;
/// the check of the configuration sees to it, and pingora would close one socket two times.
///
/// # Errors
/// An address is in use or cannot be listened on.
pub fn sockets(
    edge: &EdgeSettings,
    sockets: &Sockets,
) -> Result<Vec<(String, OwnedFd)>, EdgeError> {
    let bound = edge.listen.iter().map(|listen| {
        let listener = sockets.tcp("public", listen.address)?;
        Ok((listen.address.to_string(), listener.into()))
    });
    bound.collect()
}

/// TLS, spoken after a connection was let in: a handshake costs two hundred microseconds, and who is
/// banned or has too many connections must not get one.
pub struct Tls {
    acceptor: Acceptor,
    /// Until when the certificate is valid.
    pub ends_at: Timestamp,
    listen: Vec<ListenSettings>,
}

impl Tls {
    /// TLS with the certificates of these sites; none when no listener speaks it.
    ///
    /// # Errors
    /// There is no certificate.
    pub fn new(
        edge: &EdgeSettings,
        sites: &[SiteSettings],
        now: Timestamp,
    ) -> Result<Option<Self>, EdgeError> {
        let Some(first) = edge.listen.iter().find(|listen| listen.tls) else {
            return Ok(None);
        };
        let (resolver, ends_at) = certificates(edge.data.as_deref(), sites, now)?;
        let settings = TlsSettings::with_callbacks(Box::new(NothingToAdd));
        let mut settings = settings.map_err(|error| EdgeError::Address {
            address: first.address,
            cause: io::Error::other(error.to_string()),
        })?;
        settings.set_cert_resolver(resolver);
        settings.enable_h2();
        Ok(Some(Self {
            acceptor: settings.build(),
            ends_at,
            listen: edge.listen.clone(),
        }))
    }

    /// Whether TLS is spoken at the address that a connection came to.
    pub fn is_spoken_at(&self, stream: &Stream) -> bool {
        let digest = stream.get_socket_digest();
        let local = digest.as_ref().and_then(|digest| digest.local_addr());
        let Some(local) = local.and_then(|local| local.as_inet()) else {
            return false;
        };
        speaks_tls(&self.listen, *local)
    }

    /// Shakes hands; none when the reader does not.
    pub async fn handshake(&self, stream: Stream) -> Option<Stream> {
        let stream = stream.into_any().downcast::<l4::stream::Stream>().ok()?;
        match self.acceptor.tls_handshake(*stream).await {
            Ok(stream) => Some(Box::new(stream)),
            Err(error) => {
                tracing::debug!(%error, "no handshake");
                None
            }
        }
    }
}

/// Whether the listener of a local address speaks TLS. The exact address goes before the one that
/// stands for every address of the machine.
fn speaks_tls(listen: &[ListenSettings], local: SocketAddr) -> bool {
    let canonical = SocketAddr::new(local.ip().to_canonical(), local.port());
    let exact = listen.iter().find(|listen| {
        let address = listen.address;
        address.port() == local.port() && address.ip().to_canonical() == canonical.ip()
    });
    let any = || {
        let of_port = listen
            .iter()
            .filter(|listen| listen.address.port() == local.port());
        let mut unspecified = of_port.filter(|listen| listen.address.ip().is_unspecified());
        unspecified.find(|listen| {
            listen.address.is_ipv4() == canonical.is_ipv4() || listen.address.is_ipv6()
        })
    };
    exact.or_else(any).is_some_and(|listen| listen.tls)
}

/// The resolver does everything; pingora wants an object all the same.
struct NothingToAdd;

impl TlsAccept for NothingToAdd {}

fn certificates(
    data: Option<&Path>,
    sites: &[SiteSettings],
    now: Timestamp,
) -> Result<(Arc<Resolver>, Timestamp), EdgeError> {
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
    let ends_at = certificate.not_after();
    let resolver = Arc::new(Resolver::default());
    resolver.install(&[certificate]);
    Ok((resolver, ends_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_address_goes_before_every_address() {
        let listen = |text: &str, tls| ListenSettings {
            address: text.parse().unwrap(),
            tls,
        };
        let all = [
            listen("[::]:443", true),
            listen("127.0.0.1:443", false),
            listen("[::]:80", false),
            listen("192.0.2.1:8443", true),
        ];
        for (local, tls) in [
            ("[2001:db8::1]:443", true),
            ("192.0.2.1:443", true),
            ("[::ffff:192.0.2.1]:443", true),
            ("127.0.0.1:443", false),
            ("192.0.2.1:80", false),
            ("192.0.2.1:8443", true),
            ("192.0.2.2:8443", false),
        ] {
            assert_eq!(speaks_tls(&all, local.parse().unwrap()), tls, "{local}");
        }
    }
}
