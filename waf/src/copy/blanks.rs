//! Long runs of blanks and line ends, shortened: rules that allow any number of them between two
//! words take a time that grows with the square of the run and worse (9.6 KB of `%0d%0a` took 24 s).
//! No rule needs more than a few of them.

/// So many of a run's beginning are kept, and so many of its end: what follows a run follows the same
/// line end as before, and no line of the text becomes a delimiter of multipart that was none.
const FIRST: usize = 6;
const LAST: usize = 2;

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
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let run = run(rest, written);
        if run.length == 0 {
            out.push(*byte);
            rest = after;
            continue;
        }
        let (blanks, behind) = rest.split_at_checked(run.length).unwrap_or((rest, b""));
        out.extend(blanks.get(..run.first).unwrap_or(blanks));
        out.extend(blanks.get(run.last..).unwrap_or_default());
        rest = behind;
    }
    out
}

/// Blanks that stand together.
#[derive(Default)]
struct Run {
    /// How many bytes they are.
    length: usize,
    /// Where the [`FIRST`] of them end.
    first: usize,
    /// Where the [`LAST`] of them begin, or where the first end.
    last: usize,
}

/// The run that a text begins with.
fn run(text: &[u8], written: Written) -> Run {
    let mut run = Run::default();
    let mut begins = [0; LAST];
    let mut blanks = 0_usize;
    while let Some(length) = text.get(run.length..).and_then(|rest| blank(rest, written)) {
        blanks += 1;
        if blanks > FIRST {
            let [_, second] = begins;
            begins = [second, run.length];
        } else {
            run.first = run.length + length;
        }
        run.length += length;
    }
    let [begins, _] = begins;
    run.last = run.first.max(begins);
    run
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
        // The end stays: here is no line that begins with --x, and there is none afterwards.
        let hidden = "a\n\n\n\n\n\n\n\r\n --x";
        assert_eq!(of(hidden, Written::Plain), "a\n\n\n\n\n\n\n --x");
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
