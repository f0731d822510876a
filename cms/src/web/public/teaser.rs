//! A page as one entry of a listing.

use time::Date;

use crate::domain::{Category, KindFields, Language, Page};
use crate::render::dates;

/// One entry.
#[derive(Clone, Debug, Default)]
pub struct Teaser {
    /// The page's path.
    pub href: String,
    /// Its title.
    pub title: String,
    /// One or two sentences, or empty where the listing leaves them out.
    pub summary: String,
    /// Its kind or category, or empty.
    pub label: String,
    /// The day it was last changed, for machines; may be empty.
    pub day: String,
    /// The same for people.
    pub day_text: String,
    /// Its language (BCP 47).
    pub tag: &'static str,
}

impl Teaser {
    /// A page with its summary.
    #[must_use]
    pub fn of(page: &Page) -> Self {
        Self {
            href: page.path.to_string(),
            title: page.title.clone(),
            summary: page.summary.clone(),
            tag: page.language.tag(),
            ..Self::default()
        }
    }

    /// Without its summary.
    #[must_use]
    pub fn short(mut self) -> Self {
        self.summary.clear();
        self
    }

    /// With the day its page was last changed.
    #[must_use]
    pub fn dated(self, page: &Page) -> Self {
        self.on(dates::day_in_japan(page.updated_at))
    }

    /// With the name of the category its path lies in.
    #[must_use]
    pub fn labelled(mut self, categories: &[Category]) -> Self {
        let within = |category: &&Category| self.href.split('/').any(|part| part == category.slug);
        self.label = categories
            .iter()
            .find(within)
            .map(|category| category.name.clone())
            .unwrap_or_default();
        self
    }

    /// With a label of its own.
    #[must_use]
    pub fn with_label(mut self, label: &str) -> Self {
        label.clone_into(&mut self.label);
        self
    }

    /// With a day.
    #[must_use]
    pub fn on(mut self, day: Date) -> Self {
        self.day = dates::machine(day);
        self.day_text = dates::long(day, Language::Ja);
        self
    }
}

/// An event as one entry.
#[derive(Clone, Debug)]
pub struct EventTeaser {
    /// The page's path.
    pub href: String,
    /// Its title.
    pub title: String,
    /// Month of the day shown large.
    pub month: u8,
    /// The day shown large: the first, or today while the event is on.
    pub date: u8,
    /// Its day of the week.
    pub weekday: &'static str,
    /// First day for machines.
    pub first_day: String,
    /// All days for people.
    pub days: String,
    /// Where; may be empty.
    pub place: String,
}

/// An event's facts; `None` when the page is of another kind.
#[must_use]
pub fn event(
    href: String,
    title: String,
    fields: &KindFields,
    not_before: Option<Date>,
) -> Option<EventTeaser> {
    let KindFields::Event {
        starts_on,
        ends_on,
        place,
        ..
    } = fields
    else {
        return None;
    };
    let (first, last) = (*starts_on, *ends_on);
    let shown = not_before.map_or(first, |day| first.max(day.min(last)));
    Some(EventTeaser {
        href,
        title,
        month: shown.month().into(),
        date: shown.day(),
        weekday: dates::weekday(shown.weekday()),
        first_day: dates::machine(first),
        days: dates::span(first, last, Language::Ja),
        place: place.clone(),
    })
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn shown(not_before: Option<Date>) -> (u8, u8) {
        let fields = KindFields::Event {
            starts_on: date!(2026 - 11 - 20),
            ends_on: date!(2026 - 11 - 30),
            place: String::new(),
            fee: String::new(),
        };
        let event = event(String::new(), String::new(), &fields, not_before).unwrap();
        (event.month, event.date)
    }

    #[test]
    fn an_event_that_is_on_shows_today() {
        assert_eq!(shown(None), (11, 20));
        assert_eq!(shown(Some(date!(2026 - 11 - 1))), (11, 20));
        assert_eq!(shown(Some(date!(2026 - 11 - 23))), (11, 23));
        assert_eq!(shown(Some(date!(2026 - 12 - 1))), (11, 30));
    }
}
