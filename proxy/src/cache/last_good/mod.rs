//! Durable copies: one file a response, named by the hash of its key, in 256 folders.
//!
//! There is no index: opening reads nothing, and a power cut can tear nothing but a file that was
//! not acknowledged. A file is written beside its place, synced and renamed. A file that fails its
//! check is never served: it is removed and counted. Disk errors never reach readers: the store
//! says why it takes nothing new, and what is in memory is still served.
//!
//! Everything here blocks; `cache/mod.rs` calls it on blocking threads.

pub mod format;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use yagura_control::order::LastGoodStatus;

use super::stored::Stored;

/// The copies in one folder.
#[derive(Debug)]
pub struct LastGood {
    folder: PathBuf,
    quota_bytes: u64,
    bytes: AtomicU64,
    entries: AtomicU64,
    damaged: AtomicU64,
    temporary: AtomicU64,
    /// Held while a name changes what it stands for, so that a copy found to be withdrawn is not
    /// replaced by a new one just before it is removed.
    renaming: Mutex<()>,
    degraded: Mutex<Option<String>>,
}

impl LastGood {
    /// Opens the folder, making it when it is new. Reads no copy.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path, quota_bytes: u64) -> io::Result<Self> {
        for number in 0..=u8::MAX {
            fs::create_dir_all(folder.join(format!("{number:02x}")))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            quota_bytes,
            bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            temporary: AtomicU64::new(0),
            renaming: Mutex::default(),
            degraded: Mutex::new(None),
        })
    }

    /// Counts the copies and removes what a crash left half-written. Run once, in the background.
    pub fn take_stock(&self) {
        let own = format!(".{}-", std::process::id());
        for file in self.files() {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".partial") {
                // Those of this process are being written just now.
                if !name.contains(&own) {
                    let _removed_at_the_next_start = fs::remove_file(&file);
                }
            } else if let Ok(metadata) = fs::metadata(&file) {
                self.entries.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(metadata.len(), Ordering::Relaxed);
            }
        }
    }

    /// The copy of a key, if there is one, and nothing is changed when it is damaged.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn look(&self, key: &str) -> Result<Option<Stored>, format::Damage> {
        match fs::read(self.path(key)) {
            Ok(file) => format::decode(&Bytes::from(file), key).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The copy of a key, if there is a sound one.
    pub fn read(&self, key: &str) -> Option<Stored> {
        let path = self.path(key);
        match self.look(key) {
            Ok(stored) => stored,
            Err(damage) => {
                tracing::error!(file = %path.display(), %damage, "a last-good copy is damaged and was removed");
                self.damaged.fetch_add(1, Ordering::Relaxed);
                self.remove_file(&path);
                None
            }
        }
    }

    /// Whether there is a file for the key, sound or not.
    pub fn has(&self, key: &str) -> bool {
        self.path(key).exists()
    }

    /// Keeps a copy durably. A failure is remembered for the status and logged once.
    pub fn write(&self, stored: &Stored) {
        let result = self.try_write(stored);
        let mut degraded = lock(&self.degraded);
        match result {
            Ok(()) => {
                if degraded.take().is_some() {
                    tracing::info!("last-good copies are taken again");
                }
            }
            Err(error) => {
                let why = error.to_string();
                if degraded.as_ref() != Some(&why) {
                    tracing::error!(%why, "last-good takes nothing new");
                }
                *degraded = Some(why);
            }
        }
    }

    fn try_write(&self, stored: &Stored) -> io::Result<()> {
        let contents = format::encode(stored).map_err(io::Error::other)?;
        let length = contents.len() as u64;
        let path = self.path(&stored.key);
        let replaced = fs::metadata(&path).map(|metadata| metadata.len()).ok();
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes.saturating_sub(replaced.unwrap_or(0)) + length > self.quota_bytes {
            let quota = self.quota_bytes;
            return Err(io::Error::other(format!(
                "the quota of {quota} bytes is used up; raise `last_good`"
            )));
        }
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let partial = path.with_extension(format!("{}-{number}.partial", std::process::id()));
        let written = (|| {
            let mut file = File::create(&partial)?;
            file.write_all(&contents)?;
            file.sync_data()?;
            let _renaming = lock(&self.renaming);
            fs::rename(&partial, &path)
        })();
        if written.is_err() {
            let _already_gone = fs::remove_file(&partial);
            return written;
        }
        self.bytes.fetch_add(length, Ordering::Relaxed);
        match replaced {
            Some(old) => self.subtract_bytes(old),
            None => {
                self.entries.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Removes the copy of a key.
    pub fn remove(&self, key: &str) {
        self.remove_file(&self.path(key));
    }

    /// Removes the copy of a key if `withdrawn` says so of the one that is there now.
    pub fn remove_if(&self, key: &str, withdrawn: impl Fn(&Stored) -> bool) {
        let _renaming = lock(&self.renaming);
        if self.read(key).is_some_and(|stored| withdrawn(&stored)) {
            self.remove_file(&self.path(key));
        }
    }

    /// Removes every copy of which `withdrawn` says so. Bodies are read of those alone.
    pub fn sweep(&self, withdrawn: impl Fn(&Stored) -> bool) {
        for head in self.files().filter_map(|path| peek(&path)) {
            if withdrawn(&head) {
                self.remove_if(&head.key, &withdrawn);
            }
        }
    }

    /// Makes every rename and removal so far survive a power cut.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.folder)?)?)
    }

    /// How the store stands.
    pub fn status(&self) -> LastGoodStatus {
        LastGoodStatus {
            entries: self.entries.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            quota_bytes: self.quota_bytes,
            damaged: self.damaged.load(Ordering::Relaxed),
            degraded: lock(&self.degraded).clone(),
        }
    }

    fn remove_file(&self, path: &Path) {
        let length = fs::metadata(path).map(|metadata| metadata.len());
        if fs::remove_file(path).is_ok() {
            let counted = |entries: u64| Some(entries.saturating_sub(1));
            let _previous =
                self.entries
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
            self.subtract_bytes(length.unwrap_or(0));
        }
    }

    fn subtract_bytes(&self, fewer: u64) {
        let counted = |bytes: u64| Some(bytes.saturating_sub(fewer));
        let _previous = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
    }

    fn path(&self, key: &str) -> PathBuf {
        let name = blake3::hash(key.as_bytes()).to_hex();
        let (first, rest) = name.split_at(2);
        self.folder.join(first).join(rest)
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let folders = (0..=u8::MAX).map(|number| self.folder.join(format!("{number:02x}")));
        folders
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What a file's head says, read without its body.
fn peek(path: &Path) -> Option<Stored> {
    const ENOUGH_BYTES: u64 = 64 << 10;
    let mut start = Vec::new();
    File::open(path)
        .ok()?
        .take(ENOUGH_BYTES)
        .read_to_end(&mut start)
        .ok()?;
    format::peek(&start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::stored::tests::response;
    use yagura_control::Timestamp;

    fn open(folder: &Path) -> LastGood {
        LastGood::open(folder, 1 << 20).unwrap()
    }

    #[test]
    fn copies_outlive_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let stored = response("town\n\n/a", "text", "page-1", Timestamp(1));
        open(folder.path()).write(&stored);
        let again = open(folder.path());
        assert_eq!(again.read("town\n\n/a"), Some(stored));
        again.take_stock();
        assert_eq!(again.status().entries, 1);
    }

    #[test]
    fn a_damaged_copy_is_removed_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        store.write(&response("town\n\n/a", "text", "", Timestamp(1)));
        let path = store.path("town\n\n/a");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(store.read("town\n\n/a"), None);
        assert!(!path.exists());
        assert_eq!(store.status().damaged, 1);
        assert_eq!(store.status().entries, 0);
    }

    #[test]
    fn what_a_crash_left_half_written_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let partial = folder.path().join("00/abc.0-1.partial");
        fs::write(&partial, "half").unwrap();
        store.take_stock();
        assert!(!partial.exists());
    }

    #[test]
    fn a_full_quota_takes_nothing_new_and_loses_nothing_old() {
        let folder = tempfile::tempdir().unwrap();
        let store = LastGood::open(folder.path(), 700).unwrap();
        store.write(&response("town\n\n/a", "text", "", Timestamp(1)));
        store.write(&response("town\n\n/b", "text", "", Timestamp(1)));
        assert!(store.read("town\n\n/a").is_some());
        assert!(store.read("town\n\n/b").is_none());
        assert!(store.status().degraded.unwrap().contains("quota"));
        store.write(&response("town\n\n/a", "newer", "", Timestamp(2)));
        assert_eq!(store.read("town\n\n/a").unwrap().body, "newer");
        assert_eq!(store.status().degraded, None);
    }

    #[test]
    fn a_sweep_removes_what_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        store.write(&response("town\n\n/a", "text", "page-1", Timestamp(1)));
        store.write(&response("town\n\n/b", "text", "page-2", Timestamp(1)));
        store.sweep(|stored| stored.key.ends_with("/a"));
        assert!(!store.has("town\n\n/a") && store.has("town\n\n/b"));
    }
}
