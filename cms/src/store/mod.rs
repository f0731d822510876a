//! The database: SQLite or PostgreSQL behind one set of functions.
//!
//! One SQL text serves both (`$1` works on both); only searching differs, in `search.rs`. Reads use
//! a pool of readers; changes go through [`Store::begin`], which on SQLite is one writer that takes
//! the lock at once. Functions that change something take the transaction, so that an action puts
//! all it does, its audit record and its jobs into one.
//!
//! - `pages.rs`, `page_changes.rs`, `organisation.rs`, `media.rs`, `people.rs`, `second_factors.rs`:
//!   reads and writes by subject.
//! - `urls.rs`: public URLs and the change feed. `jobs.rs`: what follows a change.
//! - `search.rs`: the index of words. `rows.rs`: from rows to the domain.

pub mod audit;
pub mod jobs;
pub mod media;
mod migrate;
pub mod organisation;
pub(crate) mod page_changes;
pub mod pages;
pub mod people;
mod rows;
pub mod search;
pub mod second_factors;
pub mod urls;

use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, Executor, Row, Transaction};

use crate::error::CmsError;

/// SQLite releases before this one could corrupt the write-ahead log.
const OLDEST_SQLITE: [u64; 3] = [3, 51, 3];
/// Of a folder: what is made in it belongs to the folder's group (inode(7)).
const SET_GROUP_ID: u32 = 0o2000;
const READERS: u32 = 8;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// A change that is under way; dropped without [`Transaction::commit`] it never happened.
pub type Change = Transaction<'static, Any>;

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    dialect: Dialect,
    readers: AnyPool,
    writer: AnyPool,
}

impl Store {
    /// Opens the database (`sqlite:/path` or `postgres://…`), making and migrating it.
    ///
    /// # Errors
    /// It cannot be reached, is too old, or refuses the migration.
    pub async fn open(database: &SecretString) -> Result<Self, CmsError> {
        sqlx::any::install_default_drivers();
        let url = database.expose_secret();
        let store = match url.strip_prefix("sqlite:") {
            Some(path) => Self::open_sqlite(Path::new(path)).await?,
            None => {
                let pool = AnyPoolOptions::new()
                    .max_connections(READERS + 4)
                    .connect(url)
                    .await?;
                Self {
                    dialect: Dialect::Postgres,
                    readers: pool.clone(),
                    writer: pool,
                }
            }
        };
        migrate::run(&store).await?;
        Ok(store)
    }

    async fn open_sqlite(path: &Path) -> Result<Self, CmsError> {
        private_file(path)?;
        let url = format!("sqlite:{}?mode=rwc", path.display());
        let pool = |connections: u32| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(30))
                .after_connect(|connection, _| {
                    Box::pin(async move {
                        connection
                            .execute(
                                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                                 PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 10000;",
                            )
                            .await?;
                        Ok(())
                    })
                })
        };
        let writer = pool(1).connect(&url).await?;
        let version: String = sqlx::query("SELECT sqlite_version()")
            .fetch_one(&writer)
            .await?
            .try_get(0)?;
        if is_too_old(&version) {
            return Err(CmsError::OldSqlite(version));
        }
        let readers = pool(READERS).connect(&url).await?;
        Ok(Self {
            dialect: Dialect::Sqlite,
            readers,
            writer,
        })
    }

    /// Begins a change. On SQLite it waits for the one before it to end.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn begin(&self) -> Result<Change, CmsError> {
        Ok(match self.dialect {
            Dialect::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await?,
            Dialect::Postgres => self.writer.begin().await?,
        })
    }

    /// Which database it is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// Hashes of passwords and the secrets of second factors are for this user alone; and for a group whose
/// folder says with the set-group-ID bit that its files are the group's, which is how a backup that has
/// a user of its own reads them. SQLite gives the files that it makes beside the database the same
/// permissions, and whoever reads it has to write one of them (`-shm`).
fn private_file(path: &Path) -> Result<(), CmsError> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = std::fs::metadata(folder.unwrap_or(Path::new(".")));
    let shared = folder.is_ok_and(|it| it.permissions().mode() & SET_GROUP_ID != 0);
    let mode = if shared { 0o660 } else { 0o600 };
    // A database that is there is not opened here: closing it again would end the locks of SQLite.
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        // Also what was made now: its mode is not the umask's to say.
        _ => std::fs::set_permissions(path, Permissions::from_mode(mode)),
    }
    .map_err(CmsError::at(path))
}

fn is_too_old(version: &str) -> bool {
    let numbers: Vec<u64> = version
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect();
    numbers.as_slice() < OLDEST_SQLITE.as_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_for_one_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cms.db");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        private_file(&file).unwrap();
        let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        // Or for the group that the folder names.
        let shared = Permissions::from_mode(0o2770);
        std::fs::set_permissions(folder.path(), shared).unwrap();
        private_file(&file).unwrap();
        assert_eq!(mode(), 0o660);
        std::fs::remove_file(&file).unwrap();
        private_file(&file).unwrap();
        assert_eq!(mode(), 0o660);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, expected) in [
            ("3.51.2", true),
            ("3.9.9", true),
            ("3.51.3", false),
            ("3.51.10", false),
            ("4.0.0", false),
        ] {
            assert_eq!(is_too_old(version), expected, "{version}");
        }
    }
}
