//! Long runs of blanks and line ends, shortened: rules that allow any number of them between two
//! words take a time that grows with the square of the run and worse (9.6 KB of `%0d%0a` took 24 s).
//! No rule needs more than a few of them.

/// So many of a run are kept.
const KEPT: usize = 8;

/// How blanks can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As they are.
    Plain,
    /// Or as `%20`, `%0d` and so on.
    Escaped,
    /// Or as `+` too.
    Form,
    /// As they are, or as `\n`, `\u000a` and so on.
    Json,
}

/// The text with its long runs shortened.
#[must_use]
pub fn shortened(text: &[u8], written: Written) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut run) = (text, 0_usize);
    while !rest.is_empty() {
        let length = blank(rest, written);
        let (taken, after) = rest.split_at(length.unwrap_or(1).min(rest.len()));
        run = match length {
            Some(_) => run + 1,
            None => 0,
        };
        if run <= KEPT {
            out.extend(taken);
        }
        rest = after;
    }
    out
}

/// How long the blank is that a text begins with.
fn blank(text: &[u8], written: Written) -> Option<usize> {
    match (text, written) {
        ([b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c, ..], _) => Some(1),
        ([b'+', ..], Written::Form) => Some(1),
        ([b'%', high, low, ..], Written::Escaped | Written::Form) => {
            is_blank_in_hex(*high, *low).then_some(3)
        }
        ([b'\\', b'n' | b'r' | b't' | b'f', ..], Written::Json) => Some(2),
        ([b'\\', b'u', b'0', b'0', high, low, ..], Written::Json) => {
            is_blank_in_hex(*high, *low).then_some(6)
        }
        _ => None,
    }
}

fn is_blank_in_hex(high: u8, low: u8) -> bool {
    matches!(
        (high, low),
        (b'2' | b'A' | b'a', b'0') | (b'0', b'9' | b'a'..=b'd' | b'A'..=b'D')
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn runs_are_shortened_in_every_spelling() {
        let of =
            |text: &str, written| String::from_utf8(shortened(text.as_bytes(), written)).unwrap();
        for (unit, written) in [
            (" ", Written::Plain),
            ("\r\n", Written::Plain),
            ("%0d%0A", Written::Escaped),
            ("+%20", Written::Form),
            ("\\r\\n", Written::Json),
            ("\\u000a\\u0020", Written::Json),
        ] {
            let long = format!("a{}b", unit.repeat(1000));
            let short = of(&long, written);
            assert!(short.len() <= 2 + 8 * 6, "{unit:?}: {short:?}");
            assert!(short.starts_with('a') && short.ends_with('b'));
        }
        assert_eq!(of("a+++++++++++b", Written::Escaped), "a+++++++++++b");
        assert_eq!(of("a%0x%0d", Written::Form), "a%0x%0d");
    }

    proptest! {
        #[test]
        fn what_has_no_long_run_stays_as_it_is(words in prop::collection::vec("[a-z%+\\\\]{1,9}[ \n]{0,4}[あ-ん]", 0..20)) {
            let text = words.concat();
            prop_assert_eq!(shortened(text.as_bytes(), Written::Plain), text.as_bytes());
        }

        #[test]
        fn nothing_but_blanks_goes(bytes in any::<Vec<u8>>()) {
            for written in [Written::Plain, Written::Escaped, Written::Form, Written::Json] {
                let short = shortened(&bytes, written);
                let ink = |bytes: &[u8]| bytes.iter().filter(|byte| !b" \t\r\n\x0b\x0c+%\\0123456789abcdefABCDEFnrtu".contains(byte)).copied().collect::<Vec<u8>>();
                prop_assert_eq!(ink(&short), ink(&bytes));
                // Shortening again changes nothing.
                prop_assert_eq!(shortened(&short, written), short);
            }
        }
    }
}
