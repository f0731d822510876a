//! A point in time as an operator writes it: `18:00`, `2026-11-25 06:00`, `+2h`. Clock times are
//! those of Japan where no offset is given (`2026-11-24T21:00:00Z`).

use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

use crate::timestamp::JST;
use crate::{Day, Timestamp};

/// The furthest point that can be written, counted from now.
const FURTHEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// A text that names no usable time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTime {
    /// It cannot be read.
    #[error(
        "\"{0}\" is no time\n  write 18:00 (in Japan, today or tomorrow), \"2026-11-25 06:00\" or +2h (min, h, d)"
    )]
    Unreadable(String),
    /// It is over.
    #[error("{0} is over\n  give a time to come")]
    Past(Timestamp),
    /// It is still to come.
    #[error("{0} is still to come\n  give a time that is over")]
    Ahead(Timestamp),
    /// It is too far away to be meant.
    #[error("{0} is more than ten years away\n  leave the time out for an order without an end")]
    TooFar(Timestamp),
}

/// Reads a point in time after `now`.
///
/// # Errors
/// See [`NoTime`].
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, NoTime> {
    let trimmed = text.trim();
    let unreadable = || NoTime::Unreadable(text.to_owned());
    let at = if let Some(length) = trimmed.strip_prefix('+') {
        now.plus(duration(length).ok_or_else(unreadable)?)
    } else if let Some(time) = clock_time(trimmed) {
        next(time, now).ok_or_else(unreadable)?
    } else {
        date_and_time(trimmed).ok_or_else(unreadable)?
    };
    if at <= now {
        return Err(NoTime::Past(at));
    }
    if at.since(now) > FURTHEST {
        return Err(NoTime::TooFar(at));
    }
    Ok(at)
}

/// Reads a point in time that may be over: a day stands for its beginning in Japan.
///
/// # Errors
/// See [`NoTime::Unreadable`].
pub fn moment(text: &str) -> Result<Timestamp, NoTime> {
    let trimmed = text.trim();
    let day = || Some(trimmed.parse::<Day>().ok()?.before(1).end());
    let at = date_and_time(trimmed).or_else(day);
    at.ok_or_else(|| NoTime::Unreadable(text.to_owned()))
}

/// Reads a point in time that is over: `14:03` (in Japan, today or yesterday), `2026-11-20 14:03`.
///
/// # Errors
/// See [`NoTime`].
pub fn past(text: &str, now: Timestamp) -> Result<Timestamp, NoTime> {
    let trimmed = text.trim();
    let unreadable = || NoTime::Unreadable(text.to_owned());
    let at = match clock_time(trimmed) {
        Some(time) => next(time, now)
            .map(|at| Timestamp(at.0.saturating_sub(86_400_000)))
            .ok_or_else(unreadable)?,
        None => date_and_time(trimmed).ok_or_else(unreadable)?,
    };
    if at > now {
        return Err(NoTime::Ahead(at));
    }
    Ok(at)
}

/// One number with a unit: `90min`, `2h`, `1d`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit_s = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let seconds = number.parse::<u32>().ok()?;
    Some(Duration::from_secs(u64::from(seconds) * unit_s))
}

fn clock_time(text: &str) -> Option<Time> {
    let format = format_description!("[hour padding:none]:[minute]");
    Time::parse(text, format).ok()
}

/// The next moment at which clocks in Japan show this time.
fn next(time: Time, now: Timestamp) -> Option<Timestamp> {
    let today = now.in_japan().date();
    let at = |date: Date| Timestamp::from(date.with_time(time).assume_offset(JST));
    let at_today = at(today);
    if at_today > now {
        return Some(at_today);
    }
    today.next_day().map(at)
}

