//! The events of one month.

use askama::Template;
use axum::extract::{Path, State};
use time::{Date, Duration, Month};

use super::frame::{Frame, Link, Step};
use super::teaser::{self, EventTeaser};
use crate::domain::{KindFields, Language, tags};
use crate::render::dates;
use crate::state::CmsState;
use crate::store::pages::LiveEvent;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

/// Most events of a month.
const MOST: i64 = 500;
/// How far from the present month readers (and search engines) may go, in months.
const FARTHEST: i32 = 24;

#[derive(Template)]
#[template(path = "public/calendar.html")]
struct Calendar {
    frame: Frame,
    breadcrumb: Vec<Step>,
    previous: Link,
    next: Link,
    month: String,
    weeks: Vec<Vec<Option<Day>>>,
    events: Vec<EventTeaser>,
}

struct Day {
    machine: String,
    number: u8,
    events: Vec<Link>,
}

/// Months counted from year 0, so that they can be added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MonthNumber(i32);

impl MonthNumber {
    fn of(day: Date) -> Self {
        Self(day.year() * 12 + i32::from(u8::from(day.month())) - 1)
    }

    /// `2026-11`.
    fn read(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let plain = year.len() == 4 && month.len() == 2 && !text.contains('+');
        let (year, month): (i32, i32) = (year.parse().ok()?, month.parse().ok()?);
        (plain && (1..=12).contains(&month)).then_some(Self(year * 12 + month - 1))
    }

    fn first_day(self) -> Option<Date> {
        let month = Month::try_from(u8::try_from(self.0.rem_euclid(12)).ok()? + 1).ok()?;
        Date::from_calendar_date(self.0.div_euclid(12), month, 1).ok()
    }

    fn path(self) -> String {
        format!(
            "/calendar/{:04}-{:02}/",
            self.0.div_euclid(12),
            self.0.rem_euclid(12) + 1
        )
    }

    fn name(self) -> String {
        format!("{}年{}月", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

pub(super) async fn this_month(State(state): State<CmsState>) -> Answer {
    let today = dates::day_in_japan(state.now());
    month(&state, MonthNumber::of(today), "/calendar/").await
}

pub(super) async fn show(State(state): State<CmsState>, Path(text): Path<String>) -> Answer {
    match MonthNumber::read(&text) {
        Some(number) => month(&state, number, &number.path()).await,
        None => super::not_found::answer(&state, Language::Ja).await,
    }
}

async fn month(state: &CmsState, number: MonthNumber, path: &str) -> Answer {
    let today = dates::day_in_japan(state.now());
    let distance = number.0 - MonthNumber::of(today).0;
    let days = (number.first_day(), MonthNumber(number.0 + 1).first_day());
    let (Some(first), Some(after)) = days else {
        return super::not_found::answer(state, Language::Ja).await;
    };
    if distance.abs() > FARTHEST {
        return super::not_found::answer(state, Language::Ja).await;
    }
    let events = state
        .store
        .events_between(first, after - Duration::DAY, MOST)
        .await?;
    let categories = state.store.categories().await?;
    let neighbour = |other: MonthNumber, within: bool| {
        if within {
            Link::new(other.path(), other.name())
        } else {
            Link::default()
        }
    };
    let title = format!("イベントカレンダー {}", number.name());
    let page = Calendar {
        frame: Frame::new(
            Language::Ja,
            &state.settings.public_url,
            &categories,
            &title,
        )
        .at(path),
        breadcrumb: vec![
            Step::japanese("/", "ホーム"),
            Step::japanese("", "イベントカレンダー"),
        ],
        previous: neighbour(MonthNumber(number.0 - 1), distance > -FARTHEST),
        next: neighbour(MonthNumber(number.0 + 1), distance < FARTHEST),
        month: number.name(),
        weeks: weeks(first, after, &events),
        events: events.iter().filter_map(entry).collect(),
    };
    html(&page, CachePolicy::Page(tags::set([tags::calendar()])))
}

fn entry(event: &LiveEvent) -> Option<EventTeaser> {
    let fields = KindFields::Event {
        starts_on: event.starts_on,
        ends_on: event.ends_on,
        place: event.place.clone(),
        fee: String::new(),
    };
    teaser::event(
        event.page.path.to_string(),
        event.page.title.clone(),
        &fields,
        None,
    )
}

/// The days of a month in weeks from Sunday, with the events that are on.
fn weeks(first: Date, after: Date, events: &[LiveEvent]) -> Vec<Vec<Option<Day>>> {
    let before = usize::from(first.weekday().number_days_from_sunday());
    let mut days: Vec<Option<Day>> = std::iter::repeat_with(|| None).take(before).collect();
    let mut date = first;
    while date < after {
        let on = events
            .iter()
            .filter(|event| event.starts_on <= date && date <= event.ends_on);
        days.push(Some(Day {
            machine: dates::machine(date),
            number: date.day(),
            events: on
                .map(|event| Link::new(event.page.path.as_str(), &event.page.title))
                .collect(),
        }));
        date += Duration::DAY;
    }
    let mut weeks = Vec::new();
    while !days.is_empty() {
        let rest = days.split_off(days.len().min(7));
        days.resize_with(7, || None);
        weeks.push(std::mem::replace(&mut days, rest));
    }
    weeks
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_month_is_whole_weeks_from_sunday() {
        // November 2026 begins on a Sunday, and December on a Tuesday.
        for (first, after, before, weeks_long) in [
            (date!(2026 - 11 - 01), date!(2026 - 12 - 01), 0, 5),
            (date!(2026 - 12 - 01), date!(2027 - 01 - 01), 2, 5),
            (date!(2026 - 02 - 01), date!(2026 - 03 - 01), 0, 4),
        ] {
            let weeks = weeks(first, after, &[]);
            assert_eq!(weeks.len(), weeks_long, "{first}");
            assert!(weeks.iter().all(|week| week.len() == 7));
            assert_eq!(
                weeks[0].iter().take_while(|day| day.is_none()).count(),
                before
            );
            let days = weeks.iter().flatten().flatten().count();
            assert_eq!(i64::try_from(days).unwrap(), (after - first).whole_days());
        }
    }

    #[test]
    fn months_are_read_as_they_are_written() {
        let december = MonthNumber::read("2026-12").unwrap();
        assert_eq!(december.path(), "/calendar/2026-12/");
        assert_eq!(MonthNumber(december.0 + 1).name(), "2027年1月");
        for text in [
            "2026-13", "2026-00", "2026", "26-01", "2026-1", "+026-01", "2026-+1", "",
        ] {
            assert_eq!(MonthNumber::read(text), None, "{text}");
        }
    }
}
