//! What is in the journal, one record a line. What records make of a plan stands in `replay.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;
use yagura_control::approval::{RequestId, Requests, Step};
use yagura_control::order::{BanInForce, BypassStage, IngressEvent, Order};
use yagura_control::redirect::Redirect;

use super::history::{Change, History};
use super::intent::Intents;
use crate::bypass::stage::Ingress;
use crate::cache::PurgeTable;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// An order that was carried out.
    Order {
        /// The generation it made.
        generation: u64,
        /// When.
        at: Timestamp,
        /// Who gave it, as told, and as the socket proves.
        who: String,
        /// Why, as told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What.
        order: Order,
        /// What it changed, in words; records of older versions lack it.
        #[serde(default)]
        change: Change,
        /// The order that this one takes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<u64>,
        /// The request that it was carried out for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<RequestId>,
        /// What is kept of a site's bypass after it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ingress: Option<Box<Ingress>>,
    },
    /// A site went a step on its way around its cloud, or back.
    Ingress {
        /// Which site.
        site: String,
        /// When.
        at: Timestamp,
        /// Where it was, and where it is.
        from: BypassStage,
        /// The same.
        to: BypassStage,
        /// Why, in words.
        why: String,
        /// What was seen, a line each: what servers held, what doors said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<String>,
        /// What is kept.
        kept: Box<Ingress>,
    },
    /// Something happened to a request.
    Approval {
        /// What.
        step: Step,
    },
    /// A site's way moved without an order.
    Move {
        /// When.
        at: Timestamp,
        /// By what: health or time.
        by: String,
        /// Which site.
        site: String,
        /// How it was, and how it is.
        change: Change,
    },
    /// A path to a site works no longer, or works again.
    Path {
        /// When it was known.
        at: Timestamp,
        /// Which site.
        site: String,
        /// What was seen.
        seen: IngressEvent,
    },
    /// The CMS took posts of a disaster page.
    HandedOver {
        /// When.
        at: Timestamp,
        /// Of which site.
        site: String,
        /// Their numbers.
        posts: Vec<u64>,
    },
    /// Everything before, summed up.
    Snapshot {
        /// The generation it stands for.
        generation: u64,
        /// When.
        at: Timestamp,
        /// Redirects by site.
        redirects: BTreeMap<String, Vec<Redirect>>,
        /// Purges in force.
        purges: PurgeTable,
        /// What operators want.
        #[serde(default)]
        intents: Intents,
        /// What happened before.
        #[serde(default)]
        history: History,
        /// Bans in force.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        bans: Vec<BanInForce>,
        /// Requests, those that are over as well.
        #[serde(default)]
        requests: Requests,
    },
}

impl Record {
    /// The generation that it made; what nobody ordered makes none.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        match self {
            Self::Order { generation, .. } | Self::Snapshot { generation, .. } => *generation,
            Self::Move { .. }
            | Self::Ingress { .. }
            | Self::Path { .. }
            | Self::HandedOver { .. }
            | Self::Approval { .. } => 0,
        }
    }
}
