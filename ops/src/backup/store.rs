//! Where a repository's files lie: the few acts that restic's layout needs, for every kind of place.
//!
//! - `folder.rs`: a folder of this machine, written so that a power cut leaves whole files alone.
//! - `rest.rs`: a server that speaks restic's REST; `rclone.rs` starts rclone as such a server, and so
//!   reaches SFTP, S3 and whatever else rclone knows.
//! - `paced.rs`: any of these, no faster than it may be.
//!
//! Every failure is told. A listing that leaves out what could not be read would make a prune remove
//! what is still needed. What is inside the files, the engine alone knows.

pub(crate) mod folder;
pub(crate) mod paced;
pub(crate) mod rclone;
pub(crate) mod rest;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use yagura_config::settings::{PlaceSettings, TargetSettings};

use paced::{Pace, Paced};

/// Kinds of files of restic's layout (restic, "Repository Layout").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The one file `config`; it has no other name.
    Config,
    Key,
    Snapshot,
    Index,
    Pack,
}

impl Kind {
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Key => "keys",
            Self::Snapshot => "snapshots",
            Self::Index => "index",
            Self::Pack => "data",
        }
    }
}

/// One place. Called by threads that may block.
pub(crate) trait Store: Send + Sync {
    /// What it is called in messages; holds no secret.
    fn place(&self) -> String;

    /// Makes the place ready for a repository.
    fn create(&self) -> io::Result<()>;

    /// Names and sizes of every file of a kind.
    fn list(&self, kind: Kind) -> io::Result<Vec<(String, u32)>>;

    /// A file, or `length` bytes from `offset` of it.
    fn read(&self, kind: Kind, name: &str, part: Option<(u32, u32)>) -> io::Result<Bytes>;

    /// Writes a file that is there whole or not at all.
    fn write(&self, kind: Kind, name: &str, content: &[Bytes]) -> io::Result<()>;

    fn remove(&self, kind: Kind, name: &str) -> io::Result<()>;

    /// Removes what a killed process left half written; says how much.
    fn sweep(&self) -> io::Result<usize> {
        Ok(0)
    }
}

/// Opens the place of a target; `repository` is the part below it, `pace` that of the whole target.
pub(crate) fn open(
    target: &TargetSettings,
    repository: &str,
    pace: Option<&Arc<Pace>>,
) -> io::Result<Arc<dyn Store>> {
    let store: Arc<dyn Store> = match &target.place {
        PlaceSettings::Folder(path) => Arc::new(folder::Folder::new(path.join(repository))),
        PlaceSettings::Rest { url, user, trust } => Arc::new(rest::Rest::new(
            &format!("{url}{repository}/"),
            user.as_ref(),
            trust.as_deref(),
        )?),
        PlaceSettings::Rclone { remote, config } => {
            let below = format!("{}/{repository}", remote.trim_end_matches('/'));
            Arc::new(rclone::Rclone::new(below, config.clone()))
        }
    };
    Ok(match pace {
        Some(pace) => Arc::new(Paced::new(store, pace.clone())),
        None => store,
    })
}
