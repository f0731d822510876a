//! What an edge was ordered, and what moved by itself: who, when, why, before and after.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A question for what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowHistory {
    /// Only what concerns this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// At most so many lines, the newest.
    pub last: usize,
}

/// An order that takes back another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// The number of the order to be taken back: the generation that it made.
    pub number: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryLine {
    /// The order's number, which is the generation that it made; `None` for what moved without one.
    pub number: Option<u64>,
    /// When.
    pub at: Timestamp,
    /// Who ordered it; `health` or `time` for what moved by itself.
    pub who: String,
    /// Why, as told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The site it concerns; `None`: the whole edge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// What was ordered, in words.
    pub what: String,
    /// How it was before, in words.
    pub before: String,
    /// How it was afterwards, in words.
    pub after: String,
    /// The order that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// The request that it is about, or that it was carried out for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}
