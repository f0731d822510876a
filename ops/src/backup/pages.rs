//! A SQLite database as its pages, at one instant, while the CMS writes on.
//!
//! A read transaction on a database with a write-ahead log sees one state however long it lasts; the
//! table `sqlite_dbpage` gives that state's pages. So nothing is copied first: the engine reads the
//! pages, in order, as a stream. What is read is a whole database file.
//!
//! The transaction keeps the log from starting over while it lasts, so it lasts as long as the local
//! disk takes, and never as long as a line to another town.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::error::BackupError;
use super::state::{DatabaseState, TableState};

/// Pages that are read ahead, in bytes: the engine's piece.
const AHEAD: usize = 64 << 10;

/// A read transaction and what it sees.
pub(crate) struct Pages {
    connection: Connection,
    path: PathBuf,
    pages: u32,
    page_bytes: u64,
}

impl Pages {
    /// Opens the database that the CMS writes to, and begins.
    pub(crate) fn begin(path: &Path) -> Result<Self, BackupError> {
        Self::of(open(path)?, path)
    }

    /// A restored copy.
    pub(crate) fn of_copy(path: &Path) -> Result<Self, BackupError> {
        Self::of(open_copy(path)?, path)
    }

    fn of(connection: Connection, path: &Path) -> Result<Self, BackupError> {
        let begin = || -> rusqlite::Result<(u32, u64)> {
            connection.execute_batch("BEGIN")?;
            // The first read is where the transaction begins.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            let pages = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            let bytes = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0))?;
            Ok((pages, bytes.into()))
        };
        let (pages, page_bytes) = begin().map_err(BackupError::database(path))?;
        Ok(Self {
            path: path.to_owned(),
            pages,
            page_bytes,
            connection,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.pages) * self.page_bytes
    }

    /// What is recorded of the state: a digest of all pages, and one of every table's rows.
    pub(crate) fn state(&self) -> Result<DatabaseState, BackupError> {
        let mut hasher = blake3::Hasher::new();
        for number in 1..=self.pages {
            let each = page(&self.connection, number, |bytes| {
                hasher.update(bytes);
            });
            each.map_err(BackupError::database(&self.path))?;
        }
        let tables = tables(&self.connection).map_err(BackupError::database(&self.path))?;
        Ok(DatabaseState {
            engine: "sqlite".to_owned(),
            bytes: self.bytes(),
            digest: hasher.finalize().to_hex().to_string(),
            tables,
        })
    }

    /// The pages as a stream; the transaction ends with it.
    pub(crate) fn into_reader(self) -> PageReader {
        PageReader {
            pages: self,
            next: 1,
            buffer: Vec::with_capacity(AHEAD),
            at: 0,
        }
    }
}

/// Opens a restored copy, which nobody writes: no log and no other file comes to lie beside it.
fn open_copy(path: &Path) -> Result<Connection, BackupError> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _never_fails = write!(uri, "%{byte:02x}");
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).map_err(BackupError::database(path))
}

/// Opens a database without any wish to write.
pub(crate) fn open(path: &Path) -> Result<Connection, BackupError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(BackupError::database(path))?;
    connection
        .busy_timeout(std::time::Duration::from_secs(10))
        .map_err(BackupError::database(path))?;
    Ok(connection)
}

fn page(connection: &Connection, number: u32, each: impl FnOnce(&[u8])) -> rusqlite::Result<()> {
    let sql = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    each(row.get_ref(0)?.as_bytes()?);
    Ok(())
}

/// Reads pages one after another.
pub(crate) struct PageReader {
    pages: Pages,
    next: u32,
    buffer: Vec<u8>,
    at: usize,
}

impl Read for PageReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            while self.next <= self.pages.pages && self.buffer.len() < AHEAD {
                page(&self.pages.connection, self.next, |bytes| {
                    self.buffer.extend_from_slice(bytes);
                })
                .map_err(io::Error::other)?;
                self.next += 1;
            }
        }
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.at += count;
        Ok(count)
    }
}

/// Every ordinary table with its rows counted and digested, in the order of its key.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<TableState>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' \
               AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let names: Vec<String> = connection
        .prepare(sql)?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    names
        .into_iter()
        .map(|name| table(connection, name))
        .collect()
}

fn table(connection: &Connection, name: String) -> rusqlite::Result<TableState> {
    // The order is that of the table's own tree: by rowid, or by key where there is none.
    let mut statement =
        connection.prepare(&format!("SELECT * FROM \"{}\"", name.replace('"', "\"\"")))?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut hasher = blake3::Hasher::new();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            value(&mut hasher, row.get_ref(column)?);
        }
    }
    Ok(TableState {
        name,
        rows: count,
        digest: hasher.finalize().to_hex().to_string(),
    })
}

