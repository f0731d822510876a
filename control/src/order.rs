//! Orders: what an operator, the CMS or a timer asks of an edge, and what the edge replies.
//!
//! An order travels as JSON in `POST /orders` over the edge's control socket, in an [`Envelope`].
//! Every accepted order that changes something gives the next generation; the reply names it.
//! A refused order changes nothing and comes back as a [`Refusal`] that says what to do.
//!
//! - [`Purge`] in `order/purge.rs`: what is to be answered no longer.
//! - [`EdgeStatus`] in `order/status.rs`: how an edge stands.
//! - [`Ban`] in `order/ban.rs`: networks that are not let in.
//! - [`ShowCache`] and [`CacheStats`] in `order/cache.rs`: what the cache would do, and has done.

mod ban;
mod cache;
mod purge;
mod status;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

pub use ban::{Ban, BanInForce, LiftBan};
pub use cache::{
    AnswerShown, Basis, CacheShown, CacheStats, IfOriginFails, Level, NotOnError, PurgeShown,
    RedirectShown, RequestCounts, ShowCache, SiteStats, StoredShown, VaryShown,
};
pub use purge::{Purge, Target};
pub use status::{EdgeStatus, HotStatus, LastGoodStatus, SiteStatus, WarmerStatus};

/// An order with who gives it and under which conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// What is to be done.
    pub order: Order,
    /// Who gives it, as the sender says; the edge adds what the socket proves.
    pub who: String,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Refuse the order unless the edge is at this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_generation: Option<u64>,
    /// Answer what would change, and change nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Tell how the edge stands. Changes nothing.
    Status,
    /// Tell what would become of a request now, and why. Changes nothing.
    ShowCache(ShowCache),
    /// Tell what the cache has done since the start. Changes nothing.
    CacheStats,
    /// Stop answering with stored responses. See [`Purge`].
    Purge(Purge),
    /// Take over a table of redirects.
    ImportRedirects(ImportRedirects),
    /// Read the configuration file again.
    Reload,
    /// Let nobody in from a network.
    Ban(Ban),
    /// Let them in again.
    LiftBan(LiftBan),
    /// Tell which bans are in force. Changes nothing.
    Bans,
}

impl Order {
    /// Whether the order leaves the edge as it was.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        matches!(
            self,
            Self::Status | Self::ShowCache(_) | Self::CacheStats | Self::Bans
        )
    }
}

/// A table of redirects as CSV; see [`crate::redirect`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRedirects {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// The CSV text, with its heading line.
    pub csv: String,
    /// Whether redirects that the table lacks are dropped; otherwise they stay.
    #[serde(default)]
    pub replace: bool,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The edge's name in its configuration.
    pub edge: String,
    /// The generation in force after the order.
    pub generation: u64,
    /// From when on readers see the effect.
    pub effective_at: Timestamp,
    /// What the order did, or would do when it was a dry run.
    pub outcome: Outcome,
}

/// What an order did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Answer to [`Order::Status`].
    Status(Box<EdgeStatus>),
    /// Answer to [`Order::ShowCache`].
    CacheShown(Box<CacheShown>),
    /// Answer to [`Order::CacheStats`].
    CacheStats(Box<CacheStats>),
    /// Answer to [`Order::Purge`]: how many targets are now purged.
    Purged {
        /// Targets to be asked anew.
        refreshed: usize,
        /// Targets never to be shown again.
        withdrawn: usize,
    },
    /// Answer to [`Order::ImportRedirects`].
    RedirectsImported {
        /// Redirects that were not there before.
        added: usize,
        /// Redirects that now lead elsewhere.
        changed: usize,
        /// Redirects dropped (only with `replace`).
        removed: usize,
        /// Redirects of the site in force now.
        total: usize,
    },
    /// Answer to [`Order::Ban`] and [`Order::LiftBan`]: how many are in force now.
    BansChanged {
        /// Bans in force.
        total: usize,
    },
    /// Answer to [`Order::Bans`].
    Bans {
        /// Those in force.
        bans: Vec<BanInForce>,
    },
    /// Answer to [`Order::Reload`].
    Reloaded {
        /// Settings that differ but take effect only at a restart, by key.
        needs_restart: Vec<String>,
    },
}

/// An order that was not carried out; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}\n  {hint}")]
pub struct Refusal {
    /// A short, stable word for machines.
    pub code: RefusalCode,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Why an order was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The request is no order.
    Malformed,
    /// The order names a site that is not configured.
    UnknownSite,
    /// The edge is at another generation than the order expects.
    StaleGeneration,
    /// The order's contents have faults.
    Invalid,
    /// The order could not be written to the journal.
    NotDurable,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tag;

    #[test]
    fn an_order_reads_as_the_protocol_says() {
        let envelope = Envelope {
            order: Order::Purge(Purge {
                site: "town".into(),
                refresh: vec![Target::Tag(Tag::new("page-1").unwrap()), Target::Everything],
                withdraw: vec![Target::Path("/a".into()), Target::Prefix("/b/".into())],
            }),
            who: "cms".into(),
            reason: None,
            if_generation: None,
            dry_run: false,
        };
        let json = serde_json::to_string(&envelope).unwrap();
        assert_eq!(
            json,
            r#"{"order":{"kind":"purge","site":"town","refresh":[{"tag":"page-1"},"everything"],"withdraw":[{"path":"/a"},{"prefix":"/b/"}]},"who":"cms"}"#
        );
        assert_eq!(serde_json::from_str::<Envelope>(&json).unwrap(), envelope);
    }

    #[test]
    fn an_unknown_word_is_refused() {
        let json = r#"{"order":{"kind":"status"},"who":"x","force":true}"#;
        assert!(serde_json::from_str::<Envelope>(json).is_err());
    }
}
