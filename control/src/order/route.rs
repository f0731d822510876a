//! How a site is to be answered: what an operator may order, and what an edge tells of it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Most standbys of a site.
pub const MOST_STANDBYS: u8 = 8;

/// An order about the way of a site. It beats what health would decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoute {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// How it is to be answered.
    pub route: Route,
    /// When the order ends by itself; `None`: when another is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A way to answer a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// What health decides: the first upstream that answers, else last-good copies, else the notice.
    Auto,
    /// The site's `origin`, whatever health says.
    Primary,
    /// That entry of the site's `standby`, counted from 1, whatever health says.
    Standby(u8),
    /// Stored responses alone; nobody is asked.
    LastGood,
    /// The notice alone.
    Notice,
}

impl Route {
    /// The way through an upstream, counted from 0: the primary, then the standbys.
    #[must_use]
    pub fn through(upstream: usize) -> Self {
        match u8::try_from(upstream) {
            Ok(0) => Self::Primary,
            Ok(standby) => Self::Standby(standby),
            Err(_) => Self::Standby(u8::MAX),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Primary => f.write_str("primary"),
            Self::Standby(number) => write!(f, "standby {number}"),
            Self::LastGood => f.write_str("last-good"),
            Self::Notice => f.write_str("notice"),
        }
    }
}

/// A word that is no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no route\n  write auto, primary, standby (or standby2, standby3 ...), last-good or notice"
)]
pub struct NoRoute(String);

impl FromStr for Route {
    type Err = NoRoute;

    fn from_str(text: &str) -> Result<Self, NoRoute> {
        match text {
            "auto" => return Ok(Self::Auto),
            "primary" => return Ok(Self::Primary),
            "standby" => return Ok(Self::Standby(1)),
            "last-good" => return Ok(Self::LastGood),
            "notice" => return Ok(Self::Notice),
            _ => {}
        }
        let number = text.strip_prefix("standby");
        let number = number.map(|rest| rest.strip_prefix(['-', ' ']).unwrap_or(rest));
        number
            .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|number| number.parse().ok())
            .filter(|number| (1..=MOST_STANDBYS).contains(number))
            .map(Self::Standby)
            .ok_or_else(|| NoRoute(text.to_owned()))
    }
}

/// How a site is answered, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WayShown {
    /// The way; never [`Route::Auto`].
    pub way: Route,
    /// Why, in words.
    pub because: String,
    /// When the order that says so ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl fmt::Display for WayShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.way, self.because)?;
        match self.until {
            Some(until) => write!(f, ", until {until}"),
            None => Ok(()),
        }
    }
}

/// How an upstream of a site stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpstreamShown {
    /// The route through it.
    pub route: Route,
    /// Where it is.
    pub place: String,
    /// Whether it counts as answering.
    pub up: bool,
    /// Whether it answered when last asked; `None` before the first request.
    pub answered: Option<bool>,
    /// Why it counts as down, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the last check said, in words, where it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn routes_are_read_as_they_are_written() {
        for (text, route) in [
            ("auto", Route::Auto),
            ("standby", Route::Standby(1)),
            ("standby2", Route::Standby(2)),
            ("standby-3", Route::Standby(3)),
            ("standby 8", Route::Standby(8)),
            ("last-good", Route::LastGood),
        ] {
            assert_eq!(text.parse(), Ok(route));
            assert_eq!(route.to_string().parse(), Ok(route));
        }
        for text in [
            "",
            "standby0",
            "standby9",
            "standby+1",
            "standby--1",
            "Auto",
        ] {
            assert!(text.parse::<Route>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_told_so_that_it_reads_the_same(text in "(standby)?[ -]?[0-9+]{0,4}|\\PC{0,12}") {
            if let Ok(route) = text.parse::<Route>() {
                prop_assert_eq!(route.to_string().parse::<Route>(), Ok(route));
            }
        }
    }
}
