//! What a backup engine does, as a small trait; the one that does it is `engine/rustic.rs`.
//!
//! - `source.rs`: what is to be kept, as entries with a way to read each.
//! - `gate.rs`: between the engine and the place: packs read whole, packs hidden, and the veto.
//! - `reading.rs`, `writing.rs`: files of a repository, and files of a restore.
//! - `unnamed.rs`: packs that no index names.
//! - `rustic.rs`: `rustic_core`, whose measured defects are designed around there.
//!
//! An engine knows bytes and generations; it does not know databases, schedules or retention.

mod gate;
mod reading;
mod rustic;
pub(crate) mod source;
mod unnamed;
mod writing;

use std::path::Path;

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

pub(crate) use rustic::{Rustic, Shape};

use crate::backup::error::BackupError;
use crate::backup::leftovers::Leftovers;
use crate::backup::state::State;
use source::Entry;

/// One generation in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its name in this repository: the id of restic's snapshot.
    pub id: String,
    /// What it holds.
    pub part: Part,
    /// The instant whose state it holds.
    pub at: Timestamp,
    /// Bytes of what it holds.
    pub bytes: u64,
    /// Bytes that the repository grew by.
    pub added: u64,
    /// What was recorded of the state, as JSON; see [`crate::backup::state::State`].
    #[serde(skip)]
    pub record: String,
}

impl Generation {
    /// What was recorded of the state, without the list of files.
    ///
    /// # Errors
    /// The record is none of ours.
    pub fn state(&self) -> Result<State, BackupError> {
        serde_json::from_str(&self.record).map_err(|error| BackupError::Record {
            generation: self.id.clone(),
            why: error.to_string(),
        })
    }
}

/// Which repository a generation is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A: the database.
    Database,
    /// B: media, configuration, certificates, journals, and the dump of a PostgreSQL database.
    Files,
}

impl Part {
    /// Both, the database first: files that it names are then in the younger generation of files.
    pub const ALL: [Self; 2] = [Self::Database, Self::Files];

    /// Name of the repository below its target, and label of its snapshots.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Files => "files",
        }
    }
}

/// How much of the packs a check reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// None: structure alone.
    Nothing,
    /// This share of them: the `.0`th of `.1`, counted from one.
    Share(u32, u32),
    /// Every one.
    All,
}

/// Told while bytes are written at a restore: how many are done, and of how many.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// A repository, opened or to be opened. Whoever writes holds its lock.
pub(crate) trait Engine: Send + Sync {
    /// The place, for messages.
    fn place(&self) -> String;

    /// Makes the repository when it is not there and may be made; looks at it when it is.
    fn prepare(&self, may_make: bool) -> Result<(), BackupError>;

    /// Keeps what is given as a generation of this instant.
    fn take(
        &self,
        entries: Vec<Entry>,
        at: Timestamp,
        record: &str,
    ) -> Result<Generation, BackupError>;

    /// Every generation, the oldest first.
    fn generations(&self) -> Result<Vec<Generation>, BackupError>;

    /// Copies generations of `from` that are not here; says how many.
    fn copy(
        &self,
        from: &dyn Engine,
        wanted: &dyn Fn(&Generation) -> bool,
    ) -> Result<usize, BackupError>;

    /// Writes what a generation holds below a folder.
    fn restore(&self, id: &str, to: &Path, progress: Progress<'_>) -> Result<(), BackupError>;

    /// What is wrong with the repository; nothing when it is sound.
    fn check(&self, reading: Reading) -> Result<Vec<String>, BackupError>;

    /// Forgets generations. Their bytes go with [`Engine::prune`].
    fn forget(&self, ids: &[String]) -> Result<(), BackupError>;

    /// Removes what no generation needs, in two phases: marked now, removed by a prune a day later.
    /// What killed runs left goes by what `leftovers` remembers of it.
    fn prune(&self, leftovers: &mut Leftovers, now: Timestamp) -> Result<Pruned, BackupError>;

    /// Bytes of all files of the repository.
    fn size(&self) -> Result<u64, BackupError>;

    /// The engine itself, for a copy between two of a kind.
    fn as_any(&self) -> &dyn std::any::Any;
}

/// What a prune did, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Waits for a prune a day later: what was marked now, and what killed runs left.
    pub marked: u64,
    /// Gone.
    pub removed: u64,
}
