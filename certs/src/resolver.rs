//! Gives a handshake its certificate: the one for the name the client asks for, else the first.
//!
//! The table is swapped whole, so a handshake sees one state of it and needs no lock.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::Inspected;

#[derive(Default)]
struct Table {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl Table {
    fn named(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        // RFC 6125, section 6.4.3: a wildcard stands for the whole leftmost label.
        let wildcard = || {
            name.split_once('.')
                .map(|(_, parent)| format!("*.{parent}"))
        };
        let exact = self.by_name.get(&name);
        exact.or_else(|| self.by_name.get(&wildcard()?))
    }
}

/// The certificates in use.
#[derive(Default)]
pub struct Resolver {
    table: ArcSwap<Table>,
    /// Whether a client that names a host of no certificate is refused.
    refuses_unknown: bool,
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = self.table.load();
        f.debug_struct("Resolver")
            .field("names", &table.by_name.keys())
            .finish_non_exhaustive()
    }
}

impl Resolver {
    /// A resolver with which a client that names a host of no certificate gets no handshake
    /// (RFC 6066, section 3: `unrecognized_name` is left to the server), instead of the first
    /// certificate. Who names none gets the first all the same.
    #[must_use]
    pub fn that_refuses_unknown(refuses_unknown: bool) -> Self {
        Self {
            refuses_unknown,
            ..Self::default()
        }
    }

    /// Puts these certificates in place of all others; the first is also for clients that name no
    /// host or an unknown one. Handshakes under way keep what they have.
    pub fn install(&self, certificates: &[Inspected]) {
        self.install_over(certificates, None);
    }

    /// The same, with one that stands in for the names that none of them carries, and for everything
    /// when there is no other.
    pub fn install_over(&self, certificates: &[Inspected], stand_in: Option<&Inspected>) {
        let mut table = Table::default();
        for certificate in certificates {
            let key = certificate.certified_key();
            table.default.get_or_insert_with(|| key.clone());
            for name in certificate.names() {
                table
                    .by_name
                    .entry(name.to_owned())
                    .or_insert_with(|| key.clone());
            }
        }
        if let Some(stand_in) = stand_in {
            let key = stand_in.certified_key();
            table.default.get_or_insert_with(|| key.clone());
            for name in stand_in.names() {
                if table.named(name).is_none() {
                    table.by_name.insert(name.to_owned(), key.clone());
                }
            }
        }
        self.table.store(Arc::new(table));
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let table = self.table.load();
        let named = name.and_then(|name| table.named(name));
        let refused = self.refuses_unknown && name.is_some();
        let default = table.default.as_ref().filter(|_| !refused);
        named.or(default).cloned()
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalAuthority;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, ServerName};
    use std::path::Path;
    use std::time::SystemTime;
    use yagura_control::{Clock, SystemClock, Timestamp};

    fn issue(folder: &Path, names: &[&str], now: Timestamp) -> Inspected {
        let authority = LocalAuthority::open_or_make(folder, now).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let pem = authority.issue(&names, now).unwrap();
        Inspected::read(&pem.chain, &pem.key).unwrap()
    }

    /// A handshake in memory; gives the certificate the client accepted.
    fn handshake(
        resolver: &Arc<Resolver>,
        folder: &Path,
        name: &str,
    ) -> Result<Vec<u8>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(folder.join("local-ca.pem")).unwrap())
            .unwrap();
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver.clone());
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(client
            .peer_certificates()
            .unwrap()
            .first()
            .unwrap()
            .to_vec())
    }

    #[test]
    fn a_client_that_trusts_the_authority_is_served_the_certificate_of_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemClock.now();
        let town = issue(folder.path(), &["town.example", "*.town.example"], now);
        let other = issue(folder.path(), &["other.example"], now);
        let resolver = Arc::new(Resolver::default());
        resolver.install(&[town.clone(), other.clone()]);
        let served = |name: &str| handshake(&resolver, folder.path(), name);
        assert_eq!(served("town.example").unwrap(), town.fingerprint());
        assert_eq!(served("www.town.example").unwrap(), town.fingerprint());
        assert_eq!(served("other.example").unwrap(), other.fingerprint());
        assert!(served("unknown.example").is_err());
    }

    #[test]
    fn a_name_of_no_certificate_is_refused_where_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let town = issue(folder.path(), &["town.example"], SystemClock.now());
        let resolver = Resolver::that_refuses_unknown(true);
        resolver.install(std::slice::from_ref(&town));
        assert!(resolver.find(Some("town.example")).is_some());
        assert!(resolver.find(Some("unknown.example")).is_none());
        assert!(resolver.find(None).is_some(), "an address is no name");
    }

    #[test]
    fn a_new_certificate_is_served_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = SystemTime::from(SystemClock.now()).into();
        let resolver = Arc::new(Resolver::default());
        for _ in 0..3 {
            let issued = issue(folder.path(), &["town.example"], now);
            resolver.install(std::slice::from_ref(&issued));
            assert_eq!(
                handshake(&resolver, folder.path(), "town.example").unwrap(),
                issued.fingerprint()
            );
        }
    }

    #[test]
    fn debug_shows_names_and_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = Resolver::default();
        resolver.install(&[issue(folder.path(), &["town.example"], SystemClock.now())]);
        assert_eq!(
            format!("{resolver:?}"),
            "Resolver { names: [\"town.example\"], .. }"
        );
    }
}
