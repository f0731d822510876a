//! Why a backup, a check or a restore did not come about.

use std::path::PathBuf;

use yagura_control::Timestamp;

/// What failed, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The engine failed, mostly because a place did.
    #[error("{place}: {why}")]
    Engine {
        /// The repository's place.
        place: String,
        /// The engine's words.
        why: String,
    },
    /// The engine's own mistake; it was caught.
    #[error("{place}: the engine broke off: {why}\n  nothing was saved; it is tried again")]
    Broke {
        /// The repository's place.
        place: String,
        /// The words of the panic.
        why: String,
    },
    /// A repository that was there is gone.
    #[error(
        "{place} holds no repository any more\n  is the disk mounted? To begin a new one on purpose: yagura backup now --new-repository"
    )]
    Gone {
        /// The repository's place.
        place: String,
    },
    /// The repository is not of the form that was made.
    #[error(
        "{place} does not cut the database into 64 KiB: another tool changed its config\n  keep it for restores, and name another place for new backups"
    )]
    Shape {
        /// The repository's place.
        place: String,
    },
    /// Another process works on the repository.
    #[error("{} is held: another backup or prune is under way\n  wait for it; `yagura backup status` says what it does", path.display())]
    Locked {
        /// The lock's file.
        path: PathBuf,
    },
    /// No generation is meant.
    #[error("no generation {wanted}\n  `yagura backup list` shows those there are")]
    NoGeneration {
        /// What was asked for.
        wanted: String,
    },
    /// No target is meant.
    #[error("no [[backup.target]] is called \"{0}\"")]
    NoTarget(String),
    /// The database cannot be read.
    #[error("{}: {why}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// The database's words.
        why: String,
    },
    /// Somebody uses the database that is to be replaced.
    #[error(
        "{database} is in use: {who}\n  stop the CMS first (readers are served by the edge meanwhile); nothing was replaced"
    )]
    InUse {
        /// Which one.
        database: String,
        /// By whom, as far as is known.
        who: String,
    },
    /// A restore in place was broken off before.
    #[error(
        "the restore in place of {at} ({reason}) was broken off\n  `yagura backup restore --mend` finishes it, or sweeps it away"
    )]
    BrokenOff {
        /// When it began.
        at: Timestamp,
        /// Why it was done.
        reason: String,
    },
    /// A program that is needed is missing or failed.
    #[error("{program}: {why}")]
    Program {
        /// `pg_dump`, `rclone`.
        program: String,
        /// Its words.
        why: String,
    },
    /// A file cannot be used.
    #[error("cannot use {}: {cause}\n  check the permissions and the space left on the disk", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// There is something where the restore would go.
    #[error("{} is not empty\n  name a folder that does not exist yet", .0.display())]
    NotEmpty(PathBuf),
    /// A record of a generation cannot be read.
    #[error("the record of {generation} cannot be read: {why}")]
    Record {
        /// Which one.
        generation: String,
        /// Why.
        why: String,
    },
}

impl BackupError {
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Self::File { path, cause }
    }

    pub(crate) fn database(path: impl Into<PathBuf>) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.into();
        move |error| Self::Database {
            path,
            why: error.to_string(),
        }
    }
}
