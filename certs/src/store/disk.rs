//! The file system as the store uses it: one narrow door, so that tests can put a disk behind it
//! that loses its power (`simulated.rs`). No decision is made here.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the store asks of a file system. Errors are the file system's.
pub(crate) trait Disk {
    /// What is held while nobody else may change the folder.
    type Lock;

    /// Waits until nobody else holds the file at `path`, and holds it.
    fn lock(&self, path: &Path) -> io::Result<Self::Lock>;
    /// Makes a folder; one that is there already is an error of that kind.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Writes a file that only its owner may read, in place of one that is there.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Adds to the end of a file that only its owner may read.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Makes a file's contents survive a power cut; its name is the folder's.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Gives a file or folder another name in the same folder: wholly or not at all.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes the names in a folder survive a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// A whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Everything in a folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HostDisk;

impl Disk for HostDisk {
    type Lock = File;

    fn lock(&self, path: &Path) -> io::Result<File> {
        let mut options = File::options();
        let file = options.append(true).create(true).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // A file that is there keeps its mode, so it is made anew.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = File::options();
        let mut file = options.append(true).create(true).mode(0o600).open(path)?;
        file.write_all(bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    }
}
