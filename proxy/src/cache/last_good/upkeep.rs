//! What the store does with its files besides keeping and reading them: counting, clearing away
//! what a crash left, letting go what `retention.rs` says, and trying whether a disk that failed
//! takes copies again. Each looks at every file, and runs in the background or when a copy does
//! not fit.

use std::path::Path;
use std::time::Duration;

use yagura_control::Timestamp;

use super::alarm::Trouble;
use super::disk::Disk;
use super::listings::Name;
use super::retention::{self, Candidate};
use super::{LastGood, Place, lock};

/// How long no room is sought again after it was sought in vain.
const SEEK_AGAIN: Duration = Duration::from_secs(60);
/// The most that is written to find out whether a disk takes copies again.
const LONGEST_TRIAL_BYTES: u64 = 1 << 20;

impl<D: Disk> LastGood<D> {
    /// Counts the copies and removes what a crash left half-written. Run once, in the background.
    pub fn take_stock(&self) {
        let mut all_listed = true;
        for number in 0..=u8::MAX {
            let Some(_leave) = self.seal.leave() else {
                return;
            };
            // Names in this folder stand still while it is counted.
            let mut books = lock(&self.books);
            let files = self.disk.list(&self.folder_of(number));
            all_listed &= files.is_ok();
            let (mut entries, mut bytes) = (0, 0);
            for file in files.unwrap_or_default() {
                if let Some(name) = name_of(number, &file) {
                    self.presence.note(&name);
                }
                if is_partial(&file) {
                    if !books.is_being_written(&file) {
                        let _removed_at_the_next_start = self.disk.remove(&file);
                    }
                } else if let Ok(facts) = self.disk.facts(&file) {
                    entries += 1;
                    bytes += facts.length_bytes;
                }
            }
            books.count(number, entries, bytes);
        }
        if all_listed {
            self.presence.complete();
        }
    }

    /// Lets go what nobody lists and nobody read or confirmed for as long as it is kept. Does
    /// nothing before every list is known.
    pub fn retire(&self, now: Timestamp) {
        if self.listings.are_whole() {
            self.let_go(0, now);
        }
    }

    /// Whether the file system refused the last copy.
    pub fn is_disk_failing(&self) -> bool {
        matches!(lock(&self.alarm).trouble(), Some(Trouble::Disk { .. }))
    }

    /// Tries, while there is an alarm, whether a copy could be kept now; ends the alarm if so.
    pub fn try_again(&self, now: Timestamp) {
        let Some(_leave) = self.seal.leave() else {
            return;
        };
        let trouble = lock(&self.alarm).trouble().cloned();
        let has_room = || lock(&self.books).bytes_soon() < self.rules.quota_bytes / 100 * 95;
        match trouble {
            Some(Trouble::Disk { length_bytes, .. }) => {
                let length = length_bytes.clamp(1, LONGEST_TRIAL_BYTES);
                match self.trial(length) {
                    Ok(()) => self.calm(now),
                    Err(error) => self.raise(&error, length_bytes, now),
                }
            }
            Some(Trouble::Quota { .. }) if has_room() => self.calm(now),
            Some(Trouble::Quota { .. }) | None => {}
        }
    }

    /// Sets room aside, making some when there is none.
    pub(super) fn reserve(&self, place: &Place, length_bytes: u64, now: Timestamp) -> bool {
        let replaced = self.disk.facts(&place.path);
        let replaced = replaced.map_or(0, |facts| facts.length_bytes);
        let reserve = || {
            let mut books = lock(&self.books);
            let soon = books.bytes_soon().saturating_sub(replaced);
            let fits = soon.saturating_add(length_bytes) <= self.rules.quota_bytes;
            if fits {
                books.reserve(length_bytes);
            }
            fits
        };
        if reserve() {
            return true;
        }
        let mut in_vain = lock(&self.sought_in_vain);
        if reserve() {
            return true;
        }
        let lately = in_vain.is_some_and(|at| now >= at && now.since(at) < SEEK_AGAIN);
        if !lately && self.listings.are_whole() {
            self.let_go(length_bytes.saturating_sub(replaced), now);
            if reserve() {
                *in_vain = None;
                return true;
            }
        }
        if !lately {
            *in_vain = Some(now);
        }
        let quota = self.rules.quota_bytes;
        let by = if self.listings.are_whole() {
            "by pages that are listed"
        } else {
            "and it is not known yet which copies are listed"
        };
        let why = format!("the quota of {quota} bytes is used up {by}; raise `last_good`");
        self.alert(Trouble::Quota { why }, now);
        false
    }

    fn let_go(&self, wanted_bytes: u64, now: Timestamp) {
        let (mut places, mut candidates) = (Vec::new(), Vec::new());
        for (number, path) in self.files().filter(|(_, path)| !is_partial(path)) {
            let Ok(facts) = self.disk.facts(&path) else {
                continue;
            };
            let listed = name_of(number, &path).is_some_and(|name| self.listings.have(&name));
            candidates.push(Candidate {
                length_bytes: facts.length_bytes,
                used_at: facts.used_at,
                listed,
            });
            places.push(Place { number, path });
        }
        let leaving = retention::leaving(&candidates, wanted_bytes, &self.rules, now);
        if leaving.is_empty() {
            return;
        }
        let count = leaving.len();
        for place in leaving.into_iter().filter_map(|index| places.get(index)) {
            self.remove_place(&mut lock(&self.books), place);
        }
        tracing::info!(
            count,
            "copies that nobody lists and nobody read were let go"
        );
    }

    /// Writes and removes a file as long as a copy.
    fn trial(&self, length_bytes: u64) -> std::io::Result<()> {
        self.make_folders()?;
        let folder = self.folder_of(0);
        let path = folder.join("trial.partial");
        let zeros = vec![0; usize::try_from(length_bytes).unwrap_or(0)];
        let written = self.write_partial(&path, &zeros);
        let removed = self.disk.remove(&path);
        written.and(removed)?;
        self.disk.sync_folder(&folder)
    }
}

fn is_partial(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "partial")
}

/// The name that a file stands for.
fn name_of(number: u8, path: &Path) -> Option<Name> {
    let rest = path.file_name()?.to_str()?;
    let hash = blake3::Hash::from_hex(format!("{number:02x}{rest}")).ok()?;
    Some(*hash.as_bytes())
}
