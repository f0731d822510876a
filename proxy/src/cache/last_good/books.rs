//! What the store knows of its own files: how many, how large, which folders are not synced yet,
//! and what is being written. Pure; the store holds it under the lock that guards every name.
//!
//! Folders are counted one by one after the start. What changes in a folder that was not counted
//! yet is left to its count, so that nothing is counted twice.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Folders of copies, one for each first byte of a name.
pub const FOLDERS: usize = 256;

/// The books of one store.
#[derive(Debug)]
pub struct Books {
    entries: u64,
    bytes: u64,
    reserved_bytes: u64,
    counted: [bool; FOLDERS],
    unsynced: [bool; FOLDERS],
    writing: HashSet<PathBuf>,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            entries: 0,
            bytes: 0,
            reserved_bytes: 0,
            counted: [false; FOLDERS],
            unsynced: [false; FOLDERS],
            writing: HashSet::new(),
        }
    }
}

impl Books {
    /// Copies, as far as they are counted.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Their bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes held when everything under way is written.
    pub const fn bytes_soon(&self) -> u64 {
        self.bytes.saturating_add(self.reserved_bytes)
    }

    /// Sets room aside for a copy.
    pub const fn reserve(&mut self, length_bytes: u64) {
        self.reserved_bytes = self.reserved_bytes.saturating_add(length_bytes);
    }

    /// Gives the room free that was set aside.
    pub const fn release(&mut self, length_bytes: u64) {
        self.reserved_bytes = self.reserved_bytes.saturating_sub(length_bytes);
    }

    /// Notes a file that is being written.
    pub fn begin(&mut self, partial: PathBuf) {
        self.writing.insert(partial);
    }

    /// Notes that it is no longer.
    pub fn end(&mut self, partial: &Path) {
        self.writing.remove(partial);
    }

    /// Whether a file is being written.
    pub fn is_being_written(&self, partial: &Path) -> bool {
        self.writing.contains(partial)
    }

    /// Notes a copy that has its name, and the length of the one it replaced.
    pub fn put(&mut self, folder: u8, length_bytes: u64, replaced_bytes: Option<u64>) {
        self.mark_unsynced(folder);
        if self.is_counted(folder) {
            self.entries += u64::from(replaced_bytes.is_none());
            let before = self.bytes.saturating_sub(replaced_bytes.unwrap_or(0));
            self.bytes = before.saturating_add(length_bytes);
        }
    }

    /// Notes a copy that was removed.
    pub fn take(&mut self, folder: u8, length_bytes: u64) {
        self.mark_unsynced(folder);
        if self.is_counted(folder) {
            self.entries = self.entries.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(length_bytes);
        }
    }

    /// Takes over the count of a folder, once.
    pub fn count(&mut self, folder: u8, entries: u64, bytes: u64) {
        if let Some(counted) = self.counted.get_mut(usize::from(folder))
            && !*counted
        {
            *counted = true;
            self.entries += entries;
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// Notes that names in a folder changed.
    pub fn mark_unsynced(&mut self, folder: u8) {
        if let Some(unsynced) = self.unsynced.get_mut(usize::from(folder)) {
            *unsynced = true;
        }
    }

    /// The folders whose names changed since this was last asked.
    pub fn take_unsynced(&mut self) -> Vec<u8> {
        let unsynced = std::mem::replace(&mut self.unsynced, [false; FOLDERS]);
        (0..=u8::MAX)
            .zip(unsynced)
            .filter_map(|(folder, changed)| changed.then_some(folder))
            .collect()
    }

    fn is_counted(&self, folder: u8) -> bool {
        self.counted
            .get(usize::from(folder))
            .is_some_and(|counted| *counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_during_the_count_is_counted_once() {
        let mut books = Books::default();
        books.put(7, 100, None);
        assert_eq!(books.entries(), 0, "the folder's count will find it");
        books.count(7, 1, 100);
        books.count(7, 1, 100);
        books.put(7, 50, Some(100));
        books.put(7, 20, None);
        assert_eq!((books.entries(), books.bytes()), (2, 70));
        books.take(7, 50);
        assert_eq!((books.entries(), books.bytes()), (1, 20));
    }

    #[test]
    fn a_folder_is_synced_once_for_all_its_changes() {
        let mut books = Books::default();
        books.put(1, 1, None);
        books.put(1, 1, None);
        books.take(9, 1);
        assert_eq!(books.take_unsynced(), [1, 9]);
        assert!(books.take_unsynced().is_empty());
    }
}