/// A value with its kind and length, so that no two rows digest alike.
fn value(hasher: &mut blake3::Hasher, value: ValueRef<'_>) {
    let mut said = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&bytes.len().to_le_bytes());
        hasher.update(bytes);
    };
    match value {
        ValueRef::Null => said(0, &[]),
        ValueRef::Integer(number) => said(1, &number.to_le_bytes()),
        ValueRef::Real(number) => said(2, &number.to_le_bytes()),
        ValueRef::Text(text) => said(3, text),
        ValueRef::Blob(bytes) => said(4, bytes),
    }
}

/// What differs after every commit, read without opening the database: the header of the log's index
/// counts commits (<https://www.sqlite.org/walformat.html>, section 2.1), and the file's own header
/// does without a log. Nobody is kept from being alone with the database by this.
pub(crate) fn signature(path: &Path) -> Result<String, BackupError> {
    let metadata = fs::metadata(path).map_err(BackupError::at(path))?;
    let mut hasher = blake3::Hasher::new();
    let times = (
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    );
    hasher.update(format!("{times:?}").as_bytes());
    hasher.update(&beginning(path).map_err(BackupError::at(path))?);
    let mut index = path.as_os_str().to_owned();
    index.push("-shm");
    match beginning(Path::new(&index)) {
        Ok(bytes) => hasher.update(&bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => hasher.update(b"none"),
        Err(error) => return Err(BackupError::at(index)(error)),
    };
    Ok(hasher.finalize().to_hex().to_string())
}

/// Both copies of the index's header; more than the file's.
fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(96).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What SQLite itself says of a restored copy: nothing when it is sound.
pub(crate) fn faults(path: &Path) -> Result<Vec<String>, BackupError> {
    let connection = open_copy(path)?;
    let look = || -> rusqlite::Result<Vec<String>> {
        let mut found: Vec<String> = connection
            .prepare("PRAGMA integrity_check")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        found.retain(|line| line != "ok");
        let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            found.push(format!(
                "a row of {table} names one of {parent} that is not there"
            ));
        }
        Ok(found)
    };
    look().map_err(BackupError::database(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town(path: &Path) -> Connection {
        let writer = Connection::open(path).unwrap();
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);";
        writer.execute_batch(sql).unwrap();
        for number in 0..2_000 {
            let row = (number, "x".repeat(100));
            writer
                .execute("INSERT INTO t VALUES (?1, ?2)", row)
                .unwrap();
        }
        writer
    }

    #[test]
    fn the_stream_is_the_database_of_one_instant() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cms.db");
        let writer = town(&path);
        let pages = Pages::begin(&path).unwrap();
        let state = pages.state().unwrap();
        let bytes = pages.bytes();
        // What is written from here on is not in it.
        writer.execute("DELETE FROM t WHERE id > 10", []).unwrap();
        let mut read = Vec::new();
        pages.into_reader().read_to_end(&mut read).unwrap();
        assert_eq!(u64::try_from(read.len()).unwrap(), bytes);
        assert_eq!(blake3::hash(&read).to_hex().as_str(), state.digest);
        let copy = place.path().join("copy.db");
        fs::write(&copy, &read).unwrap();
        assert!(faults(&copy).unwrap().is_empty());
        let again = Pages::of_copy(&copy).unwrap().state().unwrap();
        assert_eq!(again, state);
        assert_eq!(state.tables.first().unwrap().rows, 2_000);
        let now = Pages::begin(&path).unwrap().state().unwrap();
        assert_ne!(now.tables, state.tables);
    }

    #[test]
    fn a_change_is_seen_and_a_read_is_none() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cms.db");
        let writer = town(&path);
        let mut seen = vec![signature(&path).unwrap()];
        drop(Pages::begin(&path).unwrap());
        assert_eq!(signature(&path).unwrap(), seen[0]);
        for sql in [
            "DELETE FROM t WHERE id = 1",
            "UPDATE t SET x = 'y' WHERE id = 2",
            "UPDATE t SET x = 'y' WHERE id = 3",
        ] {
            writer.execute(sql, []).unwrap();
            seen.push(signature(&path).unwrap());
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn damage_and_broken_references_are_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cms.db");
        let writer = town(&path);
        let sql = "PRAGMA foreign_keys = OFF; CREATE TABLE c (id INTEGER PRIMARY KEY, t REFERENCES t (id)); \
                   INSERT INTO c VALUES (1, 99999); PRAGMA wal_checkpoint(TRUNCATE);";
        writer.execute_batch(sql).unwrap();
        let told = faults(&path).unwrap();
        assert_eq!(told, ["a row of c names one of t that is not there"]);
    }
}
