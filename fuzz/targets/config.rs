//! A configuration: settings, or faults each with its place.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(faults) = yagura_config::parse(text, Path::new("yagura.toml")) {
        let _ = faults.to_string();
    }
});
