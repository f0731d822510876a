//! The journal: every accepted order, fsynced before its reply, replayed at the next start.
//!
//! When it has grown it is replaced, at a start, by a snapshot of what its orders made. The new
//! file is written beside the old one, synced and renamed, so that a crash leaves one of the two.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use yagura_control::order::{BanInForce, Order};
use yagura_control::redirect::Redirect;
use yagura_control::{Timestamp, journal};

use super::history::{Change, History};
use super::intent::Intents;
use crate::cache::PurgeTable;
use crate::error::EdgeError;

/// Beyond so many records a start replaces them by a snapshot.
pub const MOST_RECORDS: usize = 2_000;
/// So many bytes of several records are worth one as well: tables of redirects are large.
const MOST_BYTES: usize = 64 << 20;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// An order that was carried out.
    Order {
        /// The generation it made.
        generation: u64,
        /// When.
        at: Timestamp,
        /// Who gave it, as told, and as the socket proves.
        who: String,
        /// Why, as told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What.
        order: Order,
        /// What it changed, in words; records of older versions lack it.
        #[serde(default)]
        change: Change,
        /// The order that this one takes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undoes: Option<u64>,
    },
    /// A site's way moved without an order.
    Move {
        /// When.
        at: Timestamp,
        /// By what: health or time.
        by: String,
        /// Which site.
        site: String,
        /// How it was, and how it is.
        change: Change,
    },
    /// Everything up to here, summed up.
    /// The CMS took posts of a disaster page.
    HandedOver {
        /// When.
        at: Timestamp,
        /// Of which site.
        site: String,
        /// Their numbers.
        posts: Vec<u64>,
    },
    /// Everything before, summed up.
    Snapshot {
        /// The generation it stands for.
        generation: u64,
        /// When.
        at: Timestamp,
        /// Redirects by site.
        redirects: BTreeMap<String, Vec<Redirect>>,
        /// Purges in force.
        purges: PurgeTable,
        /// What operators want.
        #[serde(default)]
        intents: Intents,
        /// What happened before.
        #[serde(default)]
        history: History,
        /// Bans in force.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        bans: Vec<BanInForce>,
    },
}

impl Record {
    /// The generation that it made; what nobody ordered makes none.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        match self {
            Self::Order { generation, .. } | Self::Snapshot { generation, .. } => *generation,
            Self::Move { .. } | Self::HandedOver { .. } => 0,
        }
    }
}

/// The file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    records: usize,
    /// Its length when it was opened.
    bytes: usize,
}

impl Journal {
    /// Opens the journal, or begins one, and gives its records. A torn tail is cut off.
    ///
    /// # Errors
    /// The file cannot be used, or is damaged before its tail.
    pub fn open(path: &Path) -> Result<(Self, Vec<Record>), EdgeError> {
        let at = || EdgeError::at(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(EdgeError::at(folder))?;
        }
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(at()(error)),
        };
        let replay = journal::decode::<Record>(&bytes).map_err(|cause| EdgeError::Journal {
            path: path.to_owned(),
            cause,
        })?;
        let mut file = open(path).map_err(at())?;
        if replay.sound_bytes < bytes.len() {
            tracing::warn!(file = %path.display(), "the journal's last record was cut off by a crash; it was never acknowledged");
            file.set_len(replay.sound_bytes as u64).map_err(at())?;
        }
        file.seek(SeekFrom::End(0)).map_err(at())?;
        let journal = Self {
            path: path.to_owned(),
            file,
            records: replay.records.len(),
            bytes: replay.sound_bytes,
        };
        Ok((journal, replay.records))
    }

    /// Opens the file again and gives its records: another process may have added some, or put a
    /// snapshot in its place.
    ///
    /// # Errors
    /// The file cannot be used, or is damaged.
    pub fn open_again(&mut self) -> Result<Vec<Record>, EdgeError> {
        let (again, records) = Self::open(&self.path)?;
        *self = again;
        Ok(records)
    }

    /// Adds a record and waits until it is on the disk.
    ///
    /// # Errors
    /// It is not; what was written of it is cut off again.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let line = journal::encode(record)?;
        let before = self.file.stream_position()?;
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        if written.is_err() {
            self.file.set_len(before)?;
            self.file.seek(SeekFrom::Start(before))?;
        } else {
            self.records += 1;
        }
        written
    }

    /// Whether a snapshot is worth making.
    #[must_use]
    pub const fn has_grown(&self) -> bool {
        self.records > MOST_RECORDS || (self.records > 1 && self.bytes > MOST_BYTES)
    }

    /// Replaces everything by one record.
    ///
    /// # Errors
    /// The old journal stays in use.
    pub fn replace(&mut self, snapshot: &Record) -> io::Result<()> {
        let partial = self.path.with_extension("partial");
        let mut file = open(&partial)?;
        file.set_len(0)?;
        file.write_all(&journal::encode(snapshot)?)?;
        file.sync_all()?;
        fs::rename(&partial, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.file = file;
        self.records = 1;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(generation: u64) -> Record {
        let at = Timestamp(generation);
        Record::Order {
            generation,
            at,
            who: "test".into(),
            reason: None,
            order: Order::Reload,
            change: Change::default(),
            undoes: None,
        }
    }

    #[test]
    fn records_outlive_the_process_and_a_torn_tail_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal/orders");
        let (mut journal, none) = Journal::open(&path).unwrap();
        assert!(none.is_empty());
        journal.append(&record(1)).unwrap();
        journal.append(&record(2)).unwrap();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let (mut journal, records) = Journal::open(&path).unwrap();
        assert_eq!(records, [record(1)]);
        journal.append(&record(3)).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [record(1), record(3)]);
    }

    #[test]
    fn a_snapshot_takes_the_place_of_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&record(1)).unwrap();
        let (redirects, purges) = (BTreeMap::new(), PurgeTable::new());
        let snapshot = Record::Snapshot {
            generation: 1,
            at: Timestamp(1),
            redirects,
            purges,
            intents: Intents::default(),
            history: History::default(),
            bans: Vec::new(),
        };
        journal.replace(&snapshot).unwrap();
        journal.append(&record(2)).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [snapshot, record(2)]);
    }

    #[test]
    fn damage_in_the_middle_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&record(1)).unwrap();
        journal.append(&record(2)).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(
            Journal::open(&path),
            Err(EdgeError::Journal { .. })
        ));
    }
}
