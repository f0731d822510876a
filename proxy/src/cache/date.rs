//! HTTP dates as caches are to read them: in any case (RFC 9111, section 4.2), in all three forms
//! (RFC 9110, section 5.6.7). Pure.

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use yagura_control::Timestamp;

/// The instant a date names; none for what is no date, and for years before 1970.
#[must_use]
pub fn read(text: &str) -> Option<Timestamp> {
    // The words of a date are names that begin with a capital, and GMT.
    let mut within = false;
    let words: String = text
        .chars()
        .map(|letter| {
            let lower = within;
            within = letter.is_ascii_alphabetic();
            if lower {
                letter.to_ascii_lowercase()
            } else {
                letter.to_ascii_uppercase()
            }
        })
        .collect();
    let words = words.replace("Gmt", "GMT");
    let words = words.trim();
    httpdate::parse_http_date(words)
        .ok()
        .map(Timestamp::from)
        .or_else(|| without_weekday(words))
}

/// A date in the form of C's `asctime` whose day of the week is another; it says nothing that the
/// rest does not say.
fn without_weekday(words: &str) -> Option<Timestamp> {
    const FORM: &[BorrowedFormatItem<'_>] = format_description!(
        "[month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    );
    let (_, rest) = words.split_once(' ')?;
    let instant = PrimitiveDateTime::parse(rest, FORM).ok()?.assume_utc();
    let seconds = u64::try_from(instant.unix_timestamp()).ok()?;
    Some(Timestamp(seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_forms_are_read_in_any_case() {
        let expected = Some(Timestamp(2_544_141_678_000));
        for text in [
            "Mon, 15 Aug 2050 02:01:18 GMT",
            "mON, 15 aUG 2050 02:01:18 gmt",
            "Monday, 15-Aug-50 02:01:18 GMT",
            "Mon Aug 15 02:01:18 2050",
            "Thu Aug 15 02:01:18 2050",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        let early = read("Mon Aug  8 02:01:18 2050");
        assert_eq!(early, Some(Timestamp(2_543_536_878_000)));
        for text in [
            "0",
            "",
            "tomorrow",
            "Mon, 15 Aug 2050 02:01:18 UTC",
            "Mon, 15 Aug 2050",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_we_write_is_read_and_nothing_panics(seconds in 0u64..4_000_000_000, other in "\\PC{0,40}") {
            let written = httpdate::fmt_http_date(Timestamp(seconds * 1000).into());
            prop_assert_eq!(read(&written), Some(Timestamp(seconds * 1000)));
            prop_assert_eq!(read(&written.to_lowercase()), Some(Timestamp(seconds * 1000)));
            let _ = read(&other);
        }
    }
}
