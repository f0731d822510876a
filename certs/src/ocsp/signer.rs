//! Whether somebody signed a response who may: the issuer itself, or a responder that the issuer
//! gave a certificate for it (RFC 6960, section 4.2.2.2). Pure.
//!
//! Whether such a responder's own certificate was revoked is not asked: it is short-lived, and the
//! reader does not ask either.

use std::time::Duration;

use der::Encode;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use x509_parser::asn1_rs::BitString;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::verify::verify_signature;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};
use yagura_control::Timestamp;

use super::asn1::{BasicResponse, ResponderId};
use super::refusal::Refusal;
use super::request::key_bits;
use crate::inspect::Certificate;

/// Checks the signature of a response that says it is the responder's.
pub(super) fn check(
    response: &BasicResponse,
    responder: &ResponderId,
    issuer: &Certificate,
    now: Timestamp,
    skew: Duration,
) -> Result<(), Refusal> {
    if is(responder, issuer) && is_signed(response, issuer) {
        return Ok(());
    }
    let mut worst = match is(responder, issuer) {
        true => Refusal::WrongSignature,
        false => Refusal::SignerUnknown,
    };
    for der in response.certificates.iter().flatten() {
        let der = der.to_der().map_err(Refusal::unreadable)?;
        // What is no certificate signed nothing.
        let Ok(delegate) = Certificate::read(&der) else {
            continue;
        };
        if !is(responder, &delegate) || &delegate == issuer {
            continue;
        }
        match refusal_of(&delegate, issuer, now, skew) {
            Some(why) => {
                worst = Refusal::SignerNotAllowed {
                    subject: delegate.subject,
                    why,
                }
            }
            None if is_signed(response, &delegate) => return Ok(()),
            None => worst = Refusal::WrongSignature,
        }
    }
    Err(worst)
}

/// Why somebody may not sign in the issuer's place, if they may not.
fn refusal_of(
    delegate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
    skew: Duration,
) -> Option<&'static str> {
    if !delegate.names_as_issuer(issuer)
        || delegate.broken_hash.is_some()
        || !delegate.is_signed_by(issuer)
    {
        return Some("the certificate's issuer did not issue it");
    }
    if !may_sign_ocsp(&delegate.der) {
        return Some("it is not for OCSP (extended key usage)");
    }
    if !delegate.key.is_strong() {
        return Some("its key is too short or of an odd kind");
    }
    match now.plus(skew) < delegate.not_before || delegate.not_after.plus(skew) < now {
        true => Some("its certificate has expired or is not valid yet"),
        false => None,
    }
}

/// id-kp-OCSPSigning must be there by name: anyExtendedKeyUsage is not it.
fn may_sign_ocsp(der: &[u8]) -> bool {
    let Ok((_, read)) = X509Certificate::from_der(der) else {
        return false;
    };
    let usage = read.extended_key_usage().ok().flatten();
    usage.is_some_and(|usage| usage.value.ocsp_signing)
}

fn is(responder: &ResponderId, certificate: &Certificate) -> bool {
    match responder {
        ResponderId::ByName(name) => name
            .to_der()
            .is_ok_and(|name| name == certificate.subject_der),
        ResponderId::ByKey(hash) => {
            let key = key_bits(&certificate.public_key);
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &key).as_ref() == hash.as_bytes()
        }
    }
}

fn is_signed(response: &BasicResponse, by: &Certificate) -> bool {
    let (Ok(data), Ok(algorithm)) = (response.tbs.to_der(), response.signature_algorithm.to_der())
    else {
        return false;
    };
    let (Ok((_, algorithm)), Ok((_, key))) = (
        AlgorithmIdentifier::from_der(&algorithm),
        SubjectPublicKeyInfo::from_der(&by.public_key),
    ) else {
        return false;
    };
    // CA/Browser Forum baseline requirements, section 7.1.3.2.1: no SHA-1 here either.
    if [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA].contains(&algorithm.algorithm) {
        return false;
    }
    let Some(signature) = response.signature.as_bytes() else {
        return false;
    };
    verify_signature(&key, &algorithm, &BitString::new(0, signature), &data).is_ok()
}
