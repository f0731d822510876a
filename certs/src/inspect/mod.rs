//! What a chain and its key say, found out before anything serves them.
//!
//! - `certificate.rs`: what one certificate says. `key.rs`: a private key that nothing prints.
//! - `chain.rs`: puts a heap of certificates in order. `examine.rs`: whether it can be served.
//! - `refusal.rs`: why not, in words.
//!
//! This file holds [`Inspected`], which the edge serves: a version of the store was examined when
//! it came, so only what a handshake needs is looked at again. How bytes of many formats become a
//! heap is `crate::formats`.

mod certificate;
mod chain;
mod examine;
mod key;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use yagura_control::Timestamp;

use crate::CertError;
pub use certificate::{Certificate, KeyKind};
pub use chain::{Chain, Note};
pub use examine::{Examined, Heap, carries, examine};
pub use key::PrivateKey;
pub use refusal::{Refusal, Refusals};

/// A chain whose key belongs to it.
#[derive(Clone)]
pub struct Inspected {
    names: BTreeSet<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    key: Arc<CertifiedKey>,
}

impl std::fmt::Debug for Inspected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            names,
            not_before,
            not_after,
            key: _,
        } = self;
        f.debug_struct("Inspected")
            .field("names", names)
            .field("not_before", &not_before.rfc3339())
            .field("not_after", &not_after.rfc3339())
            .finish_non_exhaustive()
    }
}

impl Inspected {
    /// Reads a chain (leaf first) and a private key from PEM.
    ///
    /// # Errors
    /// [`CertError::Unusable`] with what is wrong.
    pub fn read(chain: &str, key: &str) -> Result<Self, CertError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| CertError::Unusable(format!("the chain is no PEM: {error}")))?;
        let key = PrivateKey::from_pem(key)?;
        let leaf = chain
            .first()
            .ok_or_else(|| CertError::Unusable("the chain is empty".to_owned()))?;
        let leaf = Certificate::read(leaf)?;
        if leaf.names.is_empty() {
            let what = "it has no subject alternative name";
            return Err(CertError::Unusable(what.to_owned()));
        }
        let certified = CertifiedKey::new(chain, key.signing());
        certified.keys_match().map_err(|_| {
            CertError::Unusable("the key belongs to another certificate".to_owned())
        })?;
        Ok(Self {
            names: leaf.names,
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            key: Arc::new(certified),
        })
    }

    /// Host names and addresses, as the certificate has them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether it carries a name, itself or by a wildcard.
    #[must_use]
    pub fn carries(&self, name: &str) -> bool {
        examine::is_among(&self.names, name)
    }

    /// Whether it carries exactly these names.
    #[must_use]
    pub fn is_for(&self, names: &[String]) -> bool {
        names.iter().cloned().collect::<BTreeSet<_>>() == self.names
    }

    /// Since when it is valid.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when it is valid.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Chain and key for a handshake.
    #[must_use]
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        self.key.clone()
    }

    /// The same with this OCSP response for readers, or without one.
    #[must_use]
    pub fn stapled(&self, response: Option<Vec<u8>>) -> Self {
        let mut stapled = self.clone();
        stapled.key = Arc::new(crate::ocsp::staple(&self.key, response));
        stapled
    }

    /// The leaf's bytes, which no other certificate has.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8] {
        self.key.cert.first().map_or(&[], |leaf| leaf.as_ref())
    }

    /// Whether the last certificate of the chain is the one in this PEM.
    pub(crate) fn chain_pem_ends_with(&self, pem: &str) -> bool {
        let root = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
        root.is_some_and(|root| self.key.cert.last() == Some(&root))
    }
}

/// SHA-256 of a certificate's DER, as hexadecimal digits.
#[must_use]
pub fn sha256(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    hex(digest.as_ref())
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// PEM (RFC 7468) of some DER.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        pem.push_str(rest);
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}
