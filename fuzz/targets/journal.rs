//! A journal of either kind. What is sound of it is read alike when the rest is cut off.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use yagura_control::journal::{self, chain};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = journal::decode::<Value>(bytes) {
        let again = journal::decode::<Value>(&bytes[..read.sound_bytes]).expect("it is sound");
        assert_eq!(
            (again.records, again.sound_bytes),
            (read.records, read.sound_bytes)
        );
    }
    if let Ok(read) = chain::decode::<Value>(bytes) {
        let again = chain::decode::<Value>(&bytes[..read.sound_bytes]).expect("it is sound");
        assert_eq!(again, read);
    }
});
