//! What a responder answers about a certificate (RFC 6960). What is unsigned in an answer may be
//! changed; what is signed says that the certificate is good, and nothing else can be made to.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use yagura_certs::ocsp::{Question, Refusal, check};
use yagura_control::Timestamp;

static QUESTION: LazyLock<Question> = LazyLock::new(|| {
    let (leaf, issuer) = (
        include_bytes!("../ocsp/leaf.der"),
        include_bytes!("../ocsp/issuer.der"),
    );
    Question::about(leaf, issuer).expect("the certificate names its responder")
});

fuzz_target!(|bytes: &[u8]| {
    // Some time after it was signed.
    let now = Timestamp(1_795_900_000_000);
    if let Err(refusal) = check(bytes, &QUESTION, now) {
        assert!(!matches!(refusal, Refusal::Revoked { .. }), "{refusal}");
    }
});
