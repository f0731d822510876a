//! One redirect of the table for printed codes and legacy URLs.
//!
//! - [`pattern`]: sources that stand for many addresses.
//! - [`template`]: targets, with what patterns capture.
//! - [`table`]: the table as CSV, with the columns and every fault with its line.
//! - [`cells`]: how one cell of it is read.
//! - [`csv_rows`]: what is CSV, as spreadsheets write it.
//! - [`escapes`]: percent-encoded bytes in one spelling.
//! - [`text`]: bytes of a file to text: UTF-8, UTF-16 or Shift_JIS.
//!
//! How a table is looked up, and what an import checks of it, is the edge's.

pub mod cells;
pub mod csv_rows;
pub mod escapes;
pub mod pattern;
pub mod table;
pub mod template;
pub mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::day::Day;

pub use pattern::Pattern;
pub use table::{Fault, Row, parse_csv, read, to_csv};
pub use template::Template;

/// The longest `from` or `to`, in bytes.
pub const MAX_URL_BYTES: usize = 2048;
/// How often a target may take what was captured: each time a request's own bytes are written again.
pub const MAX_CAPTURES_OF_TARGET: usize = 8;
/// The longest text of any other cell, in bytes.
pub const MAX_TEXT_BYTES: usize = 2048;
/// Most redirects of a table.
pub const MAX_REDIRECTS: usize = 500_000;
/// Most of them that are patterns: a request may be compared with all of them.
pub const MAX_PATTERNS: usize = 1_000;

/// One redirect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redirect {
    /// The host it belongs to, lower case without port; every host of the site when `None`.
    pub host: Option<String>,
    /// Path and query as requested, percent-encoded, compared exactly; or a [`Pattern`].
    pub path: String,
    /// Where it leads: an absolute path or an http(s) URL, with what the pattern captured.
    pub to: String,
    /// 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).
    pub status: u16,
    /// Whether what of the query is no part of the source goes to the target too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_query: bool,
    /// The last day on which it redirects; for ever when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The department that answers for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub department: String,
    /// On what it was printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub printed: String,
    /// How many were printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<u32>,
    /// What else is to be known of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Redirect {
    /// A permanent redirect with nothing else to be said of it.
    #[must_use]
    pub fn new(path: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            to: to.into(),
            status: 301,
            ..Self::default()
        }
    }

    /// The source as the table writes it; no two of a table are the same.
    #[must_use]
    pub fn source(&self) -> String {
        source(self.host.as_deref(), &self.path)
    }
}

/// A source as the table writes it.
#[must_use]
pub fn source(host: Option<&str>, path: &str) -> String {
    match host {
        Some(host) => format!("https://{host}{path}"),
        None => path.to_owned(),
    }
}
