//! A private key, in one form (PKCS#8), that nothing prints.

use std::fmt;
use std::sync::Arc;

use der::{Decode, Encode};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{PrivateKeyInfoRef, der::asn1::OctetStringRef};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::SigningKey;
use rustls_pki_types::PrivateKeyDer;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::certificate::KeyKind;
use crate::CertError;

/// A private key whose kind the edge can sign with.
#[derive(Clone)]
pub struct PrivateKey {
    pkcs8: SecretSlice<u8>,
    signing: Arc<dyn SigningKey>,
    public_key: Vec<u8>,
    kind: KeyKind,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// Takes a key in any of its three usual forms.
    ///
    /// # Errors
    /// [`CertError::Unusable`]: it is of a kind that the edge cannot sign with.
    pub fn read(key: &PrivateKeyDer<'_>) -> Result<Self, CertError> {
        let unusable = |error: &dyn fmt::Display| {
            CertError::Unusable(format!(
                "the private key is damaged, or neither RSA nor on P-256 or P-384: {error}"
            ))
        };
        let signing = any_supported_type(key).map_err(|error| unusable(&error))?;
        let public_key = signing
            .public_key()
            .ok_or_else(|| unusable(&"it has no public half"))?
            .to_vec();
        let (_, read) =
            SubjectPublicKeyInfo::from_der(&public_key).map_err(|error| unusable(&error))?;
        let pkcs8 = match key {
            PrivateKeyDer::Pkcs8(whole) => whole.secret_pkcs8_der().to_vec(),
            other => wrapped(&public_key, other.secret_der()).map_err(|error| unusable(&error))?,
        };
        Ok(Self {
            pkcs8: pkcs8.into(),
            kind: KeyKind::of(&read),
            signing,
            public_key,
        })
    }

    /// Takes a key from PEM.
    ///
    /// # Errors
    /// As [`PrivateKey::read`].
    pub fn from_pem(pem: &str) -> Result<Self, CertError> {
        use rustls_pki_types::pem::PemObject;
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| CertError::Unusable(format!("the key is no PEM: {error}")))?;
        Self::read(&key)
    }

    /// Of which kind and how long it is.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its public half, with its kind (SubjectPublicKeyInfo as DER).
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    pub(crate) fn signing(&self) -> Arc<dyn SigningKey> {
        self.signing.clone()
    }

    /// As PKCS#8 in DER.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        self.pkcs8.expose_secret()
    }

    /// As PKCS#8 in PEM, for a file that only its owner may read.
    #[must_use]
    pub fn pem(&self) -> SecretString {
        super::pem("PRIVATE KEY", self.pkcs8()).into()
    }
}

/// PKCS#1 and SEC1 keys as PKCS#8 (RFC 5958): the kind stands beside the key, as it does beside
/// the public half.
fn wrapped(public_key: &[u8], key: &[u8]) -> Result<Vec<u8>, der::Error> {
    let public = SubjectPublicKeyInfoRef::from_der(public_key)?;
    PrivateKeyInfoRef::new(public.algorithm, OctetStringRef::new(key)?).to_der()
}
