//! Questions, answers right and wrong, and plans: the pure part. Real responders and handshakes are
//! in `certs/tests/ocsp/`.

use std::time::Duration;

use der::asn1::{GeneralizedTime, Null, ObjectIdentifier};
use der::{Any, Decode, Encode};
use proptest::prelude::*;
use rcgen::{ExtendedKeyUsagePurpose, KeyPair};

use super::asn1::{CertStatus, RevokedInfo, Status};
use super::trial_responder::{
    Answer, Delegate, RESPONDER, Trial, access, by_key, by_name, issuer, must_staple as demanded,
};
use super::*;
use crate::trial_authority::{NOW, day};

fn refusal(trial: &Trial, change: impl FnOnce(&mut Answer<'_>)) -> Refusal {
    let mut answer = trial.answer();
    change(&mut answer);
    check(&answer.der(), &trial.question(), NOW).unwrap_err()
}

#[test]
fn a_certificate_is_asked_about_where_it_says_over_http() {
    let trial = Trial::new();
    let about = |urls: &[&str]| Question::about(&trial.leaf(vec![access(urls)]), &trial.issuer.der);
    let question = about(&["ldap://x/", RESPONDER, "http://other.example/"]).unwrap();
    assert_eq!(question.responder(), RESPONDER);
    let secure = about(&["https://ocsp.example/"]).unwrap_err();
    let url = "https://ocsp.example/".to_owned();
    assert_eq!(secure, Unasked::NotHttp { url });
    let none = Question::about(&trial.leaf(vec![]), &trial.issuer.der);
    assert_eq!(none.unwrap_err(), Unasked::NoResponder);
}

#[test]
fn nobody_is_asked_about_a_certificate_whose_issuer_is_not_there() {
    let (trial, other) = (Trial::new(), Trial::new());
    let stranger = Question::about(&trial.leaf, &other.issuer.der).unwrap_err();
    assert!(
        matches!(stranger, Unasked::NotItsIssuer { .. }),
        "{stranger}"
    );
    let damaged = Question::about(b"no certificate", &trial.issuer.der).unwrap_err();
    assert!(matches!(damaged, Unasked::Unreadable { .. }), "{damaged}");
}

#[test]
fn a_certificate_may_demand_a_staple() {
    let trial = Trial::new();
    assert!(must_staple(&trial.leaf(vec![demanded()])));
    assert!(!must_staple(&trial.leaf));
    assert!(!must_staple(b"no certificate"));
}

#[test]
fn a_good_answer_is_stapled_as_it_came_until_its_end() {
    for key in [
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
        KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256),
    ] {
        let trial = Trial::with_key(key.unwrap());
        let bytes = trial.answer().der();
        let staple = check(&bytes, &trial.question(), NOW).unwrap();
        let (from, until) = (day(-1), day(3));
        assert_eq!(staple, Staple { bytes, from, until });
    }
}

#[test]
fn the_signer_may_be_named_by_its_key_and_the_certificate_by_sha_256() {
    let trial = Trial::new();
    let mut answer = trial.answer();
    answer.responder = by_key(&trial.issuer);
    answer.id = trial.question().ids[1].clone();
    answer.id.hash_algorithm.parameters = None;
    assert!(check(&answer.der(), &trial.question(), NOW).is_ok());
}

#[test]
fn a_responder_with_the_issuers_certificate_may_sign() {
    let trial = Trial::new();
    let (key, delegate) = trial.delegate(&Delegate::default());
    for responder in [by_name(&delegate), by_key(&delegate)] {
        let mut answer = trial.answer();
        answer.responder = responder;
        answer.signed_by = &key;
        answer.certificates = vec![trial.issuer.clone(), delegate.clone()];
        assert!(check(&answer.der(), &trial.question(), NOW).is_ok());
    }
}

