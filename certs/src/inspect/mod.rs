//! What a chain and its key say, found out before anything serves them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use yagura_control::Timestamp;

use crate::CertError;

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
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| CertError::Unusable(format!("the key is no PEM: {error}")))?;
        let signing = any_supported_type(&key).map_err(|error| {
            CertError::Unusable(format!("the key is of no known kind: {error}"))
        })?;
        let leaf = chain
            .first()
            .ok_or_else(|| CertError::Unusable("the chain is empty".to_owned()))?;
        let (names, not_before, not_after) = describe(leaf)?;
        let certified = CertifiedKey::new(chain, signing);
        certified.keys_match().map_err(|_| {
            CertError::Unusable("the key belongs to another certificate".to_owned())
        })?;
        Ok(Self {
            names,
            not_before,
            not_after,
            key: Arc::new(certified),
        })
    }

    /// Host names and addresses, as the certificate has them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
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
    digest
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            text.push_str(&format!("{byte:02x}"));
            text
        })
}

fn describe(
    leaf: &CertificateDer<'_>,
) -> Result<(BTreeSet<String>, Timestamp, Timestamp), CertError> {
    let unusable = |what: String| CertError::Unusable(what);
    let (_, parsed) =
        X509Certificate::from_der(leaf).map_err(|error| unusable(error.to_string()))?;
    let instant = |time: x509_parser::time::ASN1Time| {
        Timestamp(
            u64::try_from(time.timestamp())
                .unwrap_or(0)
                .saturating_mul(1000),
        )
    };
    let alternative = parsed
        .subject_alternative_name()
        .map_err(|error| unusable(error.to_string()))?;
    let names = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    let names: BTreeSet<String> = names.filter_map(name).collect();
    if names.is_empty() {
        return Err(unusable("it has no subject alternative name".to_owned()));
    }
    Ok((
        names,
        instant(parsed.validity().not_before),
        instant(parsed.validity().not_after),
    ))
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}
