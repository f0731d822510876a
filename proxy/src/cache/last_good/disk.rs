//! The file system as the store uses it: one narrow door, so that tests can put a disk behind it
//! that loses its power, runs full or turns read-only (`simulated.rs`).
//!
//! No decision is made here.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use yagura_control::Timestamp;

/// What the store asks of a file system.
pub trait Disk: std::fmt::Debug + Send + Sync + 'static {
    /// A file being written.
    type File;

    /// Makes a folder; one that is there already is an error of that kind.
    ///
    /// # Errors
    /// The file system's, as for every operation here.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Begins a new file, emptying one that is there.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Adds to a file.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Makes a file's contents survive a power cut; its name is the folder's.
    fn sync_file(&self, file: &Self::File) -> io::Result<()>;
    /// Gives a file another name in the same folder, in place of what has it: wholly or not at all.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder survive a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// The beginning of a file, at most so many bytes.
    fn read(&self, path: &Path, most_bytes: u64) -> io::Result<Vec<u8>>;
    /// Length and age of a file.
    fn facts(&self, path: &Path) -> io::Result<Facts>;
    /// Everything in a folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// Sets when a file was last used.
    fn touch(&self, path: &Path, at: Timestamp) -> io::Result<()>;
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its length.
    pub length_bytes: u64,
    /// When it was written or touched.
    pub used_at: Timestamp,
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostDisk;

impl Disk for HostDisk {
    type File = File;

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn read(&self, path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        let length = file.metadata()?.len().min(most_bytes);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.take(most_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn facts(&self, path: &Path) -> io::Result<Facts> {
        let metadata = fs::metadata(path)?;
        Ok(Facts {
            length_bytes: metadata.len(),
            used_at: metadata.modified()?.into(),
        })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    }

    fn touch(&self, path: &Path, at: Timestamp) -> io::Result<()> {
        File::open(path)?.set_modified(at.into())
    }
}
