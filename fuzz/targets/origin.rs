//! What an origin sends. See `proxy/src/fuzzing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yagura_proxy::fuzzing::origin(bytes));
