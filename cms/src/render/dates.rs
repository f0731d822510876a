//! Dates as readers of each language write them.
//!
//! The instants of the store become days in Japan ([`Timestamp::in_japan`]) before they come here.

use time::{Date, Month, Weekday};
use yagura_control::Timestamp;

use crate::domain::Language;

/// The day it is in Japan at that instant.
#[must_use]
pub fn day_in_japan(instant: Timestamp) -> Date {
    instant.in_japan().date()
}

/// `2026年11月23日` or its counterpart in another language.
#[must_use]
pub fn long(day: Date, language: Language) -> String {
    let (year, month, date) = (day.year(), u8::from(day.month()), day.day());
    match language {
        Language::Ja | Language::Zh => format!("{year}年{month}月{date}日"),
        Language::Ko => format!("{year}년 {month}월 {date}일"),
        Language::En => format!("{} {date}, {year}", english_month(day.month())),
    }
}

/// [`long`] with the day of the week where readers expect it: `2026年11月23日(月)`.
#[must_use]
pub fn with_weekday(day: Date, language: Language) -> String {
    match language {
        Language::Ja => format!("{}({})", long(day, language), weekday(day.weekday())),
        Language::En => format!("{}, {}", day.weekday(), long(day, language)),
        Language::Zh | Language::Ko => long(day, language),
    }
}

/// First and last day: one date when they are the same.
#[must_use]
pub fn span(first: Date, last: Date, language: Language) -> String {
    if first == last {
        return with_weekday(first, language);
    }
    let between = if language == Language::Ja {
        "から"
    } else {
        " – "
    };
    let end = if language == Language::Ja {
        "まで"
    } else {
        ""
    };
    format!(
        "{}{between}{}{end}",
        with_weekday(first, language),
        with_weekday(last, language)
    )
}

/// For machines: `2026-11-23`.
#[must_use]
pub fn machine(day: Date) -> String {
    format!(
        "{:04}-{:02}-{:02}",
        day.year(),
        u8::from(day.month()),
        day.day()
    )
}

/// One character for the day of the week.
#[must_use]
pub fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "月",
        Weekday::Tuesday => "火",
        Weekday::Wednesday => "水",
        Weekday::Thursday => "木",
        Weekday::Friday => "金",
        Weekday::Saturday => "土",
        Weekday::Sunday => "日",
    }
}

fn english_month(month: Month) -> &'static str {
    match month {
        Month::January => "January",
        Month::February => "February",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "August",
        Month::September => "September",
        Month::October => "October",
        Month::November => "November",
        Month::December => "December",
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn the_evening_in_utc_is_the_next_day_in_japan() {
        // 2026-11-22T15:00:00Z
        let midnight = Timestamp(1_795_359_600_000);
        assert_eq!(day_in_japan(midnight), date!(2026 - 11 - 23));
        assert_eq!(
            day_in_japan(Timestamp(midnight.0 - 1)),
            date!(2026 - 11 - 22)
        );
    }

    #[test]
    fn each_language_writes_dates_its_own_way() {
        let day = date!(2026 - 11 - 23);
        assert_eq!(with_weekday(day, Language::Ja), "2026年11月23日(月)");
        assert_eq!(long(day, Language::En), "November 23, 2026");
        assert_eq!(long(day, Language::Ko), "2026년 11월 23일");
        assert_eq!(
            span(day, date!(2026 - 11 - 29), Language::Ja),
            "2026年11月23日(月)から2026年11月29日(日)まで"
        );
        assert_eq!(span(day, day, Language::Zh), "2026年11月23日");
    }
}
