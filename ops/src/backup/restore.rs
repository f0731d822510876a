//! Restores a generation into a folder, and a dump into a server, and compares what is there with what
//! was recorded.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::engine::{Generation, Part, Progress};
use super::error::BackupError;
use super::files;
use super::pages::{self, Pages};
use super::postgres::{self, Server, Whose};
use super::state::{DATABASE, DUMP, DatabaseState, RECORD, State, differences};
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
    /// Whether the rows of every table were compared. Those of a dump are, where it was loaded into a
    /// server; the bytes of the dump are compared in any case. `None`: it holds no database.
    pub rows_compared: Option<bool>,
    /// How long the bytes took to come, and how long the comparison, in milliseconds.
    pub restored_ms: u64,
    /// The comparison.
    pub compared_ms: u64,
}

/// Restores into a folder that is not there yet, or empty; and loads a dump into an empty database,
/// where there is one.
pub(crate) fn restore(
    target: &Target,
    generation: Generation,
    to: &Path,
    into: Option<(&Server, Whose)>,
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
    let (differences, rows_compared) = compare(&generation, to, into)?;
    Ok(Restored {
        generation,
        to: to.to_owned(),
        differences,
        rows_compared,
        restored_ms,
        compared_ms: millis(began),
    })
}

fn millis(began: std::time::Instant) -> u64 {
    u64::try_from(monotonic().duration_since(began).as_millis()).unwrap_or(u64::MAX)
}

/// The record of the generation against what lies in the folder, and in the server.
fn compare(
    generation: &Generation,
    folder: &Path,
    into: Option<(&Server, Whose)>,
) -> Result<(Vec<String>, Option<bool>), BackupError> {
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
    let mut rows_compared = recorded.database.is_some();
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
        match into.filter(|_| recorded.database.is_some()) {
            Some((server, whose)) => match loaded(server, &folder.join(DUMP), whose) {
                Ok((state, faults)) => {
                    there.database = Some(state);
                    found.extend(faults);
                }
                Err(error) => found.push(error.to_string()),
            },
            // The rows of a dump can be compared only when it is in a server; its bytes are a file's.
            None => {
                rows_compared = false;
                there.database.clone_from(&recorded.database);
            }
        }
    }
    found.extend(differences(&recorded, &there));
    Ok((found, recorded.database.map(|_| rows_compared)))
}

fn loaded(
    server: &Server,
    dump: &Path,
    whose: Whose,
) -> Result<(DatabaseState, Vec<String>), BackupError> {
    postgres::load(server, dump, whose)?;
    Ok((postgres::state(server)?, postgres::faults(server)?))
}

/// The generations that show the town as it was at an instant: the newest database of then or before,
/// and the first files that are no older, or else the newest. Files that a page names were there
/// before the page, so that no page lacks one. The dump of a PostgreSQL database lies in a generation
/// of files, and so is of the same instant as the media. Pure.
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
    let dump = files
        .iter()
        .filter(|it| it.at <= at && holds_database(it))
        .max_by_key(|it| it.at);
    if let Some(dump) = dump.filter(|dump| database.is_none_or(|it| it.at < dump.at)) {
        return (None, Some(dump));
    }
    let since = database.map_or(at, |it| it.at);
    let first = files
        .iter()
        .filter(|it| it.at >= since && (database.is_some() || !holds_database(it)))
        .min_by_key(|it| it.at);
    let newest = || {
        let files = files.iter().filter(|it| !holds_database(it));
        files.max_by_key(|it| it.at)
    };
    (database, first.or_else(newest))
}

/// Whether the generation says that it holds a database.
pub(crate) fn holds_database(generation: &Generation) -> bool {
    generation.state().is_ok_and(|it| it.database.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(part: Part, at: u64, database: bool) -> Generation {
        let state = State {
            database: database.then(DatabaseState::default),
            ..State::default()
        };
        Generation {
            id: format!("{}-{at}", part.word()),
            part,
            at: Timestamp(at),
            bytes: 0,
            added: 0,
            record: serde_json::to_string(&state).unwrap(),
        }
    }

    #[test]
    fn a_page_lacks_no_file_and_a_dump_is_never_newer_than_asked() {
        let sqlite = [10, 20, 30].map(|at| generation(Part::Database, at, true));
        let media = [5, 25].map(|at| generation(Part::Files, at, false));
        let dumps = [40, 50].map(|at| generation(Part::Files, at, true));
        let both = [media.clone(), dumps.clone()].concat();
        let at = |databases, files, at| {
            let (database, files) = chosen(databases, files, Timestamp(at));
            (database.map(|it| it.at.0), files.map(|it| it.at.0))
        };
        assert_eq!(at(&sqlite, &media, 22), (Some(20), Some(25)));
        assert_eq!(at(&sqlite, &media, 99), (Some(30), Some(25)));
        assert_eq!(at(&sqlite, &media, 9), (None, Some(25)));
        assert_eq!(at(&[], &dumps, 45), (None, Some(40)));
        assert_eq!(at(&[], &dumps, 99), (None, Some(50)));
        assert_eq!(at(&[], &dumps, 39), (None, None));
        // A town that went from SQLite to PostgreSQL.
        assert_eq!(at(&sqlite, &both, 45), (None, Some(40)));
        assert_eq!(at(&sqlite, &both, 22), (Some(20), Some(25)));
    }
}
