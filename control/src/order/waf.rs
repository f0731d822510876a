//! What an edge's WAF found, and how it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Most findings that are told at a time.
pub const MOST_FINDINGS: usize = 2_000;

/// Tell what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowWaf {
    /// Of one request alone, by its name (`X-Request-Id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Of one site alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Only what came since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// How the WAF is, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WafShown {
    /// How it is; none where there is none.
    pub status: Option<WafStatus>,
    /// What it found that is still known, the newest first.
    pub findings: Vec<WafFinding>,
}

/// How the WAF is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WafStatus {
    /// Whether the rules are loaded and every canary is judged as it must be.
    pub ready: bool,
    /// The same in words: what is loaded, or what is missing.
    pub says: String,
    /// What somebody should look at although it works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Most workers at a time.
    pub workers: usize,
    /// Workers that are at a request now.
    pub busy: usize,
    /// Verdicts of the rules since the start.
    pub verdicts: u64,
    /// CPU time that they took, in microseconds.
    pub cpu_us: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that were told to come back, because there was no worker.
    pub postponed: u64,
    /// Requests in shadow that would have been refused.
    pub shadow_findings: u64,
    /// Workers that a deadline ended.
    pub deadlines: u64,
    /// Workers that were ended because of a forbidden call of the system.
    #[serde(default)]
    pub forbidden: u64,
    /// Workers that were lost in another way.
    pub lost: u64,
    /// Workers that made room for new ones.
    pub recycled: u64,
    /// What holds for each site.
    pub sites: Vec<WafSite>,
}

/// What holds for a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WafSite {
    /// Its name.
    pub site: String,
    /// `off`, `shadow` or `on`.
    pub mode: String,
}

/// What was found about one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WafFinding {
    /// The request's name.
    pub request: String,
    /// When it came.
    pub at: Timestamp,
    /// For which site.
    pub site: String,
    /// `shadow` or `on`.
    pub mode: String,
    /// `attack`, the bound that it is over, `deadline`, `deadly`, `busy` or `no_worker`.
    pub found: String,
    /// What was done: `pass`, `refuse` or `later`.
    pub done: String,
    /// Its method.
    pub method: String,
    /// Its path, as far as the access log may tell it; never its query.
    pub path: String,
    /// The rules that matched.
    pub rules: Vec<WafMatch>,
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct WafMatch {
    /// The rule's number.
    pub rule: u32,
    /// The name of what it matched, such as `ARGS:q`; never what stood there.
    pub at: String,
    /// What the rule looks for.
    pub says: String,
}
