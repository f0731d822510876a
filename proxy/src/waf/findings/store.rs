//! Findings on disk: files of JSON lines in `DATA/waf`, named by the instant at which they were begun.
//! A new one is begun when the present one is large or a day old; those that are older than findings
//! are kept, or more than there is room for, are deleted whole. Blocks; who calls it is no reader.
//!
//! Two processes of an edge may append to the same file while one takes over from the other: each
//! batch is one write(2) to its end (O_APPEND). A line that a power cut or a full disk has torn is
//! skipped by whoever reads, and the next one begins behind it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use yagura_control::Timestamp;
use yagura_control::clock::monotonic;
use yagura_control::order::WafFinding;

/// Largest file.
const FILE: u64 = 4 << 20;
/// Oldest file that is still written to.
const DAY: Duration = Duration::from_secs(86_400);
/// Most of all files: about 150,000 findings.
const ALL: u64 = 64 << 20;
/// How long what was written may be lost to a power cut.
const SYNC: Duration = Duration::from_secs(1);

/// The files of a folder, and the one that is written to.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    begun: Timestamp,
    /// Whether its last line has no end.
    torn: bool,
    /// Since when something was written that may not be on the disk yet.
    unsafe_since: Option<Instant>,
}

/// One of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    path: PathBuf,
    begun: Timestamp,
    /// When it was written to last.
    ended: Timestamp,
    bytes: u64,
}

impl Store {
    /// Of a folder, which is made when something is to be written.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder, open: None }
    }

    /// Appends findings.
    ///
    /// # Errors
    /// The disk takes nothing.
    pub fn append(&mut self, now: Timestamp, findings: &[WafFinding]) -> io::Result<()> {
        let written = self.try_append(now, findings);
        if written.is_err() {
            // Opened anew the next time, when it is seen what arrived.
            self.open = None;
        }
        written
    }

    fn try_append(&mut self, now: Timestamp, findings: &[WafFinding]) -> io::Result<()> {
        let open = match self.open.take().filter(|open| open.may_go_on(now)) {
            Some(open) => self.open.insert(open),
            None => {
                let open = opened(&self.folder, now)?;
                self.open.insert(open)
            }
        };
        let mut text = Vec::new();
        if open.torn {
            text.push(b'\n');
        }
        for finding in findings {
            serde_json::to_writer(&mut text, finding)?;
            text.push(b'\n');
        }
        open.file.write_all(&text)?;
        open.torn = false;
        let since = *open.unsafe_since.get_or_insert_with(monotonic);
        if monotonic().duration_since(since) >= SYNC {
            self.sync()?;
        }
        Ok(())
    }

    /// Whether something may be lost to a power cut.
    pub fn is_unsafe(&self) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| open.unsafe_since.is_some())
    }

    /// Has the disk keep what was written.
    ///
    /// # Errors
    /// It does not.
    pub fn sync(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        match open.unsafe_since.take() {
            Some(_) => open.file.sync_data(),
            None => Ok(()),
        }
    }

    /// Deletes what is older than findings are kept, and what there is no room for.
    pub fn tidy(&self, now: Timestamp, keep: Duration) {
        for over in over(&listed(&self.folder), now, keep) {
            if let Err(error) = fs::remove_file(&over.path) {
                tracing::warn!(file = %over.path.display(), %error, "old findings of the WAF cannot be deleted");
            }
        }
    }
}

impl Open {
    fn may_go_on(&self, now: Timestamp) -> bool {
        let file = self.file.metadata();
        // Deleted meanwhile, it is nobody's any more.
        file.is_ok_and(|file| file.nlink() > 0 && file.len() < FILE) && is_today(self.begun, now)
    }
}

fn is_today(begun: Timestamp, now: Timestamp) -> bool {
    now.0.saturating_sub(begun.0) < millis(DAY)
}

/// The newest file if it may go on, otherwise another one.
fn opened(folder: &Path, now: Timestamp) -> io::Result<Open> {
    fs::create_dir_all(folder)?;
    let newest = listed(folder).pop();
    let newest = newest.filter(|kept| kept.bytes < FILE && is_today(kept.begun, now));
    let (path, begun) = match newest {
        Some(kept) => (kept.path, kept.begun),
        None => (folder.join(format!("findings-{:013}.jsonl", now.0)), now),
    };
    let mut options = OpenOptions::new();
    let options = options.create(true).append(true).read(true).mode(0o600);
    let mut file = options.open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(Open {
        file,
        begun,
        torn: last != *b"\n",
        unsafe_since: None,
    })
}

