//! What a restore in place is about to do, written down before it is done, so that the next run knows
//! where one that was killed had come to.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

use super::Ordered;
use crate::backup::engine::Generation;
use crate::backup::error::BackupError;

/// Its file, while one is under way.
const FILE: &str = "restore-in-place.json";

/// How far it has come. Each is written before what it names is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The present state is being kept.
    Keeping,
    /// The wanted one is being restored beside it, and compared.
    Restoring,
    /// The two change names.
    Swapping,
}

/// A restore in place that is under way, or was broken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// When it began; names are made of it.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Where it was recorded as an order.
    pub order: Ordered,
    /// What is to be in place.
    pub restored: Generation,
    /// The state before, once it was kept.
    pub before: Option<Generation>,
    /// Media that were added.
    pub media_added: usize,
    /// How far it has come.
    pub stage: Stage,
}

impl Plan {
    /// The one that is under way or was broken off, in the backup's folder of state.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(data: &Path) -> Result<Option<Self>, BackupError> {
        let path = file(data);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(BackupError::at(&path))?,
        };
        let unreadable = |error: serde_json::Error| BackupError::Record {
            generation: path.display().to_string(),
            why: error.to_string(),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
    }

    pub(super) fn write(&self, data: &Path) -> Result<(), BackupError> {
        let (path, json) = (file(data), serde_json::to_vec_pretty(self));
        let new = path.with_extension("new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(&json.unwrap_or_default())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(data)?.sync_all()
        };
        write().map_err(BackupError::at(&path))
    }

    pub(super) fn remove(data: &Path) -> Result<(), BackupError> {
        let path = file(data);
        fs::remove_file(&path).map_err(BackupError::at(&path))
    }

    /// Whether the wanted database is in place: what was restored beside is no longer beside. Pure.
    pub(super) const fn has_swapped(&self, beside_is_there: bool) -> bool {
        matches!(self.stage, Stage::Swapping) && !beside_is_there
    }
}

fn file(data: &Path) -> PathBuf {
    data.join(FILE)
}
