//! Percent-encoded bytes in one spelling, as requests have it when redirects are looked up: `%e3`
//! and `%E3` are the same, and so are `%7E` and `~` (RFC 3986, sections 6.2.2.1 and 6.2.2.2);
//! printed codes have all of them. What needs its encoding keeps it.

use std::borrow::Cow;

/// A path (with a query, if any) whose encoded letters that need no encoding are decoded, and the
/// digits of the others in upper case; itself, and nothing allocated, when it is already so. One
/// with a percent sign that encodes nothing stays as it is.
#[must_use]
pub fn spelled_once(target: &str) -> Cow<'_, str> {
    let spelled_already = |(_, value, digits): (usize, u8, [u8; 2])| {
        !is_unreserved(value) && !digits.iter().any(u8::is_ascii_lowercase)
    };
    let signs = target.bytes().filter(|byte| *byte == b'%').count();
    if signs == 0 || escapes(target).all(spelled_already) || escapes(target).count() != signs {
        return target.into();
    }
    let mut spelled = String::with_capacity(target.len());
    let mut rest = 0;
    for (at, value, digits) in escapes(target) {
        spelled.push_str(target.get(rest..at).unwrap_or_default());
        if is_unreserved(value) {
            spelled.push(value.into());
        } else {
            spelled.push('%');
            spelled.extend(digits.map(|digit| char::from(digit.to_ascii_uppercase())));
        }
        rest = at + 3;
    }
    spelled.push_str(target.get(rest..).unwrap_or_default());
    spelled.into()
}

/// Whether a byte means the same encoded or not (unreserved, RFC 3986, section 2.3).
#[must_use]
pub fn is_unreserved(value: u8) -> bool {
    value.is_ascii_alphanumeric() || b"-._~".contains(&value)
}

/// Every percent-encoded byte: where its sign stands, its value and its digits.
fn escapes(target: &str) -> impl Iterator<Item = (usize, u8, [u8; 2])> {
    let bytes = target.as_bytes();
    target.match_indices('%').filter_map(move |(at, _)| {
        let digits = *bytes.get(at + 1..)?.first_chunk::<2>()?;
        let text = std::str::from_utf8(&digits).ok()?;
        let hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        let value = u8::from_str_radix(text, 16).ok().filter(|_| hexadecimal)?;
        Some((at, value, digits))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encoded_bytes_have_one_spelling() {
        for (target, spelled) in [
            ("/%e3%81%82/aB?x=%2f", "/%E3%81%82/aB?x=%2F"),
            ("/%E3/abc", "/%E3/abc"),
            ("/%7etown/%41%2D%2f", "/~town/A-%2F"),
            ("/%2541", "/%2541"),
            ("/%%41b", "/%%41b"),
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
        }
    }
}
