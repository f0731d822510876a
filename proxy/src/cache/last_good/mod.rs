//! Durable copies: one file a response, named by the hash of its key, in 256 folders.
//!
//! There is no index: opening reads nothing, and a power cut can tear nothing but a file that was
//! not acknowledged. A file is written beside its place, synced and renamed; [`LastGood::sync`]
//! then syncs the folders in which names changed, which makes them durable. A file that fails its
//! check is never served: it is removed and counted. Disk errors never reach readers: the store
//! says why it takes nothing new, and what is in memory is still served.
//!
//! - `format.rs`: a copy's bytes. `books.rs`: counts, and which folders are not synced.
//! - `presence.rs`: whether there may be a copy at all, without a look at the disk.
//! - `retention.rs`: which copies go. `listings.rs`: which never do. `upkeep.rs`: lets them go.
//! - `alarm.rs`: whether copies are taken. `disk.rs`: the file system, or one of the tests' own.
//! - `seal.rs`: nothing is changed while another process takes over.
//!
//! Everything here blocks; `cache/mod.rs` calls it on blocking threads.

mod alarm;
mod books;
mod disk;
pub mod format;
mod listings;
mod presence;
mod retention;
mod seal;
mod upkeep;

#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use yagura_control::Timestamp;
use yagura_control::order::LastGoodStatus;

pub use listings::Listings;
pub use retention::Rules;

use super::stored::Stored;
use alarm::{Alarm, Trouble};
use books::Books;
use disk::{Disk, HostDisk};
use format::Damage;
use presence::Presence;
use seal::Seal;

/// A read notes that the copy is used when the last note is older than this.
const TOUCH_EVERY: Duration = Duration::from_secs(86_400);

/// The copies in one folder.
#[derive(Debug)]
pub struct LastGood<D: Disk = HostDisk> {
    disk: D,
    folder: PathBuf,
    rules: Rules,
    seal: Seal,
    listings: Listings,
    presence: Presence,
    /// Held while a name changes what it stands for, so that the books are right, and a copy found
    /// to be withdrawn is not replaced by a new one just before it is removed.
    books: Mutex<Books>,
    /// Held while folders are synced: who comes second must not be told that all is done.
    syncing: Mutex<()>,
    /// When room was last sought in vain. Held while it is sought.
    sought_in_vain: Mutex<Option<Timestamp>>,
    alarm: Mutex<Alarm>,
    damaged: AtomicU64,
    temporary: AtomicU64,
}

/// What became of a copy that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is in its place; after the next [`LastGood::sync`] it survives a power cut.
    Yes,
    /// The quota has no room for it.
    NoRoom,
    /// The file system refused it.
    DiskFails,
    /// The folder is another process's now.
    HandedOver,
}

/// Where a copy lies.
struct Place {
    number: u8,
    path: PathBuf,
}

impl LastGood {
    /// Opens the folder, making it when it is new. Reads no copy, and never fails: a disk that
    /// cannot be written is an alarm, and readers get what lies on it.
    #[must_use]
    pub fn open(folder: &Path, rules: Rules) -> Self {
        Self::open_on(HostDisk, folder, rules)
    }
}

impl<D: Disk> LastGood<D> {
    /// The same on any disk.
    fn open_on(disk: D, folder: &Path, rules: Rules) -> Self {
        let store = Self {
            disk,
            folder: folder.to_owned(),
            rules,
            seal: Seal::default(),
            listings: Listings::default(),
            presence: Presence::default(),
            books: Mutex::default(),
            syncing: Mutex::default(),
            sought_in_vain: Mutex::default(),
            alarm: Mutex::default(),
            damaged: AtomicU64::new(0),
            temporary: AtomicU64::new(0),
        };
        if let Err(error) = store.make_folders() {
            store.raise(&error, 0, Timestamp::ZERO);
        }
        store
    }

    /// Which copies are never given up for room.
    pub const fn listings(&self) -> &Listings {
        &self.listings
    }

