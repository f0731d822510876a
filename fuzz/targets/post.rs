//! A post's Markdown on its way into the CMS: whatever was written is a document that passes the
//! check and can be stored; documents as an editor sends them; words of a search; what is typed to
//! prove a second factor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_cms::domain::document::Document;
use yagura_cms::domain::{Proof, Secret, markdown, tokens};

fuzz_target!(|text: &str| {
    let _ = (Proof::read(text), Secret::from_base32(text));
    let _ = tokens::query(text);
    let _ = tokens::index_text(text);
    if let Ok(document) = serde_json::from_str::<Document>(text) {
        let _ = (document.check(), document.plain_text());
    }
    if text.len() > 2_000 {
        return;
    }
    let document = markdown::read(text).document;
    assert_eq!(document.check(), []);
    let json = serde_json::to_string(&document).expect("it can be written");
    assert_eq!(
        serde_json::from_str::<Document>(&json).expect("and read"),
        document
    );
});