/// The findings of a folder that are meant, the newest first, and whether those are all.
pub fn read(
    folder: &Path,
    most: usize,
    is_meant: impl Fn(&WafFinding) -> bool,
) -> (Vec<WafFinding>, bool) {
    let mut found = Vec::new();
    for kept in listed(folder).iter().rev() {
        let mut text = Vec::new();
        // No file of ours is longer.
        let read =
            File::open(&kept.path).and_then(|file| file.take(4 * FILE).read_to_end(&mut text));
        if let Err(error) = read {
            tracing::warn!(file = %kept.path.display(), %error, "findings of the WAF cannot be read");
        }
        for line in text.rsplit(|byte| *byte == b'\n') {
            let finding = serde_json::from_slice(line).ok();
            let Some(finding) = finding.filter(&is_meant) else {
                continue;
            };
            if found.len() >= most {
                return (found, false);
            }
            found.push(finding);
        }
    }
    (found, true)
}

/// The files of a folder, the oldest first.
fn listed(folder: &Path) -> Vec<Kept> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<Kept> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let begun = name.to_str()?.strip_prefix("findings-")?;
            let begun = begun.strip_suffix(".jsonl")?.parse().ok()?;
            let file = entry.metadata().ok()?;
            Some(Kept {
                path: entry.path(),
                begun: Timestamp(begun),
                ended: file.modified().ok()?.into(),
                bytes: file.len(),
            })
        })
        .collect();
    files.sort_by_key(|kept| kept.begun);
    files
}

/// Those of the files, the oldest first, that are to be deleted.
fn over(files: &[Kept], now: Timestamp, keep: Duration) -> Vec<&Kept> {
    let mut bytes = 0_u64;
    let newest_first = files.iter().rev();
    newest_first
        .filter(|kept| {
            bytes = bytes.saturating_add(kept.bytes);
            bytes > ALL || now.0.saturating_sub(kept.ended.0) > millis(keep)
        })
        .collect()
}

pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::finding;
    use super::*;

    const NOW: Timestamp = Timestamp(1_796_137_200_000);
    const DAYS: u64 = 86_400_000;

    fn later(milliseconds: u64) -> Timestamp {
        Timestamp(NOW.0 + milliseconds)
    }

    #[test]
    fn what_was_written_is_read_by_another_process_also_behind_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path().join("waf"));
        store.append(NOW, &[finding(1), finding(2)]).unwrap();
        store.sync().unwrap();
        drop(store);
        let file = listed(&folder.path().join("waf")).pop().unwrap();
        let mut torn = OpenOptions::new().append(true).open(&file.path).unwrap();
        torn.write_all(b"{\"request\":\"to").unwrap();
        // Two at once, as during an upgrade.
        let mut one = Store::new(folder.path().join("waf"));
        let mut other = Store::new(folder.path().join("waf"));
        one.append(later(5), &[finding(3)]).unwrap();
        other.append(later(6), &[finding(4)]).unwrap();
        one.append(later(7), &[finding(5)]).unwrap();
        let (read, whole) = read(&folder.path().join("waf"), 10, |_| true);
        let names: Vec<&str> = read.iter().map(|one| one.request.as_str()).collect();
        assert_eq!((names, whole), (vec!["5", "4", "3", "2", "1"], true));
        let (read, whole) = super::read(&folder.path().join("waf"), 2, |_| true);
        assert_eq!((read.len(), whole), (2, false));
        assert_eq!(listed(&folder.path().join("waf")).len(), 1);
    }

    #[test]
    fn a_day_is_a_file_and_a_deleted_one_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path().to_owned());
        store.append(NOW, &[finding(1)]).unwrap();
        store.append(later(DAYS), &[finding(2)]).unwrap();
        let files = listed(folder.path());
        assert_eq!(files.len(), 2);
        fs::remove_file(&files[1].path).unwrap();
        store.append(later(DAYS + 9), &[finding(3)]).unwrap();
        let (read, _) = read(folder.path(), 10, |_| true);
        let names: Vec<&str> = read.iter().map(|one| one.request.as_str()).collect();
        assert_eq!(names, ["3", "1"]);
    }

    #[test]
    fn what_is_old_goes_and_so_does_what_has_no_room() {
        let file = |begun: u64, ended: u64, bytes: u64| Kept {
            path: PathBuf::from(begun.to_string()),
            begun: Timestamp(begun),
            ended: Timestamp(ended),
            bytes,
        };
        let keep = Duration::from_millis(100);
        let files = [file(0, 10, 1), file(10, 20, 1), file(20, 30, 1)];
        assert_eq!(over(&files, Timestamp(110), keep).len(), 0);
        assert_eq!(over(&files, Timestamp(111), keep), [&files[0]]);
        assert_eq!(over(&files, Timestamp(1_000), keep).len(), 3);
        let files: Vec<Kept> = (0..17).map(|at| file(at, at, FILE)).collect();
        assert_eq!(over(&files, Timestamp(20), keep), [&files[0]]);
    }

    #[test]
    fn a_disk_that_is_full_is_an_error_and_later_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("findings-{}.jsonl", NOW.0));
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut store = Store::new(folder.path().to_owned());
        let full = store.append(NOW, &[finding(1)]).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        fs::remove_file(path).unwrap();
        store.append(later(1), &[finding(2)]).unwrap();
        assert_eq!(read(folder.path(), 10, |_| true).0.len(), 1);
    }
}
