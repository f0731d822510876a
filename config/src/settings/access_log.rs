//! `[edge.access_log]`: what is written of each request, and how long it is kept.

use std::path::PathBuf;
use std::time::Duration;

/// Where the access log is, what it says, and when its files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLogSettings {
    /// The file that is written now.
    pub file: PathBuf,
    /// What is written of a reader's address.
    pub addresses: AddressPolicy,
    /// What is written of a query.
    pub query: QueryPolicy,
    /// Parameters whose values are written where only names are.
    pub query_values: Vec<String>,
    /// Beginnings of paths of which nothing further is written.
    pub hide_below: Vec<String>,
    /// When a new file begins; `None` leaves that to another program, which then sends SIGHUP.
    pub rotation: Option<RotationSettings>,
}

/// When a new file begins, besides at midnight in Japan, and when old ones go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationSettings {
    /// A file of this many bytes is full.
    pub at_bytes: u64,
    /// Most files beside the one being written.
    pub keep_files: usize,
    /// How long a file is kept after its last line.
    pub keep: Duration,
}

/// What is written of a reader's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressPolicy {
    /// All of it.
    Full,
    /// Its network: 24 bits of IPv4, 48 of IPv6.
    #[default]
    Truncated,
    /// A name for it that is good for one day and cannot be undone after it.
    Hashed,
    /// Nothing.
    Omitted,
}

/// What is written of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueryPolicy {
    /// All of it.
    Full,
    /// Names of parameters, without their values.
    #[default]
    Names,
    /// Nothing.
    Omitted,
}

impl AccessLogSettings {
    /// A log in this file, with what holds for everything that is left out.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            addresses: AddressPolicy::default(),
            query: QueryPolicy::default(),
            query_values: Vec::new(),
            hide_below: Vec::new(),
            rotation: Some(RotationSettings::default()),
        }
    }
}

impl Default for RotationSettings {
    fn default() -> Self {
        Self {
            at_bytes: 256 << 20,
            keep_files: 100,
            keep: Duration::from_secs(30 * 86_400),
        }
    }
}
