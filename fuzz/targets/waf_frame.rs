//! What edge and worker send each other, and Content-Types.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_waf::frame::{Answer, Question};
use yagura_waf::kind;

fuzz_target!(|bytes: &[u8]| {
    let _ = Answer::of(bytes);
    let _ = (kind::Kind::announced(Some(bytes)), kind::charset(bytes));
    if let Some(question) = Question::of(bytes) {
        let frame = question.to_frame();
        assert_eq!(Question::of(&frame[4..]).as_ref(), Some(&question));
    }
});
