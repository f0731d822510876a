//! A SQLite database gives its place to another: one rename(2), so that there is always one of them
//! under the name, whenever the machine stops.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::Database;
use crate::backup::engine::{Generation, Progress};
use crate::backup::error::BackupError;
use crate::backup::pages;
use crate::backup::restore::{self, Restored};
use crate::backup::state::DATABASE;
use crate::backup::target::Target;

/// The file of the CMS, and names beside it.
pub(super) struct Sqlite {
    path: PathBuf,
    beside: PathBuf,
    kept: PathBuf,
}

impl Sqlite {
    pub(super) fn at(path: PathBuf, at: Timestamp) -> Self {
        Self {
            beside: path.with_extension(format!("restoring-{}", at.0)),
            kept: path.with_extension(format!("before-restore-{}", at.0)),
            path,
        }
    }

    fn restored(&self) -> PathBuf {
        self.beside.join(DATABASE)
    }
}

impl Database for Sqlite {
    fn exists(&self) -> Result<bool, BackupError> {
        Ok(self.path.exists())
    }

    /// Whether nobody else has the database open, and everything of its log is in it. SQLite leaves the
    /// mode of the log only when nobody else is there (<https://www.sqlite.org/wal.html>).
    fn alone(&self) -> Result<(), BackupError> {
        let path = &self.path;
        let connection = Connection::open(path).map_err(BackupError::database(path))?;
        let began = monotonic();
        loop {
            let sql = "PRAGMA journal_mode = DELETE";
            let mode = connection.query_row(sql, [], |row| row.get::<_, String>(0));
            match mode {
                Ok(mode) if mode == "delete" => return Ok(()),
                // A file that SQLite cannot read says nothing of who has it; the kernel does.
                Err(error) if is_damaged(&error) && holders(path).is_empty() => return Ok(()),
                _ => {}
            }
            if !super::waited(began) {
                let holders = holders(path);
                let who = match holders.is_empty() {
                    true => "somebody".to_owned(),
                    false => format!("process {}", holders.join(", ")),
                };
                return Err(BackupError::InUse {
                    database: path.display().to_string(),
                    who,
                });
            }
        }
    }

    fn beside(&self) -> &Path {
        &self.beside
    }

    fn media(&self) -> PathBuf {
        self.beside.join("files/media")
    }

    fn restore(
        &self,
        from: &Target,
        wanted: Generation,
        progress: Progress<'_>,
    ) -> Result<Restored, BackupError> {
        restore::restore(from, wanted, &self.beside, None, progress)
    }

    /// The change feed's numbers went back with the database. Without its epoch the CMS begins another
    /// feed, and edges that follow it read everything anew.
    fn begin_another_feed(&self) -> Result<(), BackupError> {
        let path = self.restored();
        let connection = Connection::open(&path).map_err(BackupError::database(&path))?;
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'";
        let there = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        if there.map_err(BackupError::database(&path))? > 0 {
            connection
                .execute("DELETE FROM meta WHERE name = 'epoch'", [])
                .map_err(BackupError::database(&path))?;
        }
        connection
            .close()
            .map_err(|(_, error)| BackupError::database(&path)(error))?;
        sync(&path)
    }

    fn swap(&self) -> Result<(), BackupError> {
        if self.path.exists() && fs::hard_link(&self.path, &self.kept).is_err() {
            // A file system without such links.
            fs::copy(&self.path, &self.kept).map_err(BackupError::at(&self.kept))?;
            sync(&self.kept)?;
        }
        fs::rename(self.restored(), &self.path).map_err(BackupError::at(&self.path))?;
        self.path.parent().map_or(Ok(()), sync)
    }

    fn is_beside(&self) -> Result<bool, BackupError> {
        Ok(self.restored().exists())
    }

    fn faults(&self) -> Result<Vec<String>, BackupError> {
        pages::faults(&self.path)
    }

    fn back(&self) -> Result<(), BackupError> {
        fs::rename(&self.kept, &self.path).map_err(BackupError::at(&self.kept))?;
        self.path.parent().map_or(Ok(()), sync)
    }

    fn sweep(&self, swapped: bool) -> Result<(), BackupError> {
        // A second name of the database that is in its place.
        if !swapped && self.path.exists() {
            remove(fs::remove_file(&self.kept), &self.kept)?;
        }
        remove(fs::remove_dir_all(&self.beside), &self.beside)
    }

    fn kept(&self) -> Result<Option<String>, BackupError> {
        let there = self.kept.exists();
        Ok(there.then(|| self.kept.display().to_string()))
    }

    fn by_hand(&self) -> String {
        format!("mv {} {}", self.kept.display(), self.path.display())
    }

    fn notes(&self) -> Result<Vec<String>, BackupError> {
        Ok(Vec::new())
    }
}

fn is_damaged(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

/// Other processes that have the file open, as far as this user may see.
fn holders(path: &Path) -> Vec<String> {
    let Ok(path) = fs::canonicalize(path) else {
        return Vec::new();
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for process in processes {
        let pid = process.file_name().to_string_lossy().into_owned();
        if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let open = fs::read_dir(process.path().join("fd")).into_iter();
        let mut open = open.flatten().flatten();
        if open.any(|fd| fs::read_link(fd.path()).is_ok_and(|it| it == path)) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            found.push(format!("{pid} ({})", name.trim()));
        }
    }
    found
}

fn remove(result: std::io::Result<()>, path: &Path) -> Result<(), BackupError> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::at(path)(error))
        }
        _ => Ok(()),
    }
}

fn sync(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(BackupError::at(path))
}
