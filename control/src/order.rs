//! Orders: what an operator, the CMS or a timer asks of an edge, and what the edge replies.
//!
//! An order travels as JSON in `POST /v1/orders` over the edge's control socket or TLS, in an [`Envelope`].
//! Every accepted order that changes something gives the next generation; the reply names it.
//! A refused order changes nothing and comes back as a [`Refusal`] that says what to do.
//!
//! - [`Purge`] in `order/purge.rs`: what is to be answered no longer.
//! - [`SetRoute`] in `order/route.rs`: how a site is to be answered.
//! - [`RaiseNotice`] in `order/notice.rs`: a page in place of a site.
//! - [`RaiseDisaster`] in `order/disaster.rs`: a light page in place of a home page.
//! - [`HistoryLine`] in `order/history.rs`: what was ordered, and taking it back.
//! - [`EdgeStatus`] in `order/status.rs`: how an edge stands.
//! - [`ImportRedirects`], [`ShowRedirects`] and [`CheckTargets`] in `order/redirects.rs`.
//! - [`Ban`] in `order/ban.rs`: networks that are not let in.
//! - [`TakeCertificate`] and [`ShowProofs`] in `order/certificate.rs`: among edges.
//! - [`Upgrade`] in `order/upgrade.rs`: another process is to take over.
//! - [`StartBypass`] and [`StartReturn`] in `order/cloud.rs`: around the security cloud and back.
//! - [`OpenStaff`] in `order/staff.rs`: staff sites from outside.
//! - [`RecordRestore`] in `order/restore.rs`: a restore in place of the CMS's database.
//! - [`Decide`] in `order/approval.rs`: the second person's word.
//! - [`ShowWaf`] in `order/waf.rs`: what inspection of requests found.
//! - [`ShowCache`] and [`CacheStats`] in `order/cache.rs`: what the cache would do, and has done.

mod approval;
mod ban;
mod cache;
mod certificate;
mod cloud;
mod disaster;
mod history;
mod notice;
mod purge;
mod redirects;
mod restore;
mod route;
mod staff;
mod status;
mod upgrade;
mod waf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::hash::Hash;

pub use approval::{
    BreakGlassShown, Decide, Decision, DecisionShown, RequestShown, RequestState, Review,
    WithdrawRequest,
};
pub use ban::{Ban, BanInForce, LiftBan};
pub use cache::{
    AnswerCounts, AnswerShown, Basis, CacheShown, CacheStats, IfOriginFails, Level, NotOnError,
    PurgeShown, RedirectShown, RequestCounts, ShowCache, SiteStats, StoredShown, TrafficShown,
    VaryShown,
};
pub use certificate::{MOST_PROOFS, ProofFile, SecretPem, ShowProofs, TakeCertificate};
pub use cloud::{
    BypassStage, CloudOf, ConfirmDns, Missing, SiteCloudShown, StartBypass, StartReturn,
};
pub use disaster::{
    AddPost, DisasterPost, DisasterShown, DisasterStatus, DropPost, HandedPost, LONGEST_POST_BYTES,
    MOST_POSTS, OLD_AFTER_MS, RaiseDisaster,
};
pub use history::{HistoryLine, IngressEvent, ShowHistory, Undo};
pub use notice::{
    LARGEST_FILE_BYTES, LONGEST_TEXT_BYTES, MOST_FILES, MOST_TEXTS, NoticeFile, NoticeOf,
    NoticeShown, NoticeText, RaiseNotice,
};
pub use purge::{Purge, Target};
pub use redirects::{
    CheckTargets, ImportDone, ImportRedirects, RedirectCounted, RedirectsShown, ShowRedirects,
    TargetState,
};
pub use restore::{RecordRestore, RestoreStage};
pub use route::{MOST_STANDBYS, NoRoute, Route, SetRoute, UpstreamShown, WayShown};
pub use staff::{CloseStaff, OpenStaff};
pub use status::{
    CertificateStatus, DoorStatus, EdgeStatus, HotStatus, JournalStatus, LastGoodStatus,
    OutsideStatus, RenewalFailure, SiteStatus, WarmerStatus,
};
pub use upgrade::{EdgeProcess, Upgrade};
pub use waf::{MOST_FINDINGS, ShowWaf, WafFinding, WafMatch, WafShown, WafSite, WafStatus};

