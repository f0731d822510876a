//! What one certificate says: read once, compared and shown afterwards.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_EC_P256, OID_MD5_WITH_RSA, OID_NIST_EC_P384, OID_PKCS1_MD5WITHRSAENC,
    OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA,
};
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo};
use yagura_control::Timestamp;

use super::sha256;
use crate::CertError;

/// RFC 3279, section 2.2.3.
const ECDSA_WITH_SHA1: &str = "1.2.840.10045.4.1";

/// Of which kind and how long a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with the bits of its modulus.
    Rsa(usize),
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// What public authorities do not certify, or readers do not understand.
    Other,
}

impl KeyKind {
    /// Whether readers and authorities take it: CA/Browser Forum baseline requirements,
    /// section 6.1.5.
    #[must_use]
    pub const fn is_strong(self) -> bool {
        match self {
            Self::Rsa(bits) => bits >= 2048,
            Self::P256 | Self::P384 => true,
            Self::Other => false,
        }
    }

    pub(crate) fn of(spki: &SubjectPublicKeyInfo<'_>) -> Self {
        match spki.parsed() {
            Ok(PublicKey::RSA(key)) => Self::Rsa(key.key_size()),
            Ok(PublicKey::EC(_)) => {
                let curve = spki.algorithm.parameters.as_ref();
                match curve.and_then(|curve| curve.as_oid().ok()) {
                    Some(curve) if curve == OID_EC_P256 => Self::P256,
                    Some(curve) if curve == OID_NIST_EC_P384 => Self::P384,
                    _ => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::Other => f.write_str("a key that is neither RSA nor on P-256 or P-384"),
        }
    }
}

/// One certificate, read.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    /// Whom it is for, as text: `C=JP, O=サンプル市, CN=www.city.example`.
    pub subject: String,
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The subject's organisation.
    pub organization: Option<String>,
    /// The subject's department.
    pub unit: Option<String>,
    /// Who issued it, as text.
    pub issuer: String,
    pub(crate) subject_der: Vec<u8>,
    pub(crate) issuer_der: Vec<u8>,
    /// The issuer's number for it, as hexadecimal digits.
    pub serial: String,
    /// Host names and addresses.
    pub names: BTreeSet<String>,
    /// Since when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Of which kind its key is.
    pub key: KeyKind,
    /// The public key, with its kind (SubjectPublicKeyInfo as DER).
    pub(crate) public_key: Vec<u8>,
    /// The broken hash it was signed with, if it was.
    pub(crate) broken_hash: Option<&'static str>,
    /// Whether it may issue others.
    pub is_authority: bool,
    /// Whether a server may show it: extended key usage says so, or nothing.
    pub(crate) for_servers: bool,
    /// Where its issuer's certificate can be had.
    pub(crate) issuer_url: Option<String>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads the DER of one.
    ///
    /// # Errors
    /// [`CertError::Unusable`]: it is no certificate.
    pub fn read(der: &[u8]) -> Result<Self, CertError> {
        let unusable = |error: &dyn fmt::Display| CertError::Unusable(error.to_string());
        let (rest, read) = X509Certificate::from_der(der).map_err(|error| unusable(&error))?;
        if !rest.is_empty() {
            return Err(unusable(&"there is something behind the certificate"));
        }
        let alternative = read.subject_alternative_name();
        let alternative = alternative.map_err(|error| unusable(&error))?;
        let names = alternative.iter().flat_map(|it| &it.value.general_names);
        let usage = read.extended_key_usage().ok().flatten();
        let algorithm = &read.signature_algorithm.algorithm;
        let broken = [
            (OID_PKCS1_SHA1WITHRSA, "SHA-1"),
            (OID_SHA1_WITH_RSA, "SHA-1"),
            (OID_PKCS1_MD5WITHRSAENC, "MD5"),
            (OID_MD5_WITH_RSA, "MD5"),
        ];
        Ok(Self {
            der: CertificateDer::from(der.to_vec()),
            subject: shown(read.subject()),
            common_name: first(read.subject().iter_common_name()),
            organization: first(read.subject().iter_organization()),
            unit: first(read.subject().iter_organizational_unit()),
            issuer: shown(read.issuer()),
            subject_der: read.subject().as_raw().to_vec(),
            issuer_der: read.issuer().as_raw().to_vec(),
            serial: read
                .raw_serial()
                .iter()
                .map(|it| format!("{it:02x}"))
                .collect(),
            names: names.filter_map(name).collect(),
            not_before: instant(read.validity().not_before),
            not_after: instant(read.validity().not_after),
            key: KeyKind::of(read.public_key()),
            public_key: read.public_key().raw.to_vec(),
            broken_hash: broken
                .iter()
                .find_map(|(oid, name)| (oid == algorithm).then_some(*name))
                .or_else(|| (algorithm.to_id_string() == ECDSA_WITH_SHA1).then_some("SHA-1")),
            is_authority: read.is_ca(),
            for_servers: usage.is_none_or(|it| it.value.server_auth || it.value.any),
            issuer_url: issuer_url(&read),
        })
    }

    /// SHA-256 of it, as hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(&self.der)
    }

    /// As PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        super::pem("CERTIFICATE", &self.der)
    }

    /// Whether it says that it issued itself, as roots do.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
    }

    /// Whether the other is its issuer by name.
    pub(crate) fn names_as_issuer(&self, other: &Self) -> bool {
        self.issuer_der == other.subject_der
    }

    /// Whether the other's key signed it.
    pub(crate) fn is_signed_by(&self, other: &Self) -> bool {
        let Ok((_, read)) = X509Certificate::from_der(&self.der) else {
            return false;
        };
        let Ok((_, key)) = SubjectPublicKeyInfo::from_der(&other.public_key) else {
            return false;
        };
        read.verify_signature(Some(&key)).is_ok()
    }
}

fn instant(time: x509_parser::time::ASN1Time) -> Timestamp {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    Timestamp(seconds.saturating_mul(1000))
}

/// The first of some parts of a name.
fn first<'a>(mut parts: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<String> {
    let text = parts.next()?.as_str().ok()?;
    Some(text.chars().filter(|c| !c.is_control()).collect())
}

/// A distinguished name as people read it; control characters would move the terminal's cursor.
fn shown(name: &X509Name<'_>) -> String {
    let text = name.to_string();
    text.chars().filter(|c| !c.is_control()).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => {
            let name = name.chars().filter(|c| !c.is_control());
            Some(name.collect::<String>().to_ascii_lowercase())
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Authority information access (RFC 5280, section 4.2.2.1): where the issuer's certificate is.
fn issuer_url(read: &X509Certificate<'_>) -> Option<String> {
    read.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityInfoAccess(access) = extension.parsed_extension() else {
            return None;
        };
        access.accessdescs.iter().find_map(|one| {
            let is_issuer = one.access_method.to_id_string() == "1.3.6.1.5.5.7.48.2";
            match &one.access_location {
                GeneralName::URI(url) if is_issuer => Some((*url).to_owned()),
                _ => None,
            }
        })
    })
}
