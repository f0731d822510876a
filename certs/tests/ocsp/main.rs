//! Stapling against OpenSSL: its responder is asked, its tools judge what is sent and kept, and its
//! client is shown the staple. Answers that OpenSSL does not give are in `src/ocsp/tests.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on ends with what it saw"
)]

mod authority;
mod reader;

use std::sync::Arc;
use std::time::Duration;

use authority::{Authority, Issued, NAME, P256, RSA, openssl};
use reader::{handshake, s_client};
use yagura_certs::Resolver;
use yagura_certs::ocsp::{Did, Outcome, Question, Refusal, Stapler, Trouble, Unasked, Unfetched};
use yagura_control::{Clock, SystemClock, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> Timestamp {
    SystemClock.now()
}

async fn step(stapler: &mut Stapler, issued: &Issued, now: Timestamp) -> Outcome {
    let certificate = (issued.version, &issued.inspected);
    stapler
        .refresh(&issued.store, NAME, certificate, now, 0)
        .await
}

fn held(stapler: &mut Stapler, issued: &Issued, now: Timestamp) -> Option<Vec<u8>> {
    let certificate = (issued.version, &issued.inspected);
    stapler.held(&issued.store, NAME, certificate, now, 0)
}

#[tokio::test]
async fn a_good_answer_is_stapled_and_kept_for_the_next_start() {
    for key in [RSA, P256] {
        let authority = Authority::new(key);
        let mut responder = authority.responder("ca");
        let issued = authority.issue(responder.port, "");
        let mut stapler = Stapler::default();
        assert_eq!(held(&mut stapler, &issued, now()), None);
        let first = step(&mut stapler, &issued, now()).await;
        assert_eq!(
            (first.did, first.changed),
            (Did::Renewed, true),
            "{first:?}"
        );
        assert_eq!(first.warning(), None);
        let staple = first.staple.unwrap();
        let judged = openssl(
            authority.folder(),
            &format!(
                "ocsp -respin {} -issuer ca.pem -cert leaf.pem -CAfile ca.pem -no_nonce",
                issued.file().display()
            ),
        );
        assert!(judged.contains("leaf.pem: good"), "{judged}");

        let waits = step(&mut stapler, &issued, now().plus(DAY)).await;
        assert_eq!((waits.did, waits.changed), (Did::Waited, false));
        responder.stop();
        let mut restarted = Stapler::default();
        assert_eq!(held(&mut restarted, &issued, now()), Some(staple.clone()));
        let waits = step(&mut restarted, &issued, now()).await;
        assert_eq!((waits.did, waits.staple), (Did::Waited, Some(staple)));
    }
}

#[tokio::test]
async fn the_request_is_the_one_that_openssl_makes() {
    let authority = Authority::new(P256);
    let issued = authority.issue(80, "");
    let question = Question::of(&issued.inspected).unwrap();
    openssl(
        authority.folder(),
        "ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout request.der",
    );
    let theirs = std::fs::read(authority.folder().join("request.der")).unwrap();
    assert_eq!(question.request(), theirs);
}

#[tokio::test]
async fn a_responder_with_a_certificate_of_the_issuer_is_believed() {
    let authority = Authority::new(P256);
    authority.certify_responder("delegate", "extendedKeyUsage=OCSPSigning");
    let responder = authority.responder("delegate");
    let issued = authority.issue(responder.port, "");
    let done = step(&mut Stapler::default(), &issued, now()).await;
    assert_eq!(done.did, Did::Renewed, "{done:?}");
}

#[tokio::test]
async fn a_certificate_of_the_issuer_for_something_else_does_not_make_a_responder() {
    let authority = Authority::new(P256);
    authority.certify_responder("server", "extendedKeyUsage=serverAuth");
    let responder = authority.responder("server");
    let issued = authority.issue(responder.port, "");
    let done = step(&mut Stapler::default(), &issued, now()).await;
    let told = done.warning().unwrap();
    assert!(told.contains("not for OCSP"), "{told}");
}

#[tokio::test]
async fn another_issuer_of_the_same_name_is_not_believed() {
    let (authority, false_one) = (Authority::new(P256), Authority::new(P256));
    for file in ["ca.pem", "ca.key"] {
        let to = authority.folder().join(file.replace("ca", "false"));
        std::fs::copy(false_one.folder().join(file), to).unwrap();
    }
    let responder = authority.responder("false");
    let issued = authority.issue(responder.port, "");
    let done = step(&mut Stapler::default(), &issued, now()).await;
    assert_eq!((done.did, done.staple), (Did::Failed, None));
    let refused = matches!(
        done.trouble,
        Some(Trouble::Refused(Refusal::SignerNotAllowed { .. }))
    );
    assert!(refused, "{:?}", done.trouble);
}

#[tokio::test]
async fn a_revocation_takes_the_staple_away_and_is_told() {
    let authority = Authority::new(RSA);
    authority.revoke();
    let responder = authority.responder("ca");
    let issued = authority.issue(responder.port, "");
    authority.permit();
    authority.answer_into(&issued);
    let mut stapler = Stapler::default();
    assert!(held(&mut stapler, &issued, now()).is_some());
    let done = step(&mut stapler, &issued, now().plus(DAY * 2)).await;
    assert!(done.is_revoked() && done.changed, "{done:?}");
    assert_eq!(done.staple, None);
    let told = done.warning().unwrap();
    assert!(
        told.contains("revoked at 2026-11-20T09:00:00+09:00"),
        "{told}"
    );
    assert!(told.contains("key was compromised") && told.contains("replace it"));
    assert_eq!(
        held(&mut Stapler::default(), &issued, now()),
        None,
        "nor after a restart"
    );
}

#[tokio::test]
async fn a_dead_responder_leaves_the_staple_until_its_end_and_then_none() {
    let authority = Authority::new(P256);
    // Nobody listens at the first port of all.
    let issued = authority.issue(1, "tlsfeature=status_request");
    authority.answer_into(&issued);
    let mut stapler = Stapler::default();
    let good = held(&mut stapler, &issued, now());
    assert!(good.is_some());
    let failed = step(&mut stapler, &issued, now().plus(DAY * 2)).await;
    assert_eq!((failed.did, failed.changed), (Did::Failed, false));
    assert!(failed.must_staple);
    assert_eq!(failed.staple, good);
    let unreachable = Trouble::Unfetched(Unfetched::Unreachable {
        host: "127.0.0.1".into(),
        port: 1,
        why: "Connection refused (os error 111)".into(),
    });
    assert_eq!(failed.warning(), Some(unreachable.to_string()));
    let ended = step(&mut stapler, &issued, now().plus(DAY * 3)).await;
    assert_eq!((ended.staple.clone(), ended.changed), (None, true));
    let told = ended.warning().unwrap();
    assert!(
        told.contains("demands a staple and there is none"),
        "{told}"
    );
    assert!(
        ended.ask_at.unwrap() > now().plus(DAY * 3),
        "it goes on asking"
    );
}

#[tokio::test]
async fn an_answer_whose_time_is_over_is_not_stapled() {
    let authority = Authority::new(P256);
    let responder = authority.responder("ca");
    let issued = authority.issue(responder.port, "");
    let late = step(&mut Stapler::default(), &issued, now().plus(DAY * 4)).await;
    assert_eq!(late.staple, None);
    let told = late.warning().unwrap();
    assert!(told.contains("was valid until"), "{told}");
    let early = Timestamp(now().0 - 86_400_000);
    let early = step(&mut Stapler::default(), &issued, early).await;
    let told = early.warning().unwrap();
    assert!(told.contains("valid from"), "{told}");
}

#[tokio::test]
async fn a_certificate_that_is_replaced_begins_anew() {
    let authority = Authority::new(P256);
    let responder = authority.responder("ca");
    let first = authority.issue(responder.port, "");
    let mut stapler = Stapler::default();
    let of_first = step(&mut stapler, &first, now()).await.staple;
    let second = authority.issue(responder.port, "");
    assert_eq!(held(&mut stapler, &second, now()), None);
    let of_second = step(&mut stapler, &second, now()).await.staple;
    assert!(of_second.is_some() && of_second != of_first);
    std::fs::copy(first.file(), second.file()).unwrap();
    assert_eq!(
        held(&mut Stapler::default(), &second, now()),
        None,
        "the other's answer is not its own"
    );
}

#[tokio::test]
async fn a_response_that_cannot_be_kept_is_stapled_all_the_same() {
    let authority = Authority::new(P256);
    let responder = authority.responder("ca");
    let issued = authority.issue(responder.port, "");
    std::fs::remove_dir_all(issued.file().parent().unwrap()).unwrap();
    let done = step(&mut Stapler::default(), &issued, now()).await;
    assert!(done.staple.is_some());
    assert!(
        matches!(done.trouble, Some(Trouble::NotKept(_))),
        "{done:?}"
    );
}

#[tokio::test]
async fn a_certificate_that_demands_what_nobody_gives_is_told_of() {
    let authority = Authority::new(P256);
    let issued = authority.issue_without_responder("tlsfeature=status_request");
    let first = step(&mut Stapler::default(), &issued, now()).await;
    let told = first.warning().unwrap();
    assert!(told.contains("names no OCSP responder"), "{told}");
    assert!(told.contains("demands a staple"), "{told}");
}

#[tokio::test]
async fn a_chain_without_an_issuer_is_served_and_told_of_once() {
    let authority = Authority::new(P256);
    let issued = authority.issue(1, "").without_issuer();
    let mut stapler = Stapler::default();
    let first = step(&mut stapler, &issued, now()).await;
    let told = first.warning().unwrap();
    assert!(
        told.contains("install the chain with its intermediates"),
        "{told}"
    );
    let second = step(&mut stapler, &issued, now()).await;
    assert_eq!(second.warning(), None);
}

#[tokio::test]
async fn a_certificate_without_a_responder_is_served_without_a_word() {
    let authority = Authority::new(P256);
    let issued = authority.issue_without_responder("");
    let mut stapler = Stapler::default();
    let first = step(&mut stapler, &issued, now()).await;
    assert_eq!((first.did, first.ask_at), (Did::CannotAsk, None));
    assert!(matches!(
        first.trouble,
        Some(Trouble::Unasked(Unasked::NoResponder))
    ));
    assert_eq!(first.warning(), None);
    let second = step(&mut stapler, &issued, now()).await;
    assert_eq!((second.did, second.changed), (Did::Waited, false));
    stapler.retain(|_| false);
    let again = step(&mut stapler, &issued, now()).await;
    assert_eq!(again.did, Did::CannotAsk, "a name let go begins anew");
}

#[tokio::test]
async fn readers_are_shown_the_staple_in_both_versions_of_tls() {
    let authority = Authority::new(P256);
    let responder = authority.responder("ca");
    let issued = authority.issue(responder.port, "");
    let staple = step(&mut Stapler::default(), &issued, now()).await.staple;
    let stapled = issued.inspected.stapled(staple.clone());
    assert_eq!(stapled.fingerprint(), issued.inspected.fingerprint());
    let resolver = Arc::new(Resolver::default());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        resolver.install(std::slice::from_ref(&stapled));
        let shown = handshake(&resolver, &authority, version);
        assert_eq!(Some(shown), staple);
        resolver.install(std::slice::from_ref(&issued.inspected));
        assert!(handshake(&resolver, &authority, version).is_empty());
    }
    for version in ["-tls1_2", "-tls1_3"] {
        let told = s_client(&stapled, &authority, version);
        assert!(told.contains("OCSP Response Status: successful"), "{told}");
        assert!(told.contains("Cert Status: good"), "{told}");
        assert!(told.contains("Verify return code: 0 (ok)"), "{told}");
        let told = s_client(&issued.inspected, &authority, version);
        assert!(told.contains("OCSP response: no response sent"), "{told}");
    }
}
