//! What an edge was ordered, and what moved by itself: who, when, why, before and after.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::BypassStage;
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
    /// What it was on the way around a security cloud, for reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressEvent>,
}

/// Something that happened on a site's way around its security cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum IngressEvent {
    /// The site went on to another stage.
    Stage {
        /// Where it was.
        from: BypassStage,
        /// Where it is.
        to: BypassStage,
        /// Why, and what was seen or changed, in words.
        why: String,
    },
    /// Somebody gave up a bypass.
    Aborted,
    /// Somebody said that the DNS was changed by hand.
    DnsConfirmed {
        /// Their words.
        note: String,
    },
    /// A path to the site works no longer, or works again.
    Path {
        /// Through which cloud; left out: the direct path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cloud: Option<String>,
        /// Whether it works now.
        works: bool,
        /// Since when: that is known only a few answers later.
        since: Timestamp,
        /// Why it does not, in words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
}
