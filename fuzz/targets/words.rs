//! Short texts of operators and of requests: times, days, addresses of pages, tags, tokens, hashes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_control::hash::Hash;
use yagura_control::page_url::PageUrl;
use yagura_control::token::Token;
use yagura_control::{Day, Tag, TagSet, Timestamp, until};

fuzz_target!(|text: &str| {
    let now = Timestamp(1_795_500_000_000);
    let _ = (
        until::parse(text, now),
        until::moment(text),
        until::past(text, now),
    );
    let _ = (text.parse::<Day>(), text.parse::<Hash>(), Tag::new(text));
    let _ = (Token::parse(text), TagSet::from_field_value(text));
    if let Ok(url) = PageUrl::parse(text) {
        assert!(
            url.target.starts_with('/') && url.target.bytes().all(|byte| byte.is_ascii_graphic())
        );
    }
});
