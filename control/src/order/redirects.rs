//! Orders about the table of redirects, and what an edge tells of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Day;
use crate::redirect::{Fault, Redirect};

/// A table of redirects as CSV; see [`crate::redirect::table`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRedirects {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// The CSV text, with its heading line.
    pub csv: String,
    /// Whether redirects that the table lacks are dropped; otherwise they stay.
    #[serde(default)]
    pub replace: bool,
    /// Whether targets off the site are taken that the configuration does not list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_external: bool,
    /// Whether a redirect to an address that is redirected itself leads to the end at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flatten: bool,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportDone {
    /// Redirects that were not there before.
    pub added: usize,
    /// Redirects that now lead elsewhere.
    pub changed: usize,
    /// Redirects dropped (only with `replace`).
    pub removed: usize,
    /// Redirects of the site in force now.
    pub total: usize,
    /// Redirects that lead to the end of a chain at once (only with `flatten`).
    #[serde(default)]
    pub flattened: usize,
    /// What is to be looked at, by line; the first of them when there are very many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Fault>,
    /// Warnings that are left out.
    #[serde(default)]
    pub more_warnings: usize,
}

/// Asks for redirects with how often they were answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowRedirects {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// The one with this source, and its days; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How many to pass over.
    #[serde(default)]
    pub skip: usize,
    /// How many to tell at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Counts of so many days up to today; of all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// Redirects of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedirectsShown {
    /// How many the table has.
    pub total: usize,
    /// The edge's present day.
    pub today: Day,
    /// The first day of which there are counts; `None` when nothing was ever counted, or the edge
    /// keeps nothing on disk.
    pub counted_since: Option<Day>,
    /// Those asked for, in the order of the table.
    pub redirects: Vec<RedirectCounted>,
}

/// A redirect with how often it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RedirectCounted {
    /// It.
    pub redirect: Redirect,
    /// Whether it redirects no longer.
    pub expired: bool,
    /// How often it was answered in the days asked for.
    pub hits: u64,
    /// The last of these days on which it was.
    pub last_used: Option<Day>,
    /// Day by day; told of a single redirect only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_day: Vec<(Day, u64)>,
}

/// Asks what answers at targets of redirects. May ask the origin; changes nothing but what is
/// stored of its pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckTargets {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// Hosts (`None` for any of the site's) and targets, 100 at most.
    pub targets: Vec<(Option<String>, String)>,
}

/// What answers at a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TargetState {
    /// A stored response with this status.
    Stored {
        /// Its status.
        status: u16,
    },
    /// The origin, with this status.
    Answered {
        /// Its status.
        status: u16,
    },
    /// It was withdrawn: 410.
    Withdrawn,
    /// It is redirected on.
    Redirected {
        /// To where.
        to: String,
    },
    /// The URL is of another site.
    Elsewhere,
    /// The origin does not answer now.
    Unknown {
        /// Why.
        why: String,
    },
}
