//! Whether a responder's answer may be stapled, and until when: pure.
//!
//! Who may sign is `signer.rs`; the words for a refusal are `refusal.rs`. The signature is looked
//! at before what is said, because the answer came over plain HTTP and anybody on the way may have
//! written it: also "revoked" is believed of the issuer alone.

use std::time::Duration;

use der::{Decode, Encode};
use yagura_control::Timestamp;

use super::asn1::{
    BASIC, BasicResponse, CertId, CertStatus, Extension, OcspResponse, ResponseData,
    SingleResponse, instant,
};
use super::refusal::{Refusal, reason};
use super::request::Question;
use super::signer;

/// How far the responder's clock may be ahead of ours. Its end is taken as it stands: a staple that
/// is about to end helps nobody.
pub const SKEW: Duration = Duration::from_secs(300);

/// A response that readers may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staple {
    /// The whole response, as DER.
    pub bytes: Vec<u8>,
    /// When what it says was found to be so.
    pub from: Timestamp,
    /// Until when it may be believed.
    pub until: Timestamp,
}

/// Checks a response.
///
/// # Errors
/// Why it is not stapled; [`Refusal::Revoked`] is the issuer's own word.
pub fn check(bytes: &[u8], question: &Question, now: Timestamp) -> Result<Staple, Refusal> {
    let whole = OcspResponse::from_der(bytes).map_err(Refusal::unreadable)?;
    if let Some(refusal) = Refusal::of(whole.status) {
        return Err(refusal);
    }
    let inner = whole
        .bytes
        .ok_or_else(|| Refusal::unreadable("it is empty"))?;
    if inner.kind != BASIC {
        return Err(Refusal::unreadable(format!("its type is {}", inner.kind)));
    }
    let basic = BasicResponse::from_der(inner.response.as_bytes()).map_err(Refusal::unreadable)?;
    let data = basic.tbs.to_der().map_err(Refusal::unreadable)?;
    let data = ResponseData::from_der(&data).map_err(Refusal::unreadable)?;
    signer::check(&basic, &data.responder, &question.issuer, now, SKEW)?;
    let mut answers = data.responses.iter();
    let answer = answers
        .find(|answer| question.ids.iter().any(|id| is(&answer.cert_id, id)))
        .ok_or(Refusal::OtherCertificate)?;
    let extensions = [&data.extensions, &answer.extensions];
    understood(extensions.into_iter().flatten().flatten())?;
    match &answer.status {
        CertStatus::Good(_) => {
            let (from, until) = window(answer, now)?;
            Ok(Staple {
                bytes: bytes.to_vec(),
                from,
                until,
            })
        }
        // However old: a revocation is never taken back (CA/Browser Forum baseline requirements,
        // section 4.9.13).
        CertStatus::Revoked(revoked) => Err(Refusal::Revoked {
            at: instant(revoked.at),
            reason: reason(revoked.reason.as_ref().map(der::asn1::Any::value)),
        }),
        CertStatus::Unknown(_) => {
            window(answer, now)?;
            Err(Refusal::UnknownCertificate)
        }
    }
}

fn is(one: &CertId, other: &CertId) -> bool {
    one.hash_algorithm.oid == other.hash_algorithm.oid
        && one.issuer_name_hash == other.issuer_name_hash
        && one.issuer_key_hash == other.issuer_key_hash
        && one.serial_number == other.serial_number
}

/// RFC 6960, section 4.4: what is critical must be known, and none of them needs to be.
fn understood<'a>(extensions: impl IntoIterator<Item = &'a Extension>) -> Result<(), Refusal> {
    match extensions.into_iter().find(|one| one.critical) {
        Some(critical) => Err(Refusal::CriticalExtension {
            oid: critical.oid.to_string(),
        }),
        None => Ok(()),
    }
}

/// From when until when the answer may be believed: RFC 6960, section 4.2.2.1, and RFC 5019,
/// section 4, which wants an end.
fn window(answer: &SingleResponse, now: Timestamp) -> Result<(Timestamp, Timestamp), Refusal> {
    let from = instant(answer.this_update);
    let until = instant(answer.next_update.ok_or(Refusal::NoEnd)?);
    if now.plus(SKEW) < from {
        return Err(Refusal::NotYetValid { at: from });
    }
    match now < until {
        true => Ok((from, until)),
        false => Err(Refusal::Expired { at: until }),
    }
}
