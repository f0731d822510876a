//! Markdown of notices and of the disaster page. See `proxy/src/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| yagura_proxy::fuzzing::notice(text));