/// An order with who gives it and under which conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// What is to be done.
    pub order: Order,
    /// What the sender calls itself. Who gives the order is what the connection proves; the edge
    /// keeps this beside it where it says something else.
    #[serde(default)]
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

impl Envelope {
    /// An order with nothing beside it but what its sender calls itself.
    #[must_use]
    pub fn of(order: Order, who: &str) -> Self {
        Self {
            order,
            who: who.to_owned(),
            reason: None,
            if_generation: None,
            dry_run: false,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Tell redirects with how often they were answered. Changes nothing.
    ShowRedirects(ShowRedirects),
    /// Tell what answers at targets of redirects. Changes no routing.
    CheckTargets(CheckTargets),
    /// Take over a table of redirects.
    ImportRedirects(ImportRedirects),
    /// Read the configuration file again.
    Reload,
    /// Answer a site in another way. See [`SetRoute`].
    Route(SetRoute),
    /// Show a notice in place of a site.
    RaiseNotice(RaiseNotice),
    /// Show the site again in place of its notice.
    LowerNotice(NoticeOf),
    /// Show the disaster page in place of a site's home page.
    RaiseDisaster(RaiseDisaster),
    /// Add a post to it.
    AddPost(AddPost),
    /// Take a post off it.
    DropPost(DropPost),
    /// Show the home page again.
    LowerDisaster(NoticeOf),
    /// Tell the disaster page of a site. Changes nothing.
    ShowDisaster(NoticeOf),
    /// Tell the notice of a site. Changes nothing.
    ShowNotice(NoticeOf),
    /// Tell what was ordered. Changes nothing.
    ShowHistory(ShowHistory),
    /// Take back an order.
    Undo(Undo),
    /// Let nobody in from a network.
    Ban(Ban),
    /// Let them in again.
    LiftBan(LiftBan),
    /// Tell which bans are in force. Changes nothing.
    Bans,
    /// Tell what inspection of requests found. Changes nothing.
    ShowWaf(ShowWaf),
    /// Have another process take over. See [`Upgrade`].
    Upgrade(Upgrade),
    /// Keep and serve a certificate that another edge holds. See [`TakeCertificate`].
    TakeCertificate(TakeCertificate),
    /// Show proofs to an authority for another edge. See [`ShowProofs`].
    ShowProofs(ShowProofs),
    /// Publish a site directly, without its security cloud. See [`StartBypass`].
    Bypass(StartBypass),
    /// Go back behind a cloud. See [`StartReturn`].
    Return(StartReturn),
    /// Give up a bypass that is not reached yet: back behind the cloud, in the right order.
    AbortBypass(CloudOf),
    /// Say that the DNS was changed by hand. See [`ConfirmDns`].
    ConfirmDns(ConfirmDns),
    /// Tell how sites stand towards their clouds, and what a switch now would mean. Changes nothing.
    CloudStatus,
    /// Admit everybody to a staff site. See [`OpenStaff`].
    OpenStaff(OpenStaff),
    /// Admit city hall alone again.
    CloseStaff(CloseStaff),
    /// Note a restore in place of the CMS's database. See [`RecordRestore`].
    RecordRestore(RecordRestore),
    /// Tell which requests there are. Changes nothing.
    ShowRequests,
    /// Approve or refuse a request. See [`Decide`].
    Decide(Decide),
    /// Take back a request of one's own.
    WithdrawRequest(WithdrawRequest),
    /// Say what was found about something done without a second person. See [`Review`].
    Review(Review),
}

impl Order {
    /// Whether the order leaves the edge as it was.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::ShowCache(_)
                | Self::CacheStats
                | Self::ShowHistory(_)
                | Self::ShowNotice(_)
                | Self::ShowDisaster(_)
                | Self::ShowRedirects(_)
                | Self::CheckTargets(_)
                | Self::Bans
                | Self::CloudStatus
                | Self::ShowRequests
                | Self::ShowWaf(_)
        )
    }
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Answer to [`Order::Status`].
    Status(Box<EdgeStatus>),
    /// Answer to [`Order::ShowCache`].
    CacheShown(Box<CacheShown>),
    /// Answer to [`Order::CacheStats`].
    CacheStats(Box<CacheStats>),
    /// Answer to [`Order::ShowHistory`], oldest first.
    History {
        /// What happened.
        lines: Vec<HistoryLine>,
    },
    /// Answer to [`Order::Purge`]: how many targets are now purged.
    Purged {
        /// Targets to be asked anew.
        refreshed: usize,
        /// Targets never to be shown again.
        withdrawn: usize,
    },
    /// Answer to [`Order::ImportRedirects`].
    RedirectsImported(ImportDone),
    /// Answer to [`Order::ShowRedirects`].
    RedirectsShown(Box<RedirectsShown>),
    /// Answer to [`Order::CheckTargets`], in the order asked.
    TargetsChecked {
        /// What answers.
        states: Vec<TargetState>,
    },
    /// Answer to [`Order::ShowNotice`]; none when none is up.
    Notice {
        /// The notice in force.
        shown: Option<Box<NoticeShown>>,
    },
    /// Answer to [`Order::ShowDisaster`]; none when none is up.
    Disaster {
        /// The page in force.
        shown: Option<Box<DisasterShown>>,
    },
    /// Answer to [`Order::RaiseDisaster`], [`Order::LowerDisaster`], [`Order::AddPost`] and
    /// [`Order::DropPost`].
    DisasterChanged {
        /// The site.
        site: String,
        /// How it stands now; none when the home page is shown.
        status: Option<DisasterStatus>,
        /// The largest of its pages, in bytes.
        bytes: usize,
    },
    /// Answer to [`Order::Route`], [`Order::RaiseNotice`] and [`Order::LowerNotice`].
    Routed {
        /// The site.
        site: String,
        /// How it was answered.
        before: WayShown,
        /// How it is answered now.
        after: WayShown,
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
    /// Answer to [`Order::ShowWaf`].
    Waf(Box<WafShown>),
    /// Answer to [`Order::Upgrade`]: the new process answers readers and takes orders now.
    Upgraded {
        /// Who did until now; it ends when its readers are done.
        from: EdgeProcess,
        /// Who does now.
        to: EdgeProcess,
    },
    /// Answer to [`Order::TakeCertificate`].
    CertificateTaken {
        /// Its name.
        name: String,
        /// The version that it is kept as; the present one where that is the same certificate.
        version: u32,
    },
    /// Answer to [`Order::ShowProofs`].
    ProofsShown {
        /// How many are shown for other edges now.
        total: usize,
    },
    /// Answer to an order that needs a second person: it waits for one.
    Requested {
        /// The request.
        request: Box<RequestShown>,
    },
    /// Answer to [`Order::ShowRequests`], the newest last.
    Requests {
        /// Those that are remembered.
        requests: Vec<RequestShown>,
    },
    /// Answer to [`Order::Decide`], [`Order::WithdrawRequest`] and [`Order::Review`].
    Decided {
        /// How the request stands now.
        request: Box<RequestShown>,
        /// The head of the journal after it, to be written down elsewhere; none where none is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<Hash>,
    },
    /// Answer to [`Order::CloudStatus`].
    CloudShown {
        /// Sites that are behind a cloud.
        sites: Vec<SiteCloudShown>,
    },
    /// Answer to [`Order::Bypass`], [`Order::Return`], [`Order::AbortBypass`] and
    /// [`Order::ConfirmDns`].
    CloudChanged {
        /// The site.
        site: String,
        /// How far it is now; the edge goes on by itself.
        stage: BypassStage,
    },
    /// Answer to [`Order::OpenStaff`] and [`Order::CloseStaff`].
    StaffAdmitted {
        /// The site.
        site: String,
        /// Until when everybody is admitted; none: city hall alone.
        outside_until: Option<Timestamp>,
    },
    /// Answer to [`Order::RecordRestore`].
    RestoreRecorded {
        /// What was noted, in words.
        what: String,
    },
    /// Answer to [`Order::Reload`].
    Reloaded {
        /// Settings that differ but take effect only at a restart, by key.
        needs_restart: Vec<String>,
    },
}

/// An order that was not carried out; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The sender is no operator of the edge, or lacks the role.
    Forbidden,
    /// Another process is taking over just now; the order can be given again in a moment.
    Upgrading,
    /// The new process did not get ready; the edge goes on as it was.
    NotUpgraded,
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
