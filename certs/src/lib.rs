//! Certificates of the edge: where they are kept, who issues them, how they reach a handshake.
//!
//! - `store/`: versions of chain and key on disk; the present one is named by a pointer file.
//! - `inspect/`: what a chain and key say, and whether they belong together.
//! - `formats/`: how bytes of many forms become certificates and keys.
//! - `csr/`: requests to commercial authorities, and installing what comes back.
//! - `acme/`, `dns/`, `renewal/`: ordering by ACME, proofs in the DNS, and when it is done.
//! - `register/`: everything the site depends on, also elsewhere; calendar.
//! - `export/`: the package for a security cloud.
//! - `local_authority.rs`: the authority made at the first start, so that HTTPS works at once.
//! - `expiry.rs`: when a certificate is to be renewed, and when to warn; pure.
//! - `mutual.rs`: TLS in which both sides show a certificate, for orders from afar.
//! - `tls/`: versions, cipher suites, key exchange and resumption.
//! - `ocsp/`: what the issuer says about a certificate, stapled to handshakes.
//! - `resolver.rs`: gives a handshake its certificate; swapped without a restart.
//!
//! [`ensure_local`] puts them together. This crate knows neither the edge nor its configuration.

pub mod acme;
pub mod csr;
pub mod dns;
mod error;
pub mod expiry;
pub mod export;
pub mod formats;
pub mod inspect;
pub mod local_authority;
pub mod mutual;
pub mod ocsp;
pub mod register;
pub mod renewal;
pub mod resolver;
pub mod store;
pub mod tls;
#[cfg(test)]
mod trial_authority;

use std::path::Path;

use yagura_control::Timestamp;

use store::{Brought, How};

pub use error::CertError;
pub use inspect::Inspected;
pub use local_authority::LocalAuthority;
pub use mutual::Shown;
pub use resolver::Resolver;
pub use store::Store;

/// Under which name the locally issued certificate is stored.
const LOCAL: &str = "local";

/// The present certificate for `names` from the local authority in `folder`, issued anew when there
/// is none, when it does not carry exactly these names, when it is due, or when it is damaged.
///
/// # Errors
/// The folder cannot be written, or the authority's own key is damaged: issuing a new authority
/// would silently break everyone who trusts the old one.
pub fn ensure_local(
    folder: &Path,
    names: &[String],
    now: Timestamp,
) -> Result<Inspected, CertError> {
    let store = Store::new(folder);
    let authority = LocalAuthority::open_or_make(folder, now)?;
    match store.load(LOCAL) {
        Ok(Some(pem)) => match Inspected::read(&pem.chain, &pem.key) {
            Ok(held)
                if held.is_for(names) && authority.issued(&held) && !expiry::is_due(&held, now) =>
            {
                return Ok(held);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the stored certificate cannot be used; issuing a new one")
            }
        },
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "the stored certificate cannot be read; issuing a new one")
        }
    }
    let pem = authority.issue(names, now)?;
    let issued = Inspected::read(&pem.chain, &pem.key)?;
    let brought = Brought {
        how: How::Local,
        by: "the local authority".to_owned(),
        at: now,
    };
    store.save_from(LOCAL, &pem, brought)?;
    Ok(issued)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp(1_795_400_000_000);

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_same_certificate_is_kept_until_it_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let hosts = names(&["localhost", "127.0.0.1"]);
        let first = ensure_local(folder.path(), &hosts, NOW).unwrap();
        let soon = ensure_local(folder.path(), &hosts, NOW.plus(30 * DAY)).unwrap();
        assert_eq!(first.fingerprint(), soon.fingerprint());
        let due = ensure_local(folder.path(), &hosts, NOW.plus(70 * DAY)).unwrap();
        assert_ne!(first.fingerprint(), due.fingerprint());
    }

    #[test]
    fn other_names_get_another_certificate_from_the_same_authority() {
        let folder = tempfile::tempdir().unwrap();
        let root = || std::fs::read(folder.path().join("local-ca.pem")).unwrap();
        let first = ensure_local(folder.path(), &names(&["a.example"]), NOW).unwrap();
        let authority = root();
        let second = ensure_local(folder.path(), &names(&["b.example"]), NOW).unwrap();
        assert_ne!(first.fingerprint(), second.fingerprint());
        assert_eq!(authority, root());
        assert!(second.is_for(&names(&["b.example"])));
    }

    #[test]
    fn a_damaged_certificate_is_issued_anew() {
        let folder = tempfile::tempdir().unwrap();
        let hosts = names(&["localhost"]);
        let first = ensure_local(folder.path(), &hosts, NOW).unwrap();
        std::fs::write(folder.path().join("local/0001/key.pem"), "not a key").unwrap();
        let second = ensure_local(folder.path(), &hosts, NOW).unwrap();
        assert_ne!(first.fingerprint(), second.fingerprint());
    }

    #[test]
    fn a_damaged_authority_is_told_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        ensure_local(folder.path(), &names(&["localhost"]), NOW).unwrap();
        std::fs::write(folder.path().join("local-ca.key"), "not a key").unwrap();
        let refusal = ensure_local(folder.path(), &names(&["localhost"]), NOW).unwrap_err();
        assert!(refusal.to_string().contains("local-ca.key"), "{refusal}");
    }
}
