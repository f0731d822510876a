//! A request's target. See `proxy/src/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| yagura_proxy::fuzzing::target(text));
