//! A calendar day in Japan, as expiry dates and daily counts use it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Date, Month, PrimitiveDateTime, Time};

use crate::Timestamp;
use crate::timestamp::JST;

/// A day in Japan; written `2026-11-23`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// Why a text is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no date; write it as 2026-03-31")]
pub struct NotADay(pub String);

impl Day {
    /// The day on which an instant falls in Japan.
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        Self(instant.in_japan().date())
    }

    /// The day with these numbers, where there is one.
    #[must_use]
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let month = Month::try_from(month).ok()?;
        let usable = (1970..=9999).contains(&year);
        let date = Date::from_calendar_date(year, month, day).ok()?;
        usable.then_some(Self(date))
    }

    /// The first instant after the day.
    #[must_use]
    pub fn end(self) -> Timestamp {
        let midnight = PrimitiveDateTime::new(self.0, Time::MIDNIGHT).assume_offset(JST);
        Timestamp::from(midnight).plus(std::time::Duration::from_secs(86_400))
    }

    /// The day that was so many days before.
    #[must_use]
    pub fn before(self, days: u32) -> Self {
        let earlier = self.0.checked_sub(time::Duration::days(i64::from(days)));
        Self(earlier.unwrap_or(Date::MIN))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        write!(f, "{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, NotADay> {
        let read = || {
            let mut parts = text.split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            let whole = parts.next().is_none() && [year, month, day].map(str::len) == [4, 2, 2];
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            if !whole || ![year, month, day].into_iter().all(digits) {
                return None;
            }
            Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        };
        read().ok_or_else(|| NotADay(text.chars().take(40).collect()))
    }
}

impl TryFrom<String> for Day {
    type Error = NotADay;

    fn try_from(text: String) -> Result<Self, NotADay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_ends_at_midnight_in_japan() {
        let day: Day = "2026-11-23".parse().unwrap();
        assert_eq!(day.end().rfc3339(), "2026-11-24T00:00:00+09:00");
        assert_eq!(Day::of(Timestamp(day.end().0 - 1)), day);
        assert_eq!(Day::of(day.end()).before(1), day);
        assert_eq!(day.before(23).to_string(), "2026-10-31");
        for text in ["2026-2-1", "2026-02-30", "2026/02/01", "+026-02-01", ""] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0u64..100_000_000_000) {
            let day = Day::of(Timestamp(seconds * 1000));
            prop_assert_eq!(day.to_string().parse::<Day>().unwrap(), day);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}") {
            let _ = text.parse::<Day>();
        }
    }
}
