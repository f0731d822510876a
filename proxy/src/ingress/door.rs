//! Who may reach a site, and by which way: through its clouds, directly while the site's door is
//! open, from the city hall, for monitors. Pure; made of the configuration and of what is wanted,
//! replaced with the plan.
//!
//! What a door is for stands in `docs/decisions/who-is-let-in.md`.

use std::net::IpAddr;

use bytes::Bytes;
use yagura_config::settings::SiteSettings;
use yagura_control::Timestamp;

use super::class::Class;
use super::known::Known;
use crate::notice::page::escaped;

/// The page for who comes directly while the door is closed.
const ELSEWHERE: &str = include_str!("elsewhere.html");

/// Who is let in to a site.
#[derive(Clone, Debug)]
pub struct Door {
    /// Whose requests are answered without a further look, from memory too.
    at_once: Class,
    /// Who is let in whether the door is open or not.
    always: Class,
    /// Whether strangers are let in directly.
    is_open: bool,
    /// There are clouds that readers come through, and so somebody wants to know how they came.
    is_behind: bool,
    /// Each request is looked at, because the reader's own address matters.
    minds_addresses: bool,
    /// Until when the outside may reach a site for staff.
    outside_until: Option<Timestamp>,
    page: Bytes,
}

/// What a request came as, or why it is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is let in, and counted here.
    As(Class),
    /// It came directly, and the door is closed.
    Closed,
}

/// Whence a request for a site for staff comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// From the city hall.
    CityHall,
    /// From anywhere else, while that is allowed.
    Outside,
}

impl Access {
    /// The field that tells it to the origin. Nobody else's is passed on.
    pub const FIELD: &str = "yagura-access";

    /// The field's value.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CityHall => "city-hall",
            Self::Outside => "outside",
        }
    }
}

impl Door {
    /// The door of a site, closed: of a site behind clouds, to everybody who comes directly; of one
    /// for staff, to the outside.
    #[must_use]
    pub fn of(site: &SiteSettings, known: &Known) -> Self {
        let clouds = site.behind.iter().filter_map(|name| known.cloud(name));
        let clouds = clouds.fold(Class::NONE, |all, cloud| all | cloud.class);
        let is_behind = !site.behind.is_empty();
        let always = match is_behind {
            true => clouds | Class::CITY_HALL | Class::MONITOR,
            false => Class::ANY,
        };
        let minds_addresses = site.staff || !site.allow_from.is_empty();
        let mut door = Self {
            at_once: Class::NONE,
            always,
            is_open: false,
            is_behind,
            minds_addresses,
            outside_until: None,
            page: page(site),
        };
        door.at_once = door.answered_at_once();
        door
    }

    /// The same door, open or closed to strangers and to the outside.
    #[must_use]
    pub fn set(&self, is_open: bool, outside_until: Option<Timestamp>) -> Self {
        let mut door = Self {
            is_open,
            outside_until,
            ..self.clone()
        };
        door.at_once = door.answered_at_once();
        door
    }

    fn answered_at_once(&self) -> Class {
        match (self.minds_addresses, self.is_open) {
            (true, _) => Class::NONE,
            (false, true) => Class::ANY,
            (false, false) => self.always,
        }
    }

    /// Whether it is open and closed to the same as another door of its site.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        self.is_open == other.is_open && self.outside_until == other.outside_until
    }

    /// Whether strangers are let in directly. A site behind no cloud has no other way.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open || !self.is_behind
    }

    /// Whether readers come through clouds, and how they came is counted.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Until when the outside may reach a site for staff.
    #[must_use]
    pub const fn outside_until(&self) -> Option<Timestamp> {
        self.outside_until
    }

    /// Whether requests over such a connection are answered without a further look.
    #[must_use]
    pub const fn answers_at_once(&self, class: Class) -> bool {
        self.at_once.meets(class)
    }

    /// As what a request is counted that was answered at once.
    #[must_use]
    pub fn counted_as(&self, class: Class) -> Class {
        match class & self.always {
            Class::NONE => Class::STRANGER,
            known => known,
        }
    }

    /// Whether a request is let in, over a connection of that class and of that reader. City hall and
    /// monitors are let in through a cloud, too, that the site is not behind: so a successor is tried
    /// before readers come through it.
    #[must_use]
    pub fn entry(&self, class: Class, reader: Option<IpAddr>, known: &Known) -> Entry {
        if self.always.meets(class) {
            return Entry::As(class & self.always);
        }
        let person = reader.and_then(|reader| known.person(reader.to_canonical()));
        match (person, self.is_open) {
            (Some(person), _) => Entry::As(person),
            (None, true) => Entry::As(Class::STRANGER),
            (None, false) => Entry::Closed,
        }
    }

    /// Whether a reader may reach a site for staff, and whence he comes. An address that is not known
    /// comes from outside.
    #[must_use]
    pub fn access(&self, reader: Option<IpAddr>, known: &Known, now: Timestamp) -> Option<Access> {
        if reader.is_some_and(|reader| known.is_city_hall(reader.to_canonical())) {
            return Some(Access::CityHall);
        }
        let until = self.outside_until?;
        (now < until).then_some(Access::Outside)
    }

    /// The page for who comes directly while it is closed.
    #[must_use]
    pub fn page(&self) -> Bytes {
        self.page.clone()
    }
}

/// Says where the site is to be found. It names the site's own host, never what the request named.
fn page(site: &SiteSettings) -> Bytes {
    if site.behind.is_empty() {
        return Bytes::new();
    }
    let url = escaped(&format!("https://{}/", site.first_host()));
    let name = escaped(&site.look.name);
    Bytes::from(ELSEWHERE.replace("{name}", &name).replace("{url}", &url))
}

#[cfg(test)]
mod tests;