#[test]
fn a_responder_that_the_issuer_did_not_permit_may_not_sign() {
    let (trial, other) = (Trial::new(), Trial::new());
    let usual = Delegate::default;
    let server = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let any = vec![ExtendedKeyUsagePurpose::Any];
    for (of, delegate, expected) in [
        (&other, usual(), "did not issue it"),
        (
            &trial,
            Delegate {
                usages: vec![],
                ..usual()
            },
            "not for OCSP",
        ),
        (
            &trial,
            Delegate {
                usages: server,
                ..usual()
            },
            "not for OCSP",
        ),
        (
            &trial,
            Delegate {
                usages: any,
                ..usual()
            },
            "not for OCSP",
        ),
        (
            &trial,
            Delegate {
                until: day(-1).plus(Duration::from_secs(60)),
                ..usual()
            },
            "expired",
        ),
    ] {
        let (key, delegate) = of.delegate(&delegate);
        let mut answer = trial.answer();
        answer.responder = by_name(&delegate);
        answer.signed_by = &key;
        answer.certificates = vec![delegate];
        let told = check(&answer.der(), &trial.question(), NOW).unwrap_err();
        let Refusal::SignerNotAllowed { subject, why } = told else {
            panic!("{told}");
        };
        assert_eq!(subject, "CN=Trial Responder");
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn a_permitted_responder_that_did_not_sign_counts_for_nothing() {
    let trial = Trial::new();
    let (_, delegate) = trial.delegate(&Delegate::default());
    let false_key = KeyPair::generate().unwrap();
    let mut answer = trial.answer();
    answer.responder = by_name(&delegate);
    answer.signed_by = &false_key;
    answer.certificates = vec![delegate];
    let told = check(&answer.der(), &trial.question(), NOW).unwrap_err();
    assert_eq!(told, Refusal::WrongSignature);
}

#[test]
fn an_issuer_of_the_same_name_is_not_the_issuer() {
    let trial = Trial::new();
    let (_, false_one) = issuer(KeyPair::generate().unwrap());
    let mut answer = trial.answer();
    answer.signed_by = false_one.key();
    let told = check(&answer.der(), &trial.question(), NOW).unwrap_err();
    assert_eq!(told, Refusal::WrongSignature);
    let mut answer = trial.answer();
    let (key, stranger) = trial.delegate(&Delegate::default());
    answer.responder = by_key(&stranger);
    answer.signed_by = &key;
    let told = check(&answer.der(), &trial.question(), NOW).unwrap_err();
    assert_eq!(
        told,
        Refusal::SignerUnknown,
        "its certificate did not come along"
    );
}

fn revoked(reason: Option<u8>) -> CertStatus {
    let at = Duration::from_secs(day(-2).seconds());
    CertStatus::Revoked(RevokedInfo {
        at: GeneralizedTime::from_unix_duration(at).unwrap(),
        reason: reason.map(|number| Any::from_der(&[10, 1, number]).unwrap()),
    })
}

#[test]
fn a_revocation_says_when_and_why_and_stands_however_old_the_answer() {
    let trial = Trial::new();
    for (reason, expected) in [
        (Some(1), "the key was compromised"),
        (Some(4), "it was superseded"),
        (Some(77), "no reason is given"),
        (None, "no reason is given"),
    ] {
        for until in [Some(day(3)), Some(day(-1)), None] {
            let told = refusal(&trial, |answer| {
                answer.said = revoked(reason);
                answer.until = until;
            });
            assert!(told.is_revocation());
            let at = day(-2);
            assert_eq!(
                told,
                Refusal::Revoked {
                    at,
                    reason: expected
                }
            );
        }
    }
}

#[test]
fn nobody_but_the_issuer_can_say_that_a_certificate_is_revoked() {
    let trial = Trial::new();
    let false_key = KeyPair::generate().unwrap();
    let mut answer = trial.answer();
    answer.said = revoked(Some(1));
    answer.signed_by = &false_key;
    let told = check(&answer.der(), &trial.question(), NOW).unwrap_err();
    assert_eq!(told, Refusal::WrongSignature);
}

#[test]
fn what_the_responder_could_not_answer_is_told_in_its_own_word() {
    let trial = Trial::new();
    for (status, word) in [
        (Status::MalformedRequest, "malformedRequest"),
        (Status::InternalError, "internalError"),
        (Status::TryLater, "tryLater"),
        (Status::SigRequired, "sigRequired"),
        (Status::Unauthorized, "unauthorized"),
    ] {
        let told = refusal(&trial, |answer| answer.status = status);
        assert!(
            matches!(&told, Refusal::NotAnswered { what, .. } if *what == word),
            "{told}"
        );
    }
}

#[test]
fn every_other_refusal_has_its_cause() {
    let (trial, second) = (Trial::new(), Trial::new());
    let other = second.question().ids[0].clone();
    let wrong_serial = {
        let leaf = trial.leaf(vec![access(&[RESPONDER])]);
        Question::about(&leaf, &trial.issuer.der).unwrap().ids[0].clone()
    };
    for id in [other, wrong_serial] {
        let told = refusal(&trial, |answer| answer.id = id);
        assert_eq!(told, Refusal::OtherCertificate);
    }
    let told = refusal(&trial, |answer| answer.said = CertStatus::Unknown(Null));
    assert_eq!(told, Refusal::UnknownCertificate);
    let told = refusal(&trial, |answer| answer.until = None);
    assert_eq!(told, Refusal::NoEnd);
    let oid = ObjectIdentifier::new_unwrap("1.2.3.4");
    let told = refusal(&trial, |answer| answer.critical = Some(oid));
    assert_eq!(
        told,
        Refusal::CriticalExtension {
            oid: "1.2.3.4".into()
        }
    );
    let told = refusal(&trial, |answer| answer.kind = oid);
    assert!(
        matches!(&told, Refusal::Unreadable { what } if what.contains("1.2.3.4")),
        "{told}"
    );
    for bytes in [
        &b""[..],
        b"<html>a proxy's page</html>",
        &[0x30, 3, 10, 1, 0],
        &[0x30, 3, 10, 1, 9],
    ] {
        let told = check(bytes, &trial.question(), NOW).unwrap_err();
        assert!(matches!(told, Refusal::Unreadable { .. }), "{told}");
    }
}

#[test]
fn the_window_has_a_little_room_at_its_beginning_and_none_at_its_end() {
    let trial = Trial::new();
    let second = Duration::from_secs(1);
    let from = |from| {
        let mut answer = trial.answer();
        answer.from = from;
        check(&answer.der(), &trial.question(), NOW)
    };
    assert!(from(NOW.plus(SKEW)).is_ok());
    let at = NOW.plus(SKEW).plus(second);
    assert_eq!(from(at).unwrap_err(), Refusal::NotYetValid { at });
    let until = |until| {
        let mut answer = trial.answer();
        answer.until = Some(until);
        check(&answer.der(), &trial.question(), NOW)
    };
    assert!(until(NOW.plus(second)).is_ok());
    assert_eq!(until(NOW).unwrap_err(), Refusal::Expired { at: NOW });
}

/// A trial is costly to make; the properties share one, with an answer of its responder.
fn shared() -> &'static (Question, Vec<u8>) {
    static SHARED: std::sync::OnceLock<(Question, Vec<u8>)> = std::sync::OnceLock::new();
    SHARED.get_or_init(|| {
        let trial = Trial::new();
        let (key, delegate) = trial.delegate(&Delegate::default());
        let mut answer = trial.answer();
        answer.responder = by_name(&delegate);
        answer.signed_by = &key;
        answer.certificates = vec![delegate];
        (trial.question(), answer.der())
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(check(&bytes, &shared().0, NOW).is_err());
        prop_assert!(Question::about(&bytes, &bytes).is_err());
        prop_assert!(!must_staple(&bytes));
    }

    /// What is changed in a good answer is refused, or changes nothing about what it says.
    #[test]
    fn a_spoiled_answer_never_says_more_than_the_signed_one(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let (question, good) = shared();
        let mut spoiled = good.clone();
        spoiled[at.index(good.len())] = byte;
        if cut {
            spoiled.truncate(length.index(good.len()));
        }
        if let Ok(staple) = check(&spoiled, question, NOW) {
            prop_assert_eq!((staple.from, staple.until), (day(-1), day(3)));
        }
    }
}

#[test]
fn a_request_carries_one_certificate_and_nothing_else() {
    let trial = Trial::new();
    let question = trial.question();
    let read = asn1::OcspRequest::from_der(question.request()).unwrap();
    let [one] = &read.tbs_request.request_list[..] else {
        panic!("{read:?}");
    };
    assert_eq!(one.req_cert.hash_algorithm.oid, request::SHA1);
    assert_eq!(read.to_der().unwrap(), question.request());
}
