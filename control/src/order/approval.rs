//! Orders that need a second person: requests, decisions, reviews. The rules stand in
//! [`crate::approval`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Order;
use crate::Timestamp;

/// An order about a request: approve or refuse it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// The request's id.
    pub request: String,
    /// The digest of what the approver was shown. Another one means that it is another request.
    pub digest: String,
    /// What is decided.
    pub decision: Decision,
}

/// What an approver says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Decision {
    /// It is to be carried out.
    Approve,
    /// It is not.
    Refuse {
        /// Why, in the approver's words.
        reason: String,
    },
}

/// An order about a request of one's own: nobody is to decide it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// The request's id.
    pub request: String,
}

/// An order about what was done without a second person: an approver has looked at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The request's id.
    pub request: String,
    /// What was found, in the approver's words.
    pub finding: String,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// It waits for decisions.
    Waiting,
    /// Enough approved it; the order is about to be carried out.
    Approved,
    /// An approver refused it.
    Refused,
    /// Nobody decided in time, or the edge was down until it was too late to carry it out.
    Expired,
    /// Who made it took it back.
    Withdrawn,
    /// Enough approved it, and it was carried out.
    Done,
    /// Enough approved it, and the order was then refused by the edge.
    Failed,
}

impl RequestState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Approved,
        Self::Refused,
        Self::Expired,
        Self::Withdrawn,
        Self::Done,
        Self::Failed,
    ];

    /// Whether something is still to come of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Approved)
    }

    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionShown {
    /// Who.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub decision: Decision,
}

/// What was done without a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreakGlassShown {
    /// When it ends unless somebody approves it after the fact.
    pub until: Timestamp,
    /// Until when it should have been reviewed.
    pub review_by: Timestamp,
    /// Who looked at it, when, and what was found; none while nobody did.
    pub review: Option<(String, Timestamp, String)>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestShown {
    /// By which it is named: the first digits of its digest.
    pub id: String,
    /// BLAKE3 of what is asked, by whom and why, in hexadecimal digits.
    pub digest: String,
    /// The order in words.
    pub what: String,
    /// What it goes without by decision of the edge's configuration, each with its reason. Not part of
    /// the digest: edges differ in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// The order that is carried out when enough approve.
    pub order: Box<Order>,
    /// Who asks.
    pub who: String,
    /// What their connection proved.
    pub proof: String,
    /// Why, as told.
    pub reason: Option<String>,
    /// When it was asked.
    pub at: Timestamp,
    /// Until when it can be approved.
    pub expires: Timestamp,
    /// How many must approve.
    pub quorum: u8,
    /// The role that they need.
    pub role: String,
    /// The operators of the edge who have it and did not ask.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// The decisions so far.
    pub decisions: Vec<DecisionShown>,
    /// How it stands.
    pub state: RequestState,
    /// Since when.
    pub since: Timestamp,
    /// The order's number, once it was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Words to that: why it failed, or why it was refused.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// Present where it was done without a second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlassShown>,
}
