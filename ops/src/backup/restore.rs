//! Restores a generation into a folder, and compares what is there with what was recorded.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::engine::{Generation, Part, Progress};
use super::error::BackupError;
use super::files;
use super::pages::{self, Pages};
use super::state::{DATABASE, RECORD, State, differences};
use super::target::Target;

/// What became of a restore.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// Which generation.
    pub generation: Generation,
    /// Where it is.
    pub to: PathBuf,
    /// What differs from the record; with nothing, it is identical.
    pub differences: Vec<String>,
    /// How long the bytes took to come, and how long the comparison, in milliseconds.
    pub restored_ms: u64,
    /// The comparison.
    pub compared_ms: u64,
}

/// Restores into a folder that is not there yet, or empty.
pub(crate) fn restore(
    target: &Target,
    generation: Generation,
    to: &Path,
    progress: Progress<'_>,
) -> Result<Restored, BackupError> {
    let there = fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some());
    if there || to.is_file() {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    let began = monotonic();
    target
        .engine(generation.part)
        .restore(&generation.id, to, progress)?;
    let restored_ms = millis(began);
    let began = monotonic();
    let differences = compare(&generation, to)?;
    Ok(Restored {
        generation,
        to: to.to_owned(),
        differences,
        restored_ms,
        compared_ms: millis(began),
    })
}

fn millis(began: std::time::Instant) -> u64 {
    u64::try_from(monotonic().duration_since(began).as_millis()).unwrap_or(u64::MAX)
}

/// The record of the generation against what lies in the folder.
pub(crate) fn compare(generation: &Generation, folder: &Path) -> Result<Vec<String>, BackupError> {
    let path = folder.join(RECORD);
    let record = fs::read(&path).map_err(BackupError::at(&path))?;
    let unreadable = |error: serde_json::Error| BackupError::Record {
        generation: generation.id.clone(),
        why: error.to_string(),
    };
    let recorded: State = serde_json::from_slice(&record).map_err(unreadable)?;
    let in_short: State = serde_json::from_str(&generation.record).map_err(unreadable)?;
    let mut found = Vec::new();
    if recorded.in_short() != in_short {
        found.push("the record is not the one of this generation".to_owned());
    }
    let mut there = State::default();
    if generation.part == Part::Database {
        let database = folder.join(DATABASE);
        if database.exists() {
            match Pages::of_copy(&database).and_then(|copy| copy.state()) {
                Ok(state) => there.database = Some(state),
                Err(error) => found.push(error.to_string()),
            }
            found.extend(pages::faults(&database).unwrap_or_else(|error| vec![error.to_string()]));
        }
    } else {
        there.files = files::restored(folder, &[RECORD])?;
        // The rows of a dump can be compared only when it is in a server; its bytes are a file's.
        there.database.clone_from(&recorded.database);
    }
    found.extend(differences(&recorded, &there));
    Ok(found)
}

/// The generations that show the town as it was at an instant: the newest database of then or before,
/// and the first files that are no older, or else the newest. Files that a page names were there
/// before the page, so that no page lacks one. Pure.
#[must_use]
pub fn chosen<'a>(
    databases: &'a [Generation],
    files: &'a [Generation],
    at: Timestamp,
) -> (Option<&'a Generation>, Option<&'a Generation>) {
    let database = databases
        .iter()
        .filter(|it| it.at <= at)
        .max_by_key(|it| it.at);
    let since = database.map_or(at, |it| it.at);
    let first = files
        .iter()
        .filter(|it| it.at >= since)
        .min_by_key(|it| it.at);
    let newest = || files.iter().max_by_key(|it| it.at);
    (database, first.or_else(newest))
}
