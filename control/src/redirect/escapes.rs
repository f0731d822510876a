//! Percent-encoded bytes in one spelling: `%e3` and `%E3` are the same (RFC 3986, section 6.2.2.1),
//! and printed codes have both. Nothing is decoded.

use std::borrow::Cow;

/// A path with the letters of its percent-encoded bytes in upper case; itself, and nothing
/// allocated, when they are already.
#[must_use]
pub fn spelled_once(target: &str) -> Cow<'_, str> {
    if !target.contains('%') || !escapes(target).any(|(_, digit)| digit.is_ascii_lowercase()) {
        return target.into();
    }
    let mut bytes = target.as_bytes().to_vec();
    for (at, digit) in escapes(target) {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = digit.to_ascii_uppercase();
        }
    }
    // Only ASCII letters were changed.
    String::from_utf8(bytes).map_or_else(|_| target.into(), Cow::Owned)
}

/// The two digits of every percent-encoded byte, with where they stand.
fn escapes(target: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = target.as_bytes();
    let signs = target.match_indices('%').filter_map(move |(at, _)| {
        let digits = bytes.get(at + 1..at + 3)?;
        let both = digits.iter().all(u8::is_ascii_hexdigit);
        both.then(|| (at + 1..).zip(digits.iter().copied()))
    });
    signs.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_digits_of_encoded_bytes_are_changed() {
        for (target, spelled) in [
            ("/%e3%81%82/aB?x=%2f", "/%E3%81%82/aB?x=%2F"),
            ("/%E3/abc", "/%E3/abc"),
            ("/%zz%a", "/%zz%a"),
            ("/100%off", "/100%off"),
        ] {
            assert_eq!(spelled_once(target), spelled);
        }
        assert!(matches!(spelled_once("/%E3%81%82"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn spelling_twice_changes_nothing(target in "(%[0-9a-fA-Fあ]{0,2}|[/a%]){0,12}") {
            let once = spelled_once(&target).into_owned();
            prop_assert_eq!(spelled_once(&once), once.as_str());
            prop_assert!(once.eq_ignore_ascii_case(&target));
        }
    }
}
