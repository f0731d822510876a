//! One spelling for each path (RFC 3986, section 6.2.2), before redirects, rules, the cache and the
//! origin see it. Pure.
//!
//! Encoded letters that need no encoding are decoded, the hexadecimal digits of others written
//! large, dot segments taken out. What an origin might decode into something else than it looks
//! like is refused, as the site's rules say. Nothing is decoded twice: a percent sign stays encoded,
//! and one that encodes nothing is refused. The query stays byte for byte.

use std::borrow::Cow;

use yagura_config::settings::{PathRules, Slashes};
use yagura_control::redirect::escapes::is_unreserved;

/// The path cannot be read in one way, or the rules refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Whether a target is in its one spelling already. May say no of one that is; never yes of one
/// that is not.
#[must_use]
pub fn is_normal(target: &str, rules: PathRules) -> bool {
    let mut before = 0;
    for byte in target.bytes() {
        match byte {
            b'?' => return true,
            b'%' | b'\\' | ..=b' ' | 0x7f.. => return false,
            b'.' if before == b'/' => return false,
            b'/' if before == b'/' && rules.slashes != Slashes::Keep => return false,
            _ => before = byte,
        }
    }
    true
}

/// The target (path and query) in its one spelling. Targets without a path (`*`) stay.
///
/// # Errors
/// [`Refused`], to be answered with 400.
pub fn normalised(target: &str, rules: PathRules) -> Result<Cow<'_, str>, Refused> {
    if !target.starts_with('/') || is_normal(target, rules) {
        return Ok(Cow::Borrowed(target));
    }
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let decoded = decoded(path, rules)?;
    let mut normal = without_dots(&with_slashes(&decoded, rules)?);
    normal.push_str(query);
    Ok(Cow::Owned(normal))
}

/// The path with everything decoded that needs no encoding, and nothing else.
fn decoded(path: &str, rules: PathRules) -> Result<String, Refused> {
    let mut out = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let (value, encoded) = match byte {
            b'%' => (hexadecimal(bytes.next(), bytes.next())?, true),
            byte => (byte, false),
        };
        let refused = match value {
            b'/' => encoded && rules.refuse_encoded_slash,
            b'\\' => rules.refuse_backslash,
            0..=0x1f | 0x7f => rules.refuse_control,
            _ => false,
        };
        if refused {
            return Err(Refused);
        }
        let plain = is_unreserved(value);
        let stays = !encoded && value.is_ascii_graphic() && value != b'\\';
        if plain || stays {
            out.push(char::from(value));
        } else {
            const DIGITS: [char; 16] = [
                '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
            ];
            out.push('%');
            for digit in [value >> 4, value & 15] {
                out.extend(DIGITS.get(usize::from(digit)));
            }
        }
    }
    Ok(out)
}

fn hexadecimal(high: Option<u8>, low: Option<u8>) -> Result<u8, Refused> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    let (high, low) = digit(high).zip(digit(low)).ok_or(Refused)?;
    u8::try_from(high * 16 + low).map_err(|_| Refused)
}

fn with_slashes(path: &str, rules: PathRules) -> Result<Cow<'_, str>, Refused> {
    match rules.slashes {
        Slashes::Keep => Ok(Cow::Borrowed(path)),
        _ if !path.contains("//") => Ok(Cow::Borrowed(path)),
        Slashes::Refuse => Err(Refused),
        Slashes::Merge => {
            let mut merged = String::with_capacity(path.len());
            for letter in path.chars() {
                if !(letter == '/' && merged.ends_with('/')) {
                    merged.push(letter);
                }
            }
            Ok(Cow::Owned(merged))
        }
    }
}

