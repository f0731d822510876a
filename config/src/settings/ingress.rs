//! `[ingress]` and `[[hook]]`: who is admitted where readers are not, how the ways to a site are
//! watched, and who is told.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// `[ingress]`. All of it may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressSettings {
    /// City hall's own addresses: admitted always, and alone admitted to staff sites.
    pub city_hall: Vec<IpNet>,
    /// Addresses of monitors: admitted to public sites always. The other edges are among them.
    pub monitors: Vec<IpNet>,
    /// So long a cloud's path fails, with the direct one sound, until the edge proposes the bypass.
    pub propose_after: Duration,
    /// So long the cloud's path holds until the edge proposes the return.
    pub return_after: Duration,
    /// How often both paths are asked.
    pub probe_interval: Duration,
    /// How long an answer is waited for.
    pub probe_timeout: Duration,
    /// PEM file of the authorities that probes believe; `None`: those that browsers believe.
    pub trust: Option<PathBuf>,
    /// How long what was done without a second person stands before the edge goes back by itself.
    pub break_glass_limit: Duration,
}

impl Default for IngressSettings {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            city_hall: Vec::new(),
            monitors: Vec::new(),
            propose_after: minutes(3),
            return_after: minutes(30),
            probe_interval: Duration::from_secs(10),
            probe_timeout: Duration::from_secs(5),
            trust: None,
            break_glass_limit: minutes(240),
        }
    }
}

/// `[[hook]]`: somebody who is told what must not go unnoticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSettings {
    /// What it is called in logs and figures.
    pub name: String,
    /// How it is told.
    pub way: HookWay,
}

/// `command` or `webhook`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookWay {
    /// A program with its arguments; it gets the announcement as JSON on its standard input.
    Command(Vec<String>),
    /// A URL to which the announcement is posted as JSON.
    Webhook {
        /// The URL.
        url: String,
        /// A field to be sent with it, and the file that holds its value.
        secret: Option<(String, PathBuf)>,
        /// The authorities that are believed about the server; `None`: the system's.
        trust: Option<PathBuf>,
    },
}