    /// The copy of a key, if there is one, and nothing is changed when it is damaged.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn look(&self, key: &str) -> Result<Option<Stored>, Damage> {
        self.decoded(&self.place(key), key)
    }

    /// The copy of a key, if there is a sound one. Notes, about once a day, that it was read.
    pub fn read(&self, key: &str, now: Timestamp) -> Option<Stored> {
        let place = self.place(key);
        match self.decoded(&place, key) {
            Ok(found) => {
                if found.is_some() {
                    self.note_use(&place, now);
                }
                found
            }
            Err(_) => {
                let mut books = lock(&self.books);
                // A new copy may have taken its place meanwhile.
                self.sound_or_removed(&mut books, &place, key)
            }
        }
    }

    /// Whether there may be a copy of the key; never false when there is one. No I/O.
    pub fn may_have(&self, key: &str) -> bool {
        self.presence
            .may_have(blake3::hash(key.as_bytes()).as_bytes())
    }

    /// Whether there is a file for the key, sound or not.
    pub fn has(&self, key: &str) -> bool {
        self.disk.facts(&self.place(key).path).is_ok()
    }

    /// Keeps a copy. A failure is remembered for the status and logged once.
    pub fn write(&self, stored: &Stored) -> Kept {
        let now = stored.received_at;
        let contents = match format::encode(stored) {
            Ok(contents) => contents,
            Err(error) => {
                tracing::warn!(key = ?stored.key, %error, "a response cannot be written as a copy");
                return Kept::NoRoom;
            }
        };
        let name = blake3::hash(stored.key.as_bytes());
        self.presence.note(name.as_bytes());
        let place = self.place_of(name);
        let length = contents.len() as u64;
        if !self.reserve(&place, length, now) {
            return Kept::NoRoom;
        }
        let Some(leave) = self.seal.leave() else {
            lock(&self.books).release(length);
            return Kept::HandedOver;
        };
        let put = self.put(&place, &contents);
        drop(leave);
        lock(&self.books).release(length);
        match put {
            Ok(()) => {
                self.calm(now);
                Kept::Yes
            }
            Err(error) => {
                self.raise(&error, length, now);
                Kept::DiskFails
            }
        }
    }

    /// Removes the copy of a key.
    pub fn remove(&self, key: &str) {
        self.remove_place(&mut lock(&self.books), &self.place(key));
    }

    /// Removes the copy of a key if `withdrawn` says so of the one that is there now.
    pub fn remove_if(&self, key: &str, withdrawn: impl Fn(&Stored) -> bool) {
        let place = self.place(key);
        let mut books = lock(&self.books);
        let found = self.sound_or_removed(&mut books, &place, key);
        if found.is_some_and(|stored| withdrawn(&stored)) {
            self.remove_place(&mut books, &place);
        }
    }

    /// Removes every copy of which `withdrawn` says so, durably. Bodies are read of those alone.
    pub fn sweep(&self, withdrawn: impl Fn(&Stored) -> bool) {
        /// Enough for any head.
        const HEAD_BYTES: u64 = 64 << 10;
        for (_, path) in self.files() {
            let start = self.disk.read(&path, HEAD_BYTES).unwrap_or_default();
            if let Some(head) = format::peek(&start)
                && withdrawn(&head)
            {
                self.remove_if(&head.key, &withdrawn);
            }
        }
        if let Err(error) = self.sync() {
            tracing::warn!(%error, "removed copies may be back after a power cut; they are not shown");
        }
    }

    /// Makes every copy kept and every removal so far survive a power cut.
    ///
    /// # Errors
    /// The file system refuses; the next call tries again.
    pub fn sync(&self) -> io::Result<()> {
        let _syncing = lock(&self.syncing);
        let unsynced = lock(&self.books).take_unsynced();
        let mut folders = unsynced.iter();
        for number in folders.by_ref() {
            if let Err(error) = self.disk.sync_folder(&self.folder_of(*number)) {
                let mut books = lock(&self.books);
                books.mark_unsynced(*number);
                folders.for_each(|later| books.mark_unsynced(*later));
                drop(books);
                self.raise(&error, 0, Timestamp::ZERO);
                return Err(error);
            }
        }
        Ok(())
    }

    /// How the store stands.
    pub fn status(&self) -> LastGoodStatus {
        let books = lock(&self.books);
        LastGoodStatus {
            entries: books.entries(),
            bytes: books.bytes(),
            quota_bytes: self.rules.quota_bytes,
            damaged: self.damaged.load(Ordering::Relaxed),
            degraded: lock(&self.alarm)
                .trouble()
                .map(|trouble| trouble.why().to_owned()),
        }
    }

    fn put(&self, place: &Place, contents: &[u8]) -> io::Result<()> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let partial = place
            .path
            .with_extension(format!("{process}-{number}.partial"));
        lock(&self.books).begin(partial.clone());
        let written = self.write_partial(&partial, contents);
        let mut books = lock(&self.books);
        let put = written.and_then(|()| {
            let replaced = self.disk.facts(&place.path).ok();
            self.disk.rename(&partial, &place.path)?;
            let replaced = replaced.map(|facts| facts.length_bytes);
            books.put(place.number, contents.len() as u64, replaced);
            Ok(())
        });
        if put.is_err() {
            let _removed_at_the_next_start = self.disk.remove(&partial);
        }
        books.end(&partial);
        put
    }

    fn write_partial(&self, partial: &Path, contents: &[u8]) -> io::Result<()> {
        let mut file = match self.disk.create(partial) {
            // The disk could not be written when the store was opened.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_folders()?;
                self.disk.create(partial)?
            }
            created => created?,
        };
        self.disk.write(&mut file, contents)?;
        self.disk.sync_file(&file)
    }

    /// A copy with its checks passed, or none; what a removed copy was is in the log.
    fn sound_or_removed(&self, books: &mut Books, place: &Place, key: &str) -> Option<Stored> {
        match self.decoded(place, key) {
            Ok(found) => found,
            Err(damage) => {
                tracing::error!(file = %place.path.display(), %damage, "a last-good copy is damaged and was removed");
                self.damaged.fetch_add(1, Ordering::Relaxed);
                self.remove_place(books, place);
                None
            }
        }
    }

    fn decoded(&self, place: &Place, key: &str) -> Result<Option<Stored>, Damage> {
        let file = match self.disk.read(&place.path, u64::MAX) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                // It may be readable again; nothing is removed.
                tracing::error!(file = %place.path.display(), %error, "a last-good copy cannot be read");
                return Ok(None);
            }
        };
        format::decode(&Bytes::from(file), key).map(Some)
    }

    fn note_use(&self, place: &Place, now: Timestamp) {
        let facts = self.disk.facts(&place.path);
        if facts.is_ok_and(|facts| now.since(facts.used_at) > TOUCH_EVERY) {
            let _kept_a_little_shorter = self.disk.touch(&place.path, now);
        }
    }

    fn remove_place(&self, books: &mut Books, place: &Place) {
        let Some(_leave) = self.seal.leave() else {
            return;
        };
        let Ok(facts) = self.disk.facts(&place.path) else {
            return;
        };
        match self.disk.remove(&place.path) {
            Ok(()) => books.take(place.number, facts.length_bytes),
            Err(error) => {
                tracing::error!(file = %place.path.display(), %error, "a copy cannot be removed; it is not shown");
            }
        }
    }

    /// Makes what is missing of the folders, and their names durable.
    fn make_folders(&self) -> io::Result<()> {
        let mut made = self.make_folder(&self.folder)?;
        if made && let Some(above) = self.folder.parent() {
            self.disk.sync_folder(above)?;
        }
        for number in 0..=u8::MAX {
            made |= self.make_folder(&self.folder_of(number))?;
        }
        if made {
            self.disk.sync_folder(&self.folder)?;
        }
        Ok(())
    }

    fn make_folder(&self, folder: &Path) -> io::Result<bool> {
        match self.disk.make_folder(folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn raise(&self, error: &io::Error, length_bytes: u64, now: Timestamp) {
        let why = error.to_string();
        self.alert(Trouble::Disk { why, length_bytes }, now);
    }

    fn alert(&self, trouble: Trouble, now: Timestamp) {
        let why = trouble.why().to_owned();
        if lock(&self.alarm).failed(trouble, now) {
            tracing::error!(%why, "last-good takes nothing new");
        }
    }

    fn calm(&self, now: Timestamp) {
        if lock(&self.alarm).succeeded(now) {
            tracing::info!("last-good copies are taken again");
        }
    }

    fn place(&self, key: &str) -> Place {
        self.place_of(blake3::hash(key.as_bytes()))
    }

    fn place_of(&self, hash: blake3::Hash) -> Place {
        let [number, ..] = *hash.as_bytes();
        let name = hash.to_hex();
        let (_, rest) = name.split_at(2);
        Place {
            number,
            path: self.folder_of(number).join(rest),
        }
    }

    fn folder_of(&self, number: u8) -> PathBuf {
        self.folder.join(format!("{number:02x}"))
    }

    /// Every file, with the number of its folder.
    fn files(&self) -> impl Iterator<Item = (u8, PathBuf)> {
        (0..=u8::MAX).flat_map(|number| {
            let files = self.disk.list(&self.folder_of(number)).unwrap_or_default();
            files.into_iter().map(move |path| (number, path))
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