fn date_and_time(text: &str) -> Option<Timestamp> {
    let format = format_description!("[year]-[month]-[day] [hour padding:none]:[minute]");
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return (at.unix_timestamp() >= 0).then(|| at.into());
    }
    let text = text.replacen('T', " ", 1);
    let local = PrimitiveDateTime::parse(&text, format).ok()?;
    let at: OffsetDateTime = local.assume_offset(JST);
    (at.unix_timestamp() >= 0).then(|| at.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-23 14:03:07 in Japan.
    const NOW: Timestamp = Timestamp(1_795_410_187_123);

    fn read(text: &str) -> String {
        match parse(text, NOW) {
            Ok(at) => at.rfc3339(),
            Err(error) => error.to_string().lines().next().unwrap().to_owned(),
        }
    }

    #[test]
    fn times_are_those_of_japan_and_lie_ahead() {
        for (text, at) in [
            ("18:00", "2026-11-23T18:00:00+09:00"),
            ("9:30", "2026-11-24T09:30:00+09:00"),
            ("14:03", "2026-11-24T14:03:00+09:00"),
            ("2026-11-25 06:00", "2026-11-25T06:00:00+09:00"),
            ("2026-11-25T06:00", "2026-11-25T06:00:00+09:00"),
            ("2026-11-25T06:00:00+09:00", "2026-11-25T06:00:00+09:00"),
            ("2026-11-24T21:00:00Z", "2026-11-25T06:00:00+09:00"),
            ("+2h", "2026-11-23T16:03:07+09:00"),
            ("+90min", "2026-11-23T15:33:07+09:00"),
            (" +1d ", "2026-11-24T14:03:07+09:00"),
        ] {
            assert_eq!(read(text), at, "{text}");
        }
    }

    #[test]
    fn a_moment_may_be_over_and_a_day_begins_at_midnight() {
        for (text, at) in [
            ("2026-11-23", "2026-11-23T00:00:00+09:00"),
            ("2026-11-23 02:00", "2026-11-23T02:00:00+09:00"),
            ("2026-11-22T17:00:00Z", "2026-11-23T02:00:00+09:00"),
        ] {
            assert_eq!(moment(text).unwrap().rfc3339(), at, "{text}");
        }
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn times_that_are_over_are_read_too() {
        let read = |text| past(text, NOW).map(Timestamp::rfc3339);
        for (text, at) in [
            ("14:03", "2026-11-23T14:03:00+09:00"),
            ("18:00", "2026-11-22T18:00:00+09:00"),
            ("2026-11-20 14:03", "2026-11-20T14:03:00+09:00"),
        ] {
            assert_eq!(read(text).unwrap(), at, "{text}");
        }
        for text in ["2026-11-24 14:03", "+2h", "yesterday"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_to_come_is_refused() {
        for text in [
            "",
            "25:00",
            "18",
            "+2",
            "+h",
            "+2y",
            "2026-02-30 06:00",
            "2026-11-25",
        ] {
            assert!(read(text).ends_with("is no time"), "{text}: {}", read(text));
        }
        assert!(read("2026-11-23 14:03").ends_with("is over"));
        assert!(read("+0s").ends_with("is over"));
        assert!(read("+99999d").ends_with("away"));
    }

    proptest! {
        #[test]
        fn whatever_is_read_lies_ahead(text in "\\+?[0-9: T-]{0,17}(h|min|d|s)?|\\PC{0,20}", now in 0u64..4_000_000_000_000) {
            if let Ok(at) = parse(&text, Timestamp(now)) {
                prop_assert!(at > Timestamp(now));
            }
        }

        #[test]
        fn a_clock_time_is_met_within_a_day(hour in 0u8..24, minute in 0u8..60, now in 0u64..4_000_000_000_000) {
            let at = parse(&format!("{hour:02}:{minute:02}"), Timestamp(now)).unwrap();
            prop_assert!(at.since(Timestamp(now)) <= Duration::from_secs(86_400));
            let seen = at.in_japan();
            prop_assert_eq!((seen.hour(), seen.minute()), (hour, minute));
        }
    }
}
