//! The addresses that answer to the public, and TLS on them. Which certificates are shown there is
//! the business of `certificates/`.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use pingora::listeners::ListenerConfig;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::stream::L4BufferSettings;
use pingora::protocols::{ALPN, Ssl, Stream, l4};
use pingora::services::listening;
use yagura_certs::acme::ACME_TLS;
use yagura_certs::tls;
use yagura_config::settings::{EdgeSettings, LeastTls, ListenSettings};

use crate::certificates::Certificates;
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
    listen: Vec<ListenSettings>,
}

impl Tls {
    /// TLS with these certificates; none when no listener speaks it.
    ///
    /// # Errors
    /// The provider cannot speak it.
    pub fn new(
        edge: &EdgeSettings,
        certificates: Arc<Certificates>,
    ) -> Result<Option<Self>, EdgeError> {
        let Some(first) = edge.listen.iter().find(|listen| listen.tls) else {
            return Ok(None);
        };
        let least = match edge.tls.least {
            LeastTls::V1_2 => tls::LeastVersion::Tls12,
            LeastTls::V1_3 => tls::LeastVersion::Tls13,
        };
        let tickets = certificates.tickets().clone();
        let mut config =
            tls::server(least, certificates, tickets).map_err(|error| EdgeError::Address {
                address: first.address,
                cause: io::Error::other(error),
            })?;
        config.alpn_protocols = [&b"h2"[..], b"http/1.1", ACME_TLS]
            .map(<[u8]>::to_vec)
            .into();
        Ok(Some(Self {
            acceptor: Acceptor::from_server_config(Arc::new(config)),
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
            // Who speaks `acme-tls/1` has seen what it came for (RFC 8737, section 3).
            Ok(stream) if is_acme(stream.selected_alpn_proto().as_ref()) => None,
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

/// Whether the connection speaks the protocol of authorities.
fn is_acme(selected: Option<&ALPN>) -> bool {
    matches!(selected, Some(ALPN::Custom(custom)) if custom.protocol() == ACME_TLS)
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
