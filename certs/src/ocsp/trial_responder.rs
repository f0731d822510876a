//! A responder for tests that says whatever it is told to, right or wrong. What a real one says is
//! in `certs/tests/ocsp/`.

use std::time::Duration;

use der::asn1::{Any, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString};
use der::{Decode, Encode};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SignatureAlgorithm, SigningKey,
};
use yagura_control::Timestamp;

use super::asn1::{
    BASIC, BasicResponse, CertId, CertStatus, Extension, OcspResponse, ResponderId, ResponseBytes,
    ResponseData, SingleResponse, Status,
};
use super::request::{Question, key_bits};
use crate::inspect::Certificate;
use crate::trial_authority::{NOW, day};

pub(super) const RESPONDER: &str = "http://ocsp.example/";

/// An issuer and a leaf of it.
pub(super) struct Trial {
    pub(super) issuer: Certificate,
    pub(super) leaf: Vec<u8>,
    signer: Issuer<'static, KeyPair>,
}

/// What a responder's own certificate says.
pub(super) struct Delegate {
    pub(super) usages: Vec<ExtendedKeyUsagePurpose>,
    pub(super) until: Timestamp,
}

impl Default for Delegate {
    fn default() -> Self {
        Self {
            usages: vec![ExtendedKeyUsagePurpose::OcspSigning],
            until: day(30),
        }
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (day(-1).utc(), day(80).utc());
    params
}

pub(super) fn issuer(key: KeyPair) -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = params("Trial Issuer");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = params.self_signed(&key).unwrap();
    let read = Certificate::read(made.der()).unwrap();
    (read, Issuer::new(params, key))
}

/// Authority information access with these OCSP addresses.
pub(super) fn access(urls: &[&str]) -> CustomExtension {
    let method = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
    let described = urls.iter().map(|url| {
        let tag = der::Tag::ContextSpecific {
            constructed: false,
            number: der::TagNumber(6),
        };
        let location = Any::new(tag, url.as_bytes()).unwrap();
        let pair = [Any::encode_from(&method).unwrap(), location];
        Any::encode_from(&pair).unwrap()
    });
    let content = described.collect::<Vec<Any>>().to_der().unwrap();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}

pub(super) fn must_staple() -> CustomExtension {
    let content = vec![17_u32, 5].to_der().unwrap();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], content)
}

impl Trial {
    pub(super) fn new() -> Self {
        Self::with_key(KeyPair::generate().unwrap())
    }

    pub(super) fn with_key(key: KeyPair) -> Self {
        let (read, signer) = issuer(key);
        let leaf = Self::leaf_with(&signer, vec![access(&[RESPONDER])]);
        Self {
            issuer: read,
            leaf,
            signer,
        }
    }

    /// A leaf of this issuer with these extensions.
    pub(super) fn leaf(&self, extensions: Vec<CustomExtension>) -> Vec<u8> {
        Self::leaf_with(&self.signer, extensions)
    }

    fn leaf_with(signer: &Issuer<'_, KeyPair>, extensions: Vec<CustomExtension>) -> Vec<u8> {
        let mut params = params("www.city.example");
        params.custom_extensions = extensions;
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, signer).unwrap().der().to_vec()
    }

    pub(super) fn question(&self) -> Question {
        Question::about(&self.leaf, &self.issuer.der).unwrap()
    }

    /// A responder that this issuer gave a certificate.
    pub(super) fn delegate(&self, delegate: &Delegate) -> (KeyPair, Certificate) {
        let mut params = params("Trial Responder");
        params.extended_key_usages.clone_from(&delegate.usages);
        params.not_after = delegate.until.utc();
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.signer).unwrap();
        let read = Certificate::read(made.der()).unwrap();
        (key, read)
    }

    /// An answer that is as it should be.
    pub(super) fn answer(&self) -> Answer<'_> {
        Answer {
            status: Status::Successful,
            kind: BASIC,
            id: self.question().ids[0].clone(),
            said: CertStatus::Good(Null),
            from: day(-1),
            until: Some(day(3)),
            responder: by_name(&self.issuer),
            signed_by: self.signer.key(),
            certificates: Vec::new(),
            critical: None,
        }
    }
}

/// What is answered.
pub(super) struct Answer<'a> {
    pub(super) status: Status,
    pub(super) kind: ObjectIdentifier,
    pub(super) id: CertId,
    pub(super) said: CertStatus,
    pub(super) from: Timestamp,
    pub(super) until: Option<Timestamp>,
    pub(super) responder: ResponderId,
    pub(super) signed_by: &'a KeyPair,
    pub(super) certificates: Vec<Certificate>,
    pub(super) critical: Option<ObjectIdentifier>,
}

impl Answer<'_> {
    pub(super) fn der(self) -> Vec<u8> {
        let extension = self.critical.map(|oid| Extension {
            oid,
            critical: true,
            value: OctetString::new([]).unwrap(),
        });
        let single = SingleResponse {
            cert_id: self.id,
            status: self.said,
            this_update: time(self.from),
            next_update: self.until.map(time),
            extensions: extension.map(|one| vec![one]),
        };
        let data = ResponseData {
            version: 0,
            responder: self.responder,
            produced_at: time(NOW),
            responses: vec![single],
            extensions: None,
        };
        let tbs = data.to_der().unwrap();
        let certificates = self.certificates.iter();
        let certificates = certificates.map(|one| Any::from_der(&one.der).unwrap());
        let certificates: Vec<Any> = certificates.collect();
        let basic = BasicResponse {
            tbs: Any::from_der(&tbs).unwrap(),
            signature_algorithm: algorithm(self.signed_by.algorithm()),
            signature: BitString::from_bytes(&self.signed_by.sign(&tbs).unwrap()).unwrap(),
            certificates: (!certificates.is_empty()).then_some(certificates),
        };
        let response = OctetString::new(basic.to_der().unwrap()).unwrap();
        let whole = OcspResponse {
            status: self.status,
            bytes: Some(ResponseBytes {
                kind: self.kind,
                response,
            }),
        };
        whole.to_der().unwrap()
    }
}

pub(super) fn by_name(certificate: &Certificate) -> ResponderId {
    ResponderId::ByName(Any::from_der(&certificate.subject_der).unwrap())
}

pub(super) fn by_key(certificate: &Certificate) -> ResponderId {
    let algorithm = &ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
    let hash = ring::digest::digest(algorithm, &key_bits(&certificate.public_key));
    ResponderId::ByKey(OctetString::new(hash.as_ref()).unwrap())
}

fn algorithm(of: &SignatureAlgorithm) -> Any {
    let (oid, parameters) = match of {
        of if *of == rcgen::PKCS_ECDSA_P256_SHA256 => ("1.2.840.10045.4.3.2", None),
        of if *of == rcgen::PKCS_ECDSA_P384_SHA384 => ("1.2.840.10045.4.3.3", None),
        of if *of == rcgen::PKCS_RSA_SHA256 => ("1.2.840.113549.1.1.11", Some(Any::null())),
        other => panic!("{other:?}"),
    };
    let algorithm = super::asn1::Algorithm {
        oid: ObjectIdentifier::new_unwrap(oid),
        parameters,
    };
    Any::encode_from(&algorithm).unwrap()
}

fn time(at: Timestamp) -> GeneralizedTime {
    GeneralizedTime::from_unix_duration(Duration::from_secs(at.seconds())).unwrap()
}
