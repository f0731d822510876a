//! Days and instants as the city writes them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use time::{Date, Duration, Time};
use yagura_control::Timestamp;
use yagura_control::timestamp::JST;

use crate::render::dates::weekday;

/// A day some days after another; before it when negative.
pub(super) fn after(day: Date, days: i64) -> Date {
    day.saturating_add(Duration::days(days))
}

/// The same day of the month some months before, on the 1st.
pub(super) fn months_before(day: Date, months: i64) -> Date {
    (0..months).fold(first_of_month(day), |first, _| {
        first_of_month(after(first, -1))
    })
}

fn first_of_month(day: Date) -> Date {
    day.replace_day(1).unwrap_or(day)
}

/// `令和8年12月6日（日曜日）`
pub(super) fn long(day: Date) -> String {
    format!("{}{}", era(day.year()), month_and_day(day))
}

/// `12月6日（日曜日）`
pub(super) fn month_and_day(day: Date) -> String {
    let weekday = weekday(day.weekday());
    format!(
        "{}月{}日（{weekday}曜日）",
        u8::from(day.month()),
        day.day()
    )
}

/// `令和8年`; years before 2019 are 平成.
pub(super) fn era(year: i32) -> String {
    match year - 2018 {
        1 => "令和元年".to_owned(),
        reiwa if reiwa > 1 => format!("令和{reiwa}年"),
        _ => format!("平成{}年", year - 1988),
    }
}

/// The fiscal year a day lies in; it begins in April.
pub(super) fn fiscal_year(day: Date) -> i32 {
    if u8::from(day.month()) < 4 {
        day.year() - 1
    } else {
        day.year()
    }
}

/// Whether offices are closed for the turn of the year.
pub(super) fn is_year_end(day: Date) -> bool {
    matches!((u8::from(day.month()), day.day()), (12, 29..) | (1, ..=3))
}

/// An instant of that day within office hours.
pub(super) fn in_office_hours(day: Date, random: &mut ChaCha8Rng) -> Timestamp {
    at(day, 8 * 60 + 30 + 5 * random.random_range(0..100))
}

/// An instant of that day, by minutes after midnight in Japan.
pub(super) fn at(day: Date, minutes: u32) -> Timestamp {
    let part = |value: u32| u8::try_from(value).unwrap_or(0);
    let time = Time::from_hms(part(minutes / 60), part(minutes % 60), 0).unwrap_or(Time::MIDNIGHT);
    Timestamp::from(day.with_time(time).assume_offset(JST))
}

/// Puts days in place of `{d+12}` (long), `{md-3}` (without year), `{fy}`, `{fy-1}` (`令和8年度`)
/// and, for events, `{when}`.
pub(super) fn filled(text: &str, today: Date, when: Option<(Date, Date)>) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once('{') {
        made.push_str(before);
        let Some((code, after_code)) = inner.split_once('}') else {
            rest = inner;
            break;
        };
        made.push_str(&filling(code, today, when));
        rest = after_code;
    }
    made.push_str(rest);
    made
}

fn filling(code: &str, today: Date, when: Option<(Date, Date)>) -> String {
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    if let (Some((first, last)), "when") = (when, code) {
        return if first == last {
            long(first)
        } else {
            format!("{}から{}まで", long(first), month_and_day(last))
        };
    }
    if let Some(years) = code.strip_prefix("fy") {
        let year = fiscal_year(today) + i32::try_from(number(years)).unwrap_or(0);
        return format!("{}度", era(year));
    }
    if let Some(days) = code.strip_prefix("md") {
        return month_and_day(after(today, number(days)));
    }
    code.strip_prefix('d')
        .map_or_else(String::new, |days| long(after(today, number(days))))
}
