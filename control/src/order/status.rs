//! How an edge stands, as it tells it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BypassStage, DisasterStatus, UpstreamShown, WafStatus, WayShown};
use crate::Timestamp;
use crate::hash::Hash;

/// How an edge stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeStatus {
    /// The program's version.
    pub version: String,
    /// The process's number.
    #[serde(default)]
    pub pid: u32,
    /// Since when the process runs.
    pub started_at: Timestamp,
    /// Addresses it listens on.
    pub listeners: Vec<String>,
    /// One entry a site.
    pub sites: Vec<SiteStatus>,
    /// The hot cache.
    pub hot: HotStatus,
    /// The last-good store; none when the configuration gives it no folder.
    pub last_good: Option<LastGoodStatus>,
    /// What of the edge itself needs somebody, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How requests are inspected; none where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waf: Option<WafStatus>,
    /// The certificates that readers are shown; empty where no TLS is spoken.
    #[serde(default)]
    pub certificates: Vec<CertificateStatus>,
    /// The journal; none where none is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalStatus>,
}

/// How far the journal is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JournalStatus {
    /// The hash of its newest line, which covers all before it. Written down elsewhere it proves later
    /// that nothing was changed: `yagura audit verify --head`.
    pub head: Hash,
    /// Its lines.
    pub lines: u64,
    /// The number that the file will be kept under once it is full.
    pub file: u32,
}

/// How one certificate stands at an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateStatus {
    /// Its name in the configuration; `local` for the local authority's.
    pub name: String,
    /// The names in what is served; empty when only the local authority's is there.
    pub names: Vec<String>,
    /// SHA-256 of what is served, as hexadecimal digits.
    #[serde(default)]
    pub sha256: String,
    /// Until when what is served is valid.
    pub not_after: Option<Timestamp>,
    /// The number of the version that is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Where it comes from, in words.
    pub source: String,
    /// Why it is not what it should be; none when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// The newest failure since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RenewalFailure>,
    /// How many orders have failed altogether.
    #[serde(default)]
    pub failures: u64,
    /// When it is ordered next; none when it is installed by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
}

/// Why an authority issued nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RenewalFailure {
    /// Which.
    pub authority: String,
    /// When.
    pub at: Timestamp,
    /// Its own words.
    pub words: String,
    /// What to do.
    pub advice: String,
}

/// How one site stands at an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SiteStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Host names it answers for.
    pub hosts: Vec<String>,
    /// Whether the origin answered when last asked; `None` before the first request.
    pub origin_up: Option<bool>,
    /// How it is answered, and why.
    pub way: WayShown,
    /// Its door, where it is behind clouds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<DoorStatus>,
    /// The outside, where it is admitted to a site for staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<OutsideStatus>,
    /// The disaster page in place of its home page, where one is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disaster: Option<DisasterStatus>,
    /// Its upstreams, the primary first.
    pub upstreams: Vec<UpstreamShown>,
    /// Redirects in force.
    pub redirects: usize,
    /// How far the warmer is; `None` where neither feed nor sitemap is configured.
    pub warmer: Option<WarmerStatus>,
}

/// Whether readers may come directly to a site that is behind clouds, and how they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoorStatus {
    /// The clouds that it is behind.
    pub behind: Vec<String>,
    /// Whether strangers are let in directly.
    pub open: bool,
    /// How far it is on its way around the cloud.
    pub stage: BypassStage,
    /// Requests of strangers that came directly and were let in within the last minute.
    pub direct_last_minute: u64,
    /// When the last of them came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_last_at: Option<Timestamp>,
    /// Requests that were not let in since the start.
    pub refused: u64,
}

/// The outside admitted to a site for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutsideStatus {
    /// Until when.
    pub until: Timestamp,
    /// Since when.
    pub since: Timestamp,
    /// Who ordered it.
    pub who: String,
    /// Why, as told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far a warmer has followed the change feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WarmerStatus {
    /// The sequence number up to which every change is held durably; before a sitemap, how many of
    /// its URLs are held as it says.
    pub position: u64,
    /// The CMS's newest sequence number, as last heard; before a sitemap, how many URLs it lists.
    pub head: u64,
    /// Whether every public URL was held when last heard from the CMS or the sitemap.
    pub complete: bool,
    /// URLs that could not be fetched and will be tried again.
    pub failing: u64,
    /// Until when the origin, which failed, is left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Timestamp>,
}

/// What the hot cache holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HotStatus {
    /// Stored responses.
    pub entries: u64,
    /// Their size in memory.
    pub bytes: u64,
    /// The most it may hold.
    pub capacity_bytes: u64,
    /// Responses that made room for others since the start.
    #[serde(default)]
    pub evictions: u64,
}

/// What the last-good store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastGoodStatus {
    /// Stored responses.
    pub entries: u64,
    /// Their size on disk.
    pub bytes: u64,
    /// The most it may hold.
    #[serde(default)]
    pub quota_bytes: u64,
    /// Entries found damaged since the start, dropped and fetched anew.
    pub damaged: u64,
    /// Why it takes nothing new, when it does not (a full or read-only disk).
    pub degraded: Option<String>,
}
