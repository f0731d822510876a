//! The head of a request. See `proxy/src/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yagura_proxy::fuzzing::request_head(bytes));
