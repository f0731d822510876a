//! One file a day (`2026-11-23`): a line for what one site counted between two writes, framed like
//! the journal's. A line whose checksum does not fit, as a power cut leaves it, is passed over.
//!
//! A day's file is rewritten as one sum a site when the day is over, and whenever it has grown, so
//! that it is as long as what there is to tell. Days that are older than is kept are dropped.
//! A count belongs to the day on which it is written, at most [`super::INTERVAL`] after it was made.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use yagura_control::{Day, Timestamp, journal};

/// A day's file is rewritten when it is longer than this and several times its sum.
const GROWN_BYTES: u64 = 4 << 20;
/// How many times.
const GROWN_TIMES: u64 = 4;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    site: String,
    counts: Vec<(String, u64)>,
}

/// Counts of one site by source.
pub type Counts = BTreeMap<String, u64>;

/// The folder.
#[derive(Debug)]
pub struct HitStore {
    folder: PathBuf,
    keep: Duration,
    /// The file of the present day.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    day: Day,
    file: File,
    bytes: u64,
    /// How long its sum was when it was last rewritten.
    sum_bytes: u64,
}

impl HitStore {
    /// Uses a folder; days are kept for so long.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(folder: &Path, keep: Duration) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            keep,
            open: Mutex::new(None),
        })
    }

    /// Adds what a site counted, and waits until it is on the disk.
    ///
    /// # Errors
    /// It is not, and counts as not written.
    pub fn append(&self, now: Timestamp, site: &str, counts: &[(String, u64)]) -> io::Result<()> {
        let line = line(site, counts)?;
        let mut open = self.lock();
        let day = Day::of(now);
        if open.as_ref().is_none_or(|open| open.day != day) {
            *open = Some(self.open_day(day)?);
        }
        let Some(file) = open.as_mut() else {
            return Ok(());
        };
        let written = file
            .file
            .write_all(&line)
            .and_then(|()| file.file.sync_data());
        if let Err(error) = written {
            // What came of the line must not come before the next one.
            let cut = file.file.set_len(file.bytes);
            let sought = file.file.seek(SeekFrom::Start(file.bytes));
            if cut.and(sought).is_err() {
                *open = None;
            }
            return Err(error);
        }
        file.bytes += line.len() as u64;
        if file.bytes > GROWN_BYTES && file.bytes > GROWN_TIMES * file.sum_bytes {
            *open = None;
            let sum_bytes = self.sum_up(day)?;
            *open = Some(Open {
                sum_bytes,
                ..self.open_day(day)?
            });
        }
        Ok(())
    }

    /// Closes the present day's file: another process writes to it from now on, and may replace it.
    pub fn let_go(&self) {
        *self.lock() = None;
    }

    /// What a site counted on a day; nothing where there is no file.
    #[must_use]
    pub fn counts(&self, day: Day, site: &str) -> Counts {
        let mut days = self.read(day);
        days.remove(site).unwrap_or_default()
    }

    /// The days there are files of, oldest first.
    #[must_use]
    pub fn days(&self) -> Vec<Day> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut days: Vec<Day> = names.filter_map(|name| name.parse().ok()).collect();
        days.sort_unstable();
        days
    }

    /// Sums up the days that are over, and drops those that are kept no longer.
    pub fn tidy(&self, now: Timestamp) {
        let today = Day::of(now);
        let kept = u32::try_from(self.keep.as_secs() / 86_400).unwrap_or(u32::MAX);
        let oldest = today.before(kept);
        for day in self.days() {
            let done = if day < oldest {
                fs::remove_file(self.path(day))
            } else if day < today && !self.is_summed_up(day) {
                self.sum_up(day).map(|_| ())
            } else {
                Ok(())
            };
            if let Err(error) = done {
                tracing::warn!(%error, %day, "the day's counts of redirects could not be tidied");
            }
        }
    }

    /// Rewrites a day's file as its sums, beside it and in its place, so that a crash leaves one of
    /// the two.
    fn sum_up(&self, day: Day) -> io::Result<u64> {
        let mut bytes = Vec::new();
        for (site, counts) in self.read(day) {
            let counts: Vec<(String, u64)> = counts.into_iter().collect();
            bytes.extend(line(&site, &counts)?);
        }
        let partial = self.folder.join("partial");
        let mut file = File::create(&partial)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&partial, self.path(day))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(bytes.len() as u64)
    }

    fn is_summed_up(&self, day: Day) -> bool {
        let (lines, sound) = self.lines(day);
        let mut sites: Vec<&str> = lines.iter().map(|line| line.site.as_str()).collect();
        sites.sort_unstable();
        sites.dedup();
        sound && sites.len() == lines.len()
    }

    fn read(&self, day: Day) -> BTreeMap<String, Counts> {
        let mut sites: BTreeMap<String, Counts> = BTreeMap::new();
        for line in self.lines(day).0 {
            let site = sites.entry(line.site).or_default();
            for (source, count) in line.counts {
                *site.entry(source).or_default() += count;
            }
        }
        sites
    }

    /// The sound lines of a day, and whether all are.
    fn lines(&self, day: Day) -> (Vec<Counted>, bool) {
        let bytes = match fs::read(self.path(day)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, %day, "the day's counts of redirects cannot be read");
                Vec::new()
            }
        };
        let mut all_sound = true;
        let lines = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .filter_map(|line| {
                let read = journal::decode::<Counted>(line).ok();
                let record = read.and_then(|mut replay| replay.records.pop());
                all_sound &= record.is_some();
                record
            });
        let lines = lines.collect();
        (lines, all_sound)
    }

    fn open_day(&self, day: Day) -> io::Result<Open> {
        let mut file = File::options()
            .read(true)
            // At an upgrade two processes may write; each adds its lines after the other's.
            .append(true)
            .create(true)
            .open(self.path(day))?;
        // A last line that a crash cut off must not be continued.
        let bytes = fs::read(self.path(day))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let sound = whole.map_or(0, |at| at as u64 + 1);
        file.set_len(sound)?;
        file.seek(SeekFrom::Start(sound))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Open {
            day,
            file,
            bytes: sound,
            sum_bytes: 0,
        })
    }

    fn path(&self, day: Day) -> PathBuf {
        self.folder.join(day.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(site: &str, counts: &[(String, u64)]) -> io::Result<Vec<u8>> {
    let counted = Counted {
        site: site.to_owned(),
        counts: counts.to_vec(),
    };
    Ok(journal::encode(&counted)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY_MS: u64 = 86_400_000;
    const NOON: Timestamp = Timestamp(20_000 * DAY_MS);

    fn store(folder: &Path) -> HitStore {
        HitStore::open(folder, Duration::from_secs(3 * 86_400)).unwrap()
    }

    fn counts(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
        let owned = pairs
            .iter()
            .map(|(source, count)| ((*source).to_owned(), *count));
        owned.collect()
    }

    #[test]
    fn days_are_summed_up_and_dropped_when_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for days in 0..5 {
            let at = Timestamp(NOON.0 + days * DAY_MS);
            store
                .append(at, "city", &counts(&[("/a", 1), ("/b", 2)]))
                .unwrap();
            store.append(at, "city", &counts(&[("/a", 5)])).unwrap();
            store.append(at, "other", &counts(&[("/a", 9)])).unwrap();
        }
        let now = Timestamp(NOON.0 + 4 * DAY_MS);
        store.tidy(now);
        let days = store.days();
        assert_eq!(days.len(), 4, "{days:?}");
        for day in &days {
            let counted = store.counts(*day, "city");
            assert_eq!((counted["/a"], counted["/b"]), (6, 2), "{day}");
            let lines = store.lines(*day).0.len();
            assert_eq!(lines, if *day == Day::of(now) { 3 } else { 2 }, "{day}");
        }
    }

    #[test]
    fn a_file_that_grows_is_summed_up_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let many: Vec<(String, u64)> = (0..10_000)
            .map(|number| (format!("/a-long-address/of-a-page/{number}"), 1))
            .collect();
        for _ in 0..20 {
            store.append(NOON, "city", &many).unwrap();
        }
        let size = fs::metadata(store.path(Day::of(NOON))).unwrap().len();
        assert!(size < 2 * GROWN_BYTES, "{size}");
        let counted = store.counts(Day::of(NOON), "city");
        assert_eq!(counted.len(), 10_000);
        assert!(counted.values().all(|count| *count == 20));
    }

    proptest! {
        #[test]
        fn a_cut_anywhere_loses_only_the_line_it_cuts(cut in 0usize..200, flip in 0usize..200) {
            let folder = tempfile::tempdir().unwrap();
            let day = Day::of(NOON);
            store(folder.path()).append(NOON, "city", &counts(&[("/a", 1)])).unwrap();
            store(folder.path()).append(NOON, "city", &counts(&[("/a", 2)])).unwrap();
            let path = folder.path().join(day.to_string());
            let whole = fs::read(&path).unwrap();
            let kept = &whole[..cut.min(whole.len())];
            fs::write(&path, kept).unwrap();
            let lines = kept.iter().filter(|byte| **byte == b'\n').count();
            let before = [0, 1, 3][lines];
            let store = store(folder.path());
            let counted = |store: &HitStore| store.counts(day, "city").get("/a").copied().unwrap_or(0);
            prop_assert_eq!(counted(&store), before);
            // It goes on behind what is sound.
            store.append(NOON, "city", &counts(&[("/a", 10)])).unwrap();
            prop_assert_eq!(counted(&store), before + 10);
            // Damage costs the line it is in.
            let mut bytes = fs::read(&path).unwrap();
            let at = flip % bytes.len();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            prop_assert!(counted(&store) <= before + 10);
        }
    }
}
