//! A restore in place: the CMS's own database becomes what it was.
//!
//! In this order, so that every step has a way back: nobody else has the database open; the present
//! state is kept as a generation; the wanted one is restored beside it and compared; the two change
//! names; and the change feed begins anew, so that edges fetch all of it. Media are named by their content and are only added: what the present state has more is no
//! harm, and the way back needs it. What was done is written to `restores.jsonl`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use serde::Serialize;
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::engine::{Generation, Part, Progress};
use super::error::BackupError;
use super::pages;
use super::restore;
use super::state::DATABASE;
use super::take::{Taken, sqlite};
use super::vault::Vault;

/// How long others are waited for to let go of the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Replaced {
    /// When.
    pub at: Timestamp,
    /// Who asked for it, and why.
    pub by: String,
    /// Their reason.
    pub reason: String,
    /// The generation that is in place now.
    pub restored: Generation,
    /// The way back: the state before, as a generation of the first target.
    pub before: Generation,
    /// The database as it was, as a file.
    pub kept: PathBuf,
    /// Media that had been lost and are there again.
    pub media_added: usize,
}

/// What is wanted.
pub struct InPlace<'a> {
    /// From where; the first target by default.
    pub target: Option<&'a str>,
    /// The database's generation.
    pub database: Generation,
    /// The files' generation whose media are added.
    pub files: Option<Generation>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Vault {
    /// Restores in place. The CMS must be stopped.
    ///
    /// # Errors
    /// Something failed; the database is the one of before, unless the message says otherwise.
    pub fn restore_in_place(
        &self,
        wanted: InPlace<'_>,
        now: Timestamp,
        progress: Progress<'_>,
    ) -> Result<Replaced, BackupError> {
        let Some(path) = sqlite(&self.settings) else {
            return Err(BackupError::Program {
                program: "restore".to_owned(),
                why: "a PostgreSQL database is restored by pg_restore; see docs/operations/backups.md".to_owned(),
            });
        };
        let first = self.target(None)?.settings.name.clone();
        if path.exists() {
            alone(&path)?;
        }
        let before = match self.take(&first, Part::Database, now, false)? {
            Taken::New(generation) | Taken::Unchanged(generation) => generation,
            Taken::Nothing => {
                return Err(BackupError::NoGeneration {
                    wanted: "before".to_owned(),
                });
            }
        };
        let beside = path.with_extension(format!("restoring-{}", now.0));
        let from = self.target(wanted.target)?;
        let restored = restore::restore(from, wanted.database, &beside, None, progress)?;
        if let Some(difference) = restored.differences.first() {
            return Err(BackupError::Record {
                generation: restored.generation.id,
                why: format!("{difference}; nothing was replaced"),
            });
        }
        let media_added = match wanted.files {
            Some(files) => self.add_media(wanted.target, files, &beside, progress)?,
            None => 0,
        };
        let kept = path.with_extension(format!("before-restore-{}", now.0));
        fs::rename(&path, &kept).map_err(BackupError::at(&path))?;
        let new = beside.join(DATABASE);
        if let Err(error) = fs::rename(&new, &path) {
            let _the_way_back = fs::rename(&kept, &path);
            return Err(BackupError::at(&new)(error));
        }
        sync(path.parent())?;
        fs::remove_dir_all(&beside).map_err(BackupError::at(&beside))?;
        let faults = pages::faults(&path)?;
        if let Some(fault) = faults.first() {
            fs::rename(&kept, &path).map_err(BackupError::at(&kept))?;
            let why = format!("{fault}; the database of before is in place again");
            return Err(BackupError::Database { path, why });
        }
        begin_another_feed(&path)?;
        let replaced = Replaced {
            at: now,
            by: wanted.by,
            reason: wanted.reason,
            restored: restored.generation,
            before,
            kept,
            media_added,
        };
        self.write_down(&replaced)?;
        Ok(replaced)
    }

    fn add_media(
        &self,
        target: Option<&str>,
        files: Generation,
        beside: &Path,
        progress: Progress<'_>,
    ) -> Result<usize, BackupError> {
        let folder = beside.join("files");
        let restored = restore::restore(self.target(target)?, files, &folder, None, progress)?;
        if let Some(difference) = restored.differences.first() {
            return Err(BackupError::Record {
                generation: restored.generation.id,
                why: format!("{difference}; nothing was replaced"),
            });
        }
        let media = &self.settings.media;
        fs::create_dir_all(media).map_err(BackupError::at(media))?;
        let from = folder.join("media");
        let Ok(entries) = fs::read_dir(&from) else {
            return Ok(0);
        };
        let mut added = 0;
        for entry in entries {
            let entry = entry.map_err(BackupError::at(&from))?;
            let to = media.join(entry.file_name());
            if to.exists() {
                continue;
            }
            fs::copy(entry.path(), &to).map_err(BackupError::at(&to))?;
            added += 1;
        }
        sync(Some(media))?;
        Ok(added)
    }

    fn write_down(&self, replaced: &Replaced) -> Result<(), BackupError> {
        let path = self.settings.data.join("restores.jsonl");
        let mut line = serde_json::to_vec(replaced).unwrap_or_default();
        line.push(b'\n');
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(&path)
            .map_err(BackupError::at(&path))?;
        let written = file.write_all(&line).and_then(|()| file.sync_all());
        written.map_err(BackupError::at(&path))
    }
}

/// Whether nobody else has the database open, and everything of its log is in it. SQLite leaves the
/// mode of the log only when nobody else is there (<https://www.sqlite.org/wal.html>).
fn alone(path: &Path) -> Result<(), BackupError> {
    let connection = Connection::open(path).map_err(BackupError::database(path))?;
    let began = monotonic();
    loop {
        let sql = "PRAGMA journal_mode = DELETE";
        let mode = connection.query_row(sql, [], |row| row.get::<_, String>(0));
        if mode.is_ok_and(|mode| mode == "delete") {
            return Ok(());
        }
        // The desk may be taking a generation.
        if monotonic().duration_since(began) > PATIENCE {
            return Err(BackupError::Database {
                path: path.to_owned(),
                why: "somebody has it open\n  stop the CMS first; nothing was replaced".to_owned(),
            });
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// The change feed's numbers went back with the database. Without its epoch the CMS begins another
/// feed, and edges that follow it read everything anew.
fn begin_another_feed(path: &Path) -> Result<(), BackupError> {
    let connection = Connection::open(path).map_err(BackupError::database(path))?;
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'";
    let there = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    if there.map_err(BackupError::database(path))? > 0 {
        connection
            .execute("DELETE FROM meta WHERE name = 'epoch'", [])
            .map_err(BackupError::database(path))?;
    }
    Ok(())
}

fn sync(folder: Option<&Path>) -> Result<(), BackupError> {
    let Some(folder) = folder else { return Ok(()) };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(BackupError::at(folder))
}
