//! The order that has an edge replaced by the program now on disk.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A new process is to take over the edge's sockets, and this one to end once its readers are done.
/// Not journalled: it changes nothing that the journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// The program; none for the file that the running edge was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<PathBuf>,
}

/// A process of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeProcess {
    /// The program's version.
    pub version: String,
    /// Its process number.
    pub pid: u32,
}
