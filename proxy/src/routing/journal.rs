//! The journal: every accepted order, fsynced before its reply, replayed at the next start.
//!
//! Its lines are a chain (`yagura_control::journal::chain`). When it has grown it is replaced, at a
//! start, by a snapshot of what its orders made. The new file is written beside the old one, synced
//! and renamed, so that a crash leaves one of the two. The old one is kept (`journal/full.rs`), and
//! the new one begins with its head. What is in a record stands in `record.rs`.

pub mod full;

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use yagura_control::hash::Hash;
use yagura_control::journal::chain::{self, Link};
use yagura_control::order::JournalStatus;

use super::record::Record;
use crate::error::EdgeError;

/// Beyond so many records a start replaces them by a snapshot.
pub const MOST_RECORDS: usize = 2_000;
/// So many bytes of several records are worth one as well: tables of redirects are large.
const MOST_BYTES: usize = 64 << 20;

/// The file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    records: usize,
    /// Its length when it was opened.
    bytes: usize,
    /// Its lines; more than records where it goes on from another file.
    lines: usize,
    /// What the next line is chained to.
    head: Hash,
    /// The number that it is kept under once it is full.
    number: u32,
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
        let read = chain::decode::<Record>(&bytes).map_err(|cause| EdgeError::Journal {
            path: path.to_owned(),
            cause,
        })?;
        let mut file = open(path).map_err(at())?;
        if read.sound_bytes < bytes.len() {
            tracing::warn!(file = %path.display(), "the journal's last record was cut off by a crash; it was never acknowledged");
            file.set_len(read.sound_bytes as u64).map_err(at())?;
        }
        file.seek(SeekFrom::End(0)).map_err(at())?;
        let journal = Self {
            path: path.to_owned(),
            file,
            records: read.records.len(),
            bytes: read.sound_bytes,
            lines: read.lines,
            head: read.head,
            number: full::number(path, read.link.as_ref()).map_err(at())?,
        };
        Ok((journal, read.records))
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
        let (line, head) = chain::encode(self.head, record)?;
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
            self.lines += 1;
            self.head = head;
        }
        written
    }

    /// Whether a snapshot is worth making.
    #[must_use]
    pub const fn has_grown(&self) -> bool {
        self.records > MOST_RECORDS || (self.records > 1 && self.bytes > MOST_BYTES)
    }

    /// How far it is.
    #[must_use]
    pub const fn status(&self) -> JournalStatus {
        JournalStatus {
            head: self.head,
            lines: self.lines as u64,
            file: self.number,
        }
    }

    /// Keeps the file as a full one, and begins another with one record that stands for all of it.
    ///
    /// # Errors
    /// The old journal stays in use.
    pub fn replace(&mut self, snapshot: &Record) -> io::Result<()> {
        let link = Link {
            goes_on_from: self.number,
            after: self.head,
        };
        let (first, head) = chain::encode_link(&link)?;
        let (second, head) = chain::encode(head, snapshot)?;
        full::keep(&self.path, self.number)?;
        let partial = self.path.with_extension("partial");
        let mut file = open(&partial)?;
        file.set_len(0)?;
        file.write_all(&first)?;
        file.write_all(&second)?;
        file.sync_all()?;
        fs::rename(&partial, &self.path)?;
        full::sync_folder(&self.path)?;
        full::compress(&self.path, self.number);
        *self = Self {
            path: std::mem::take(&mut self.path),
            file,
            records: 1,
            bytes: first.len() + second.len(),
            lines: 2,
            head,
            number: self.number + 1,
        };
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
    use std::collections::BTreeMap;

    use yagura_control::Timestamp;
    use yagura_control::approval::Requests;
    use yagura_control::journal::audit;
    use yagura_control::order::Order;

    use super::super::history::{Change, History};
    use super::super::intent::Intents;
    use super::*;
    use crate::cache::PurgeTable;

    fn snapshot(generation: u64) -> Record {
        Record::Snapshot {
            generation,
            at: Timestamp(1),
            redirects: BTreeMap::new(),
            purges: PurgeTable::new(),
            intents: Intents::default(),
            history: History::default(),
            bans: Vec::new(),
            requests: Requests::default(),
        }
    }

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
            request: None,
            ingress: None,
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
        let snapshot = snapshot(1);
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

    #[test]
    fn full_files_are_kept_and_the_chain_goes_through_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut heads = Vec::new();
        for turn in 1..=3 {
            let (mut journal, _) = Journal::open(&path).unwrap();
            journal.append(&record(turn)).unwrap();
            journal.append(&record(turn)).unwrap();
            heads.push(journal.status().head);
            let mut other = journal.status();
            journal.replace(&snapshot(turn)).unwrap();
            other.file += 1;
            assert_eq!(journal.status().file, other.file);
        }
        let files = full::read(folder.path()).unwrap();
        assert_eq!(files.full.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        let sound = audit::verify(&files, Some(heads[1])).unwrap();
        assert_eq!((sound.files, sound.lines), (4, 2 + 4 + 4 + 2));
        assert_eq!(sound.noted, Some(("journal.2".to_owned(), 4)));
        let (journal, _) = Journal::open(&path).unwrap();
        assert_eq!(journal.status().head, sound.head);
    }

    #[test]
    fn a_crash_between_keeping_a_full_file_and_the_new_one_leaves_a_whole_chain() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&record(1)).unwrap();
        full::keep(&path, journal.status().file).unwrap();
        // The next start finds the file under both names, and goes on with it.
        let (mut journal, records) = Journal::open(&path).unwrap();
        assert_eq!((records.len(), journal.status().file), (1, 1));
        journal.append(&record(2)).unwrap();
        journal.replace(&snapshot(2)).unwrap();
        let files = full::read(folder.path()).unwrap();
        assert_eq!(audit::verify(&files, None).unwrap().files, 2);
    }

    #[test]
    fn a_large_full_file_is_compressed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        let mut large = record(1);
        if let Record::Order { who, .. } = &mut large {
            *who = "x".repeat(full::LARGE_BYTES as usize);
        }
        journal.append(&large).unwrap();
        journal.replace(&snapshot(1)).unwrap();
        let name = |name: &str| folder.path().join(name).exists();
        assert!(name("journal.1.zst") && !name("journal.1"));
        let files = full::read(folder.path()).unwrap();
        assert_eq!(audit::verify(&files, None).unwrap().lines, 3);
        assert_eq!(Journal::open(&path).unwrap().0.status().file, 2);
    }

    #[test]
    fn a_journal_that_is_older_than_the_chain_goes_on_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let old = yagura_control::journal::encode(&record(1)).unwrap();
        fs::write(&path, &old).unwrap();
        let (mut journal, records) = Journal::open(&path).unwrap();
        assert_eq!(records, [record(1)]);
        journal.append(&record(2)).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [record(1), record(2)]);
        let files = full::read(folder.path()).unwrap();
        let sound = audit::verify(&files, None).unwrap();
        assert_eq!((sound.lines, sound.older_lines), (2, 1));
    }
}
