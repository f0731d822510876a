//! One request: what was asked for by whom and why, and what became of it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::hash::Hash;
use crate::order::{BreakGlassShown, Decision, DecisionShown, Order, RequestShown, RequestState};

/// What people call a request by: the first digits of its digest, so that it is the same on every
/// edge that was asked.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RequestId(String);

/// The text names no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request is named by 12 hexadecimal digits; `yagura request list` shows them")]
pub struct NoRequestId;

impl RequestId {
    /// So many digits: few enough to be read over the telephone.
    pub const DIGITS: usize = 12;

    /// The name of what has this digest.
    #[must_use]
    pub fn of(digest: Hash) -> Self {
        Self(digest.to_string().chars().take(Self::DIGITS).collect())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = NoRequestId;

    fn from_str(text: &str) -> Result<Self, NoRequestId> {
        let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        let usable = text.len() == Self::DIGITS && text.bytes().all(is_hex);
        usable.then(|| Self(text.to_owned())).ok_or(NoRequestId)
    }
}

impl TryFrom<String> for RequestId {
    type Error = NoRequestId;

    fn try_from(text: String) -> Result<Self, NoRequestId> {
        text.parse()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its name.
    pub id: RequestId,
    /// The digest of order, requester and reason.
    pub digest: Hash,
    /// What is to be done.
    pub order: Order,
    /// The operator who asked for it, or `edge NAME`.
    pub requester: String,
    /// What the connection proved of them.
    pub proof: String,
    /// Why.
    pub reason: String,
    /// When.
    pub asked_at: Timestamp,
    /// Until when it can be decided and carried out.
    pub expires_at: Timestamp,
    /// How many have to approve it.
    pub quorum: u8,
    /// The role that they need.
    pub role: String,
    /// What was decided, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decided>,
    /// How it stands.
    pub state: RequestState,
    /// Since when.
    pub since: Timestamp,
    /// The order's number, once it was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// It was carried out without anybody's approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<BreakGlass>,
}

/// What one person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who.
    pub by: String,
    /// What the connection proved of them.
    pub proof: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub decision: Decision,
}

/// An order that was given without approval, because nobody could be reached who may approve it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// How long it stands, unless it was reviewed by then.
    pub until: Timestamp,
    /// Until when it should have been reviewed.
    pub review_by: Timestamp,
    /// What came of the review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<Reviewed>,
}

/// A review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewed {
    /// By whom.
    pub by: String,
    /// What the connection proved of them.
    pub proof: String,
    /// When.
    pub at: Timestamp,
    /// What they found.
    pub note: String,
}

impl Request {
    /// How many have approved it.
    #[must_use]
    pub fn approvals(&self) -> usize {
        let approved = |decided: &&Decided| decided.decision == Decision::Approve;
        self.decisions.iter().filter(approved).count()
    }

    /// Whether so many have as are needed.
    #[must_use]
    pub fn has_quorum(&self) -> bool {
        self.approvals() >= usize::from(self.quorum)
    }

    /// Whether it was carried out without approval, and nobody has reviewed that yet.
    #[must_use]
    pub fn is_to_be_reviewed(&self) -> bool {
        let unreviewed = |it: &BreakGlass| it.reviewed.is_none();
        self.state == RequestState::Done && self.break_glass.as_ref().is_some_and(unreviewed)
    }

    /// What is told of it; `what` is the order in words, `approvers` are those who have the role.
    #[must_use]
    pub fn shown(&self, what: String, approvers: Vec<String>) -> RequestShown {
        let refused = self.decisions.iter().find_map(|it| match &it.decision {
            Decision::Refuse { reason } => Some(reason.clone()),
            Decision::Approve => None,
        });
        let decisions = self.decisions.iter().map(|it| DecisionShown {
            who: format!("{} ({})", it.by, it.proof),
            at: it.at,
            decision: it.decision.clone(),
        });
        RequestShown {
            id: self.id.to_string(),
            digest: self.digest.to_string(),
            what,
            without: Vec::new(),
            order: Box::new(self.order.clone()),
            who: self.requester.clone(),
            proof: self.proof.clone(),
            reason: Some(self.reason.clone()),
            at: self.asked_at,
            expires: self.expires_at,
            quorum: self.quorum,
            role: self.role.clone(),
            approvers,
            decisions: decisions.collect(),
            state: self.state,
            since: self.since,
            number: self.number,
            words: self.failure.clone().or(refused).unwrap_or_default(),
            break_glass: self.break_glass.as_ref().map(|glass| BreakGlassShown {
                until: glass.until,
                review_by: glass.review_by,
                review: glass.reviewed.as_ref().map(|it| {
                    let who = format!("{} ({})", it.by, it.proof);
                    (who, it.at, it.note.clone())
                }),
            }),
        }
    }
}
