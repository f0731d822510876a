//! Takes a generation: reads the state, records it, and hands it to the engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use yagura_config::settings::BackupSettings;
use yagura_control::Timestamp;

use super::engine::source::{Content, Entry};
use super::engine::{Generation, Part};
use super::error::BackupError;
use super::files;
use super::pages::Pages;
use super::postgres::{self, Server};
use super::state::{AllFiles, DATABASE, DUMP, RECORD, State};
use super::target::Target;

/// How long whoever else holds the lock is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A new generation.
    New(Generation),
    /// The newest generation holds the very state.
    Unchanged(Generation),
    /// There is nothing of the kind: a PostgreSQL database has no pages to keep.
    Nothing,
}

/// The file of a SQLite database; none for PostgreSQL.
pub(crate) fn sqlite(settings: &BackupSettings) -> Option<PathBuf> {
    let url = settings.database.expose_secret();
    url.strip_prefix("sqlite:").map(PathBuf::from)
}

/// Takes one part into one target.
pub(crate) fn take(
    target: &Target,
    part: Part,
    settings: &BackupSettings,
    at: Timestamp,
    new: bool,
) -> Result<Taken, BackupError> {
    let _lock = target.lock(part, PATIENCE)?;
    target.prepare(part, new)?;
    match part {
        Part::Database => match sqlite(settings) {
            Some(path) => database(target, &path, at),
            None => Ok(Taken::Nothing),
        },
        Part::Files => everything_else(target, settings, at),
    }
}

fn database(target: &Target, path: &Path, at: Timestamp) -> Result<Taken, BackupError> {
    let pages = Pages::begin(path)?;
    let state = State {
        database: Some(pages.state()?),
        ..fresh(at)
    };
    let entry = Entry {
        path: DATABASE.into(),
        size: pages.bytes(),
        modified: at,
        inode: 0,
        changed: None,
        content: Content::Stream(Box::new(pages.into_reader())),
    };
    keep(target, Part::Database, &state, vec![entry])
}

fn everything_else(
    target: &Target,
    settings: &BackupSettings,
    at: Timestamp,
) -> Result<Taken, BackupError> {
    let mut files = files::collect(settings)?;
    let scratch = settings.data.join("scratch").join(&target.settings.name);
    let mut database = None;
    if sqlite(settings).is_none() {
        fs::create_dir_all(&scratch).map_err(BackupError::at(&scratch))?;
        let spooled = scratch.join(DUMP);
        database = Some(postgres::dump(&Server::of(settings), &spooled)?);
        files.spooled(&spooled, DUMP)?;
    }
    let state = State {
        all_files: Some(AllFiles::of(&files.states)),
        files: files.states,
        database,
        ..fresh(at)
    };
    let kept = keep(target, Part::Files, &state, files.entries);
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(BackupError::at(&scratch))?;
    }
    kept
}

fn keep(
    target: &Target,
    part: Part,
    state: &State,
    mut entries: Vec<Entry>,
) -> Result<Taken, BackupError> {
    let engine = target.engine(part);
    if let Some(newest) = engine.generations()?.pop()
        && serde_json::from_str::<State>(&newest.record).is_ok_and(|it| it.holds_the_same(state))
    {
        return Ok(Taken::Unchanged(newest));
    }
    let unreadable = |error: serde_json::Error| BackupError::Record {
        generation: state.at.rfc3339(),
        why: error.to_string(),
    };
    let record = serde_json::to_vec_pretty(state).map_err(unreadable)?;
    entries.push(Entry::of_bytes(RECORD, record, state.at));
    let short = serde_json::to_string(&state.in_short()).map_err(unreadable)?;
    Ok(Taken::New(engine.take(entries, state.at, &short)?))
}

fn fresh(at: Timestamp) -> State {
    State {
        at,
        yagura: env!("CARGO_PKG_VERSION").to_owned(),
        ..State::default()
    }
}
