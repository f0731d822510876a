//! The dates of certificates as an iCalendar file (RFC 5545), for the calendars of those who have
//! to order the next one. In Japanese and English, because both read it.

use time::OffsetDateTime;
use yagura_control::Timestamp;

use super::{Entry, Place};

/// Longest line, in octets without its end (RFC 5545, section 3.1).
const LONGEST_LINE: usize = 75;

/// A calendar with two days for each certificate: when to see to its successor, and its end.
#[must_use]
pub fn calendar(entries: &[Entry], now: Timestamp) -> String {
    let mut text = String::new();
    for (name, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//Yagura//Certificates//EN"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
    ] {
        line(&mut text, name, value);
    }
    for entry in entries {
        let Some(facts) = &entry.facts else { continue };
        let name = &entry.name;
        let place = match &entry.place {
            Place::Watched { address } => format!(" ({address})"),
            Place::Stored { .. } | Place::Requested { .. } => String::new(),
        };
        // The same certificate may be served in two places; names are any text.
        let own = crate::inspect::sha256(name.as_bytes());
        let own = own.get(..8).unwrap_or_default();
        let description = format!(
            "{}\n{}\nSHA-256 {}",
            facts.names.join(", "),
            facts.issuer,
            facts.sha256
        );
        for (kind, at, words) in [
            (
                "renew",
                facts.renew_from,
                "証明書の更新を始める日 / begin to renew the certificate",
            ),
            (
                "end",
                facts.not_after,
                "証明書の期限 / the certificate ends",
            ),
        ] {
            // The same day of the same certificate keeps its UID, so that calendars replace it.
            let uid = format!("{kind}-{}-{own}@yagura", facts.sha256);
            let summary = format!("{words}: {name}{place}");
            line(&mut text, "BEGIN", "VEVENT");
            line(&mut text, "UID", &uid);
            line(&mut text, "DTSTAMP", &instant(now.utc()));
            line(&mut text, "DTSTART;VALUE=DATE", &date(at.in_japan()));
            line(&mut text, "SUMMARY", &escaped(&summary));
            let until = format!("{description}\n{} {}", kind, at.rfc3339());
            line(&mut text, "DESCRIPTION", &escaped(&until));
            line(&mut text, "TRANSP", "TRANSPARENT");
            line(&mut text, "END", "VEVENT");
        }
    }
    line(&mut text, "END", "VCALENDAR");
    text
}

fn date(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    format!("{year:04}{:02}{day:02}", u8::from(month))
}

fn instant(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    format!("{}T{hour:02}{minute:02}{second:02}Z", date(at))
}

/// Text as a value (section 3.3.11).
fn escaped(text: &str) -> String {
    let mut value = String::new();
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => value.extend(['\\', c]),
            '\n' => value.push_str("\\n"),
            c if c.is_control() => {}
            c => value.push(c),
        }
    }
    value
}

/// Adds a content line, folded between characters.
fn line(text: &mut String, name: &str, value: &str) {
    let whole = format!("{name}:{value}");
    let mut length = 0;
    for c in whole.chars() {
        if length + c.len_utf8() > LONGEST_LINE {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(c);
        length += c.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_are_short_and_unfold_to_what_was_written(value in "\\PC{0,200}") {
            let value = escaped(&value);
            let mut text = String::new();
            line(&mut text, "SUMMARY", &value);
            prop_assert!(text.ends_with("\r\n"));
            for line in text.trim_end_matches("\r\n").split("\r\n") {
                prop_assert!(line.len() <= LONGEST_LINE, "{line}");
            }
            let unfolded = text.replace("\r\n ", "");
            prop_assert_eq!(unfolded, format!("SUMMARY:{value}\r\n"));
        }
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a,b;c\\d\ne\r"), "a\\,b\\;c\\\\d\\ne");
    }
}
