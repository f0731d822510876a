//! What an edge is to answer with no longer, and in which of two ways.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Tag;

/// Two ways to stop answering with a stored response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// The stored response is out of date: ask the origin next time, and keep the old copy for
    /// when the origin is down.
    #[serde(default)]
    pub refresh: Vec<Target>,
    /// The stored response must never be shown again, in no mode (a takedown).
    #[serde(default)]
    pub withdraw: Vec<Target>,
}

/// What a purge addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Every response that carries the tag.
    Tag(Tag),
    /// The response at this path and query, percent-encoded, in every variant.
    Path(String),
    /// Every response whose path and query begin with this, percent-encoded, in every variant.
    /// `/kurashi/` is a folder; `/kurashi` is also `/kurashi.html` and `/kurashi-center/`.
    Prefix(String),
    /// Every response of the site.
    Everything,
}
