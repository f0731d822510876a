//! `[waf]` and `waf` of a site: how requests are inspected.

use std::path::PathBuf;
use std::time::Duration;

use super::UnixUser;

/// `[waf]`: the engine, its rules, and how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WafSettings {
    /// libmodsecurity: a path, or a name that the system finds.
    pub library: PathBuf,
    /// The folder `rules` of the Core Rule Set.
    pub rules: PathBuf,
    /// The digest of that folder; `None` takes what is there.
    pub rules_digest: Option<String>,
    /// Files with rules of the operator's own, loaded last.
    pub overrides: Vec<PathBuf>,
    /// The file of exclusions.
    pub exclusions: Option<PathBuf>,
    /// Most workers at a time.
    pub workers: usize,
    /// Most memory of a worker.
    pub memory_bytes: u64,
    /// Where the service manager starts the worker process; `None`: the edge starts it.
    pub socket: Option<PathBuf>,
    /// The user that workers run as; `None`: the edge's own.
    pub user: Option<UnixUser>,
    /// Of a million requests in shadow, how many are inspected.
    pub shadow_per_million: u32,
    /// After so many requests a worker makes room for a new one.
    pub recycle: u64,
    /// How long findings are kept.
    pub keep_findings: Duration,
}

/// `waf` of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WafSetting {
    /// Shadow as long as the security cloud stands in front, on in bypass.
    #[default]
    Auto,
    /// Nothing is inspected.
    Off,
    /// A share is inspected, and nothing refused.
    Shadow,
    /// Everything that goes to the origin is inspected.
    On,
}
