//! What a restore writes: files below one folder, counted.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use super::Progress;
use crate::backup::error::BackupError;

/// A path of the generation as one below the folder that is restored to.
pub(super) fn below(path: &Path) -> Result<PathBuf, BackupError> {
    let mut kept = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => kept.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                let cause = io::Error::other("it would lead out of the folder");
                return Err(BackupError::File {
                    path: path.to_owned(),
                    cause,
                });
            }
        }
    }
    Ok(kept)
}

pub(super) fn folder(path: &Path) -> Result<(), BackupError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(BackupError::at(path))
}

/// Counts what is written.
pub(super) struct Counted<'a> {
    pub(super) file: File,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) progress: Progress<'a>,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.done += u64::try_from(written).unwrap_or(0);
        (self.progress)(self.done, self.total);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
