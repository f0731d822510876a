//! What is to be asked about a certificate, and whom: pure.
//!
//! The request carries one certificate, no nonce and no signature, so that responders may answer
//! with what they signed in advance (RFC 5019, section 2.1.1). Who looks at the answer is
//! `response.rs`; who sends the request is `fetch.rs`.

use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode, Encode, Tag};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::asn1::{Algorithm, CertId, OcspRequest, Request, TbsRequest};
use crate::Inspected;
use crate::inspect::Certificate;

pub(super) const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA2_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// id-ad-ocsp: RFC 5280, section 4.2.2.1.
const OCSP: &str = "1.3.6.1.5.5.7.48.1";
/// id-pe-tlsfeature: RFC 7633, section 4.1.
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";
/// The TLS extension `status_request`: RFC 6066, section 8.
const STATUS_REQUEST: u32 = 5;

/// Why nobody is asked about a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// The certificate names nobody to ask. Many authorities have given up OCSP: nothing is wrong.
    #[error("the certificate names no OCSP responder, so there is nothing to staple")]
    NoResponder,
    /// The responders named speak something else than HTTP.
    #[error(
        "the OCSP responder \"{url}\" is not asked: it is no http:// address\n  nothing needs to be done; readers are served without a staple"
    )]
    NotHttp {
        /// The first one named.
        url: String,
    },
    /// The chain is a leaf alone.
    #[error(
        "the chain holds no issuer, so OCSP cannot be asked\n  install the chain with its intermediates"
    )]
    NoIssuer,
    /// What stands behind the leaf is not its issuer.
    #[error(
        "\"{second}\" stands behind the certificate and did not issue it, so OCSP cannot be asked\n  install the chain in order, leaf first"
    )]
    NotItsIssuer {
        /// Whose certificate.
        second: String,
    },
    /// A certificate cannot be read.
    #[error("OCSP cannot be asked: {what}\n  have the certificate issued anew")]
    Unreadable {
        /// What is wrong.
        what: String,
    },
}

/// A question that can be asked again and again while the certificate is in use.
#[derive(Clone, Debug)]
pub struct Question {
    responder: String,
    request: Vec<u8>,
    pub(super) issuer: Certificate,
    /// The certificate's identity under each hash that an answer may use.
    pub(super) ids: Vec<CertId>,
}

impl Question {
    /// What is to be asked about a leaf that this issuer signed.
    ///
    /// # Errors
    /// Why nobody is asked.
    pub fn about(leaf: &[u8], issuer: &[u8]) -> Result<Self, Unasked> {
        let unreadable = |what: String| Unasked::Unreadable { what };
        let (_, read) =
            X509Certificate::from_der(leaf).map_err(|error| unreadable(error.to_string()))?;
        let named = responders(&read);
        let first = named.first().ok_or(Unasked::NoResponder)?;
        let http = named.iter().find(|url| is_http(url));
        let Some(responder) = http else {
            let url = first.chars().filter(|c| !c.is_control()).collect();
            return Err(Unasked::NotHttp { url });
        };
        let certificate = |der| Certificate::read(der).map_err(|it| unreadable(it.to_string()));
        let (leaf, issuer) = (certificate(leaf)?, certificate(issuer)?);
        if !leaf.names_as_issuer(&issuer) || !leaf.is_signed_by(&issuer) {
            return Err(Unasked::NotItsIssuer {
                second: issuer.subject,
            });
        }
        let encoded = |error: der::Error| unreadable(error.to_string());
        let id = |hash| id(hash, &read, &issuer).map_err(encoded);
        let ids = vec![id(SHA1)?, id(SHA2_256)?];
        let request = request(id(SHA1)?).map_err(encoded)?;
        Ok(Self {
            responder: (*responder).to_owned(),
            request,
            issuer,
            ids,
        })
    }

    /// What is to be asked about the leaf of a chain.
    ///
    /// # Errors
    /// Why nobody is asked.
    pub fn of(inspected: &Inspected) -> Result<Self, Unasked> {
        let key = inspected.certified_key();
        match key.cert.as_slice() {
            [leaf, issuer, ..] => Self::about(leaf, issuer),
            // A leaf that names no responder needs no issuer: that is the reason to give.
            [leaf] => match Self::about(leaf, leaf) {
                Err(Unasked::NotItsIssuer { .. }) | Ok(_) => Err(Unasked::NoIssuer),
                Err(reason) => Err(reason),
            },
            [] => Err(Unasked::NoIssuer),
        }
    }

    /// Whom to ask: an `http://` address.
    #[must_use]
    pub fn responder(&self) -> &str {
        &self.responder
    }

    /// The request, as DER.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }
}

/// Whether a certificate demands a staple (RFC 7633): readers that know of it refuse the
/// certificate when none is shown.
#[must_use]
pub fn must_staple(leaf: &[u8]) -> bool {
    let Ok((_, read)) = X509Certificate::from_der(leaf) else {
        return false;
    };
    let mut extensions = read.extensions().iter();
    let feature = extensions.find(|it| it.oid.to_id_string() == TLS_FEATURE);
    let features = feature.and_then(|it| <Vec<u32> as Decode>::from_der(it.value).ok());
    features.is_some_and(|it| it.contains(&STATUS_REQUEST))
}

/// The OCSP responders that a certificate names, in its order.
fn responders<'a>(read: &'a X509Certificate<'_>) -> Vec<&'a str> {
    let extensions = read.extensions().iter();
    let access = extensions.filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(&access.accessdescs),
        _ => None,
    });
    let ocsp = access
        .flatten()
        .filter(|one| one.access_method.to_id_string() == OCSP);
    ocsp.filter_map(|one| match &one.access_location {
        GeneralName::URI(url) => Some(*url),
        _ => None,
    })
    .collect()
}

fn is_http(url: &str) -> bool {
    url.get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

fn id(
    hash: ObjectIdentifier,
    leaf: &X509Certificate<'_>,
    issuer: &Certificate,
) -> der::Result<CertId> {
    let digest = |bytes: &[u8]| {
        // RFC 5019, section 2.1.1: SHA-1, which here names and does not protect anything.
        let algorithm = match hash == SHA1 {
            true => &SHA1_FOR_LEGACY_USE_ONLY,
            false => &SHA256,
        };
        OctetString::new(ring::digest::digest(algorithm, bytes).as_ref())
    };
    Ok(CertId {
        hash_algorithm: Algorithm {
            oid: hash,
            parameters: Some(Any::null()),
        },
        issuer_name_hash: digest(leaf.issuer().as_raw())?,
        issuer_key_hash: digest(&key_bits(&issuer.public_key))?,
        serial_number: Any::new(Tag::Integer, leaf.raw_serial())?,
    })
}

/// The public key without its kind.
pub(super) fn key_bits(public_key: &[u8]) -> Vec<u8> {
    SubjectPublicKeyInfo::from_der(public_key)
        .map(|(_, read)| read.subject_public_key.data.to_vec())
        .unwrap_or_default()
}

fn request(id: CertId) -> der::Result<Vec<u8>> {
    let request_list = vec![Request { req_cert: id }];
    OcspRequest {
        tbs_request: TbsRequest { request_list },
    }
    .to_der()
}
