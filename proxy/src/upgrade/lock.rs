//! Who may write to the edge's folder: the process that holds the lock. The kernel drops it when
//! its holder dies, however it dies.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::EdgeError;

/// The lock of one folder.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    file: File,
}

const NAME: &str = "lock";

impl FolderLock {
    /// Takes the lock of a folder.
    ///
    /// # Errors
    /// Another process has it.
    pub fn take(folder: &Path) -> Result<Self, EdgeError> {
        let path = folder.join(NAME);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(EdgeError::at(&path))?;
        let lock = Self {
            folder: folder.to_owned(),
            file,
        };
        lock.take_again()?;
        Ok(lock)
    }

    /// Takes it again after it was let go.
    ///
    /// # Errors
    /// Another process has it.
    pub fn take_again(&self) -> Result<(), EdgeError> {
        let taken = flock(&self.file, FlockOperation::NonBlockingLockExclusive);
        taken.map_err(|_| {
            let holder = std::fs::read_to_string(self.folder.join(NAME)).unwrap_or_default();
            EdgeError::FolderInUse {
                folder: self.folder.clone(),
                holder: holder.trim().to_owned(),
            }
        })?;
        let written = self.file.set_len(0).and_then(|()| {
            (&self.file).rewind()?;
            writeln!(&self.file, "{}", std::process::id())
        });
        // The number is for people; the lock holds without it, also on a full disk.
        let _told_nobody = written;
        Ok(())
    }

    /// Lets go of it.
    pub fn let_go(&self) {
        // All that share the open file lose it, also a child that was just started.
        let _cannot_fail = flock(&self.file, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_it_at_a_time_and_the_other_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let one = FolderLock::take(folder.path()).unwrap();
        let refused = FolderLock::take(folder.path()).unwrap_err().to_string();
        let pid = std::process::id();
        assert!(refused.contains(&format!("(pid {pid})")), "{refused}");
        one.let_go();
        let other = FolderLock::take(folder.path()).unwrap();
        assert!(one.take_again().is_err());
        drop(other);
        one.take_again().unwrap();
    }
}
