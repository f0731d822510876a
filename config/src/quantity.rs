//! Sizes and durations as people write them: `"256MiB"`, `"30s"`.

use std::time::Duration;

const BYTE_UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

const TIME_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Bytes from a whole number and a unit (`"64MiB"`, `"2 GB"`).
pub(crate) fn bytes(text: &str) -> Option<u64> {
    scaled(text, &BYTE_UNITS)
}

/// A duration from a whole number and a unit (`"500ms"`, `"30s"`, `"5min"`, `"8h"`, `"2d"`).
pub(crate) fn duration(text: &str) -> Option<Duration> {
    scaled(text, &TIME_UNITS).map(Duration::from_millis)
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_what_they_say() {
        assert_eq!(bytes("64MiB"), Some(64 << 20));
        assert_eq!(bytes("2 GB"), Some(2_000_000_000));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("5min"), Some(Duration::from_secs(300)));
    }

    #[test]
    fn a_bare_number_an_unknown_unit_and_too_much_are_refused() {
        for text in [
            "",
            "64",
            "64 mib",
            "MiB",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(bytes(text).is_none() && duration(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = (bytes(&text), duration(&text));
        }
    }
}
