//! One lock a repository, because the engine has none: held while a generation is taken or copied
//! into it, and while generations are forgotten and bytes removed. Reading needs no lock, because
//! what a prune marks is removed a day later.
//!
//! It is a file of this machine (flock(2)), and so frees itself when its process is killed. One
//! machine alone writes to a repository.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use yagura_control::clock::monotonic;

use super::error::BackupError;

/// How often it is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// The lock; freed when dropped.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Closing the file would not do: a program that another thread is about to start has a copy of it
    /// until it runs, and the lock would stay for that long.
    fn drop(&mut self) {
        let _closed_in_any_case = flock(&self.0, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Takes it, waiting at most so long for whoever holds it.
    pub(crate) fn take(path: &Path, patience: Duration) -> Result<Self, BackupError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(BackupError::at(folder))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(BackupError::at(path))?;
        let began = monotonic();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(file)),
                Err(Errno::WOULDBLOCK) if monotonic().duration_since(began) < patience => {
                    std::thread::park_timeout(AGAIN);
                }
                Err(Errno::WOULDBLOCK) => return Err(BackupError::Locked { path: path.into() }),
                Err(error) => return Err(BackupError::at(path)(error.into())),
            }
        }
    }

    /// Where the lock of a target's repository is.
    pub(crate) fn path(data: &Path, target: &str, repository: &str) -> PathBuf {
        data.join("locks").join(format!("{target}-{repository}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let path = Lock::path(place.path(), "disk", "database");
        let held = Lock::take(&path, Duration::ZERO).unwrap();
        let refused = Lock::take(&path, Duration::ZERO).unwrap_err();
        assert!(matches!(refused, BackupError::Locked { .. }));
        drop(held);
        Lock::take(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn a_copy_of_the_file_does_not_keep_it() {
        let place = tempfile::tempdir().unwrap();
        let path = Lock::path(place.path(), "disk", "database");
        let held = Lock::take(&path, Duration::ZERO).unwrap();
        let _as_a_child_has_it = held.0.try_clone().unwrap();
        drop(held);
        Lock::take(&path, Duration::ZERO).unwrap();
    }
}
