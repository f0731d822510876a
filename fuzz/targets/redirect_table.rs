//! A table of redirects, as Excel or an attacker writes it. What was read is written and read alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_control::redirect::{table, text};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = text::decode(bytes) else {
        return;
    };
    let (rows, _) = table::read(&text);
    let redirects: Vec<_> = rows.into_iter().map(|row| row.redirect).collect();
    let again = table::parse_csv(&table::to_csv(&redirects));
    // Rows with faults are left out above; what is left may have the same source twice.
    if let Ok(again) = again {
        assert_eq!(again, redirects);
    }
});