/// Takes dot segments out (RFC 3986, section 5.2.4). Nothing leads above the root.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // A folder stays a folder.
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(target: &str) -> Result<String, Refused> {
        normalised(target, PathRules::default()).map(Cow::into_owned)
    }

    fn with(slashes: Slashes) -> PathRules {
        PathRules {
            slashes,
            ..PathRules::default()
        }
    }

    #[test]
    fn a_path_has_one_spelling() {
        for (target, expected) in [
            ("/", "/"),
            ("*", "*"),
            ("/a/b.html?x=%41&y=../z", "/a/b.html?x=%41&y=../z"),
            ("/%61%2D%7e", "/a-~"),
            ("/%e3%81%82", "/%E3%81%82"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/.", "/a/"),
            ("/..", "/"),
            ("/../../feed", "/feed"),
            ("/%2e%2e/%2E/feed", "/feed"),
            ("/a/%2e%2e%2e", "/a/..."),
            ("/.well-known/x", "/.well-known/x"),
            ("/a//b", "/a//b"),
            ("/a//../b", "/a/b"),
            ("/%2541", "/%2541"),
            ("/a%20b", "/a%20b"),
            ("/\u{3042}", "/%E3%81%82"),
            ("/a;b=c,d@e:f!g$h&i'(j)*+k", "/a;b=c,d@e:f!g$h&i'(j)*+k"),
            ("/%3f", "/%3F"),
        ] {
            assert_eq!(normal(target).as_deref(), Ok(expected), "{target}");
        }
    }

    #[test]
    fn what_an_origin_might_read_otherwise_is_refused() {
        for target in [
            "/a%2fb",
            "/a%2F..%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%00",
            "/a%0d%0ax",
            "/a%7f",
            "/a%",
            "/a%4",
            "/a%zz",
            "/%%34%31",
            "/%u3042",
        ] {
            assert_eq!(normal(target), Err(Refused), "{target}");
        }
        assert_eq!(normal("/a?b=%2f%00%").as_deref(), Ok("/a?b=%2f%00%"));
    }

    #[test]
    fn a_site_may_have_it_otherwise() {
        let open = PathRules {
            slashes: Slashes::Merge,
            refuse_encoded_slash: false,
            refuse_backslash: false,
            refuse_control: false,
        };
        let normal = |target| normalised(target, open).map(Cow::into_owned);
        assert_eq!(normal("/a%2fb\\c%5c%0a").as_deref(), Ok("/a%2Fb%5Cc%5C%0A"));
        assert_eq!(normal("//a///b//").as_deref(), Ok("/a/b/"));
        assert_eq!(normal("/a/%zz"), Err(Refused));
        let strict = normalised("/a//b", with(Slashes::Refuse));
        assert_eq!(strict, Err(Refused));
        assert!(normalised("/a/b", with(Slashes::Refuse)).is_ok());
    }

    proptest! {
        #[test]
        fn once_is_enough(
            target in "/(%2[eEfF5]|%5[cC]|%4[1a]|%c3|\\.|/|a|\\?|%|b\\\\){0,14}",
            slashes in prop_oneof![Just(Slashes::Keep), Just(Slashes::Merge), Just(Slashes::Refuse)],
            refuses: bool,
        ) {
            let rules = PathRules {
                slashes,
                refuse_encoded_slash: refuses,
                refuse_backslash: refuses,
                refuse_control: refuses,
            };
            if let Ok(once) = normalised(&target, rules) {
                let again = normalised(&once, rules);
                prop_assert_eq!(again.as_deref(), Ok(&*once));
                let path = once.split('?').next().unwrap();
                prop_assert!(path.starts_with('/'));
                prop_assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")));
                prop_assert!(slashes == Slashes::Keep || !path.contains("//"));
                prop_assert_eq!(once.split_once('?').map(|(_, query)| query),
                                target.split_once('?').map(|(_, query)| query));
                // What counts as normal at first sight is.
                if is_normal(&target, rules) {
                    prop_assert_eq!(&*once, target.as_str());
                }
            }
        }

        #[test]
        fn no_target_makes_it_panic(target in "\\PC{0,40}", merge: bool) {
            let rules = with(if merge { Slashes::Merge } else { Slashes::Keep });
            let _ = normalised(&target, rules);
            let _ = normalised(&format!("/{target}"), rules);
        }
    }
}
