//! A folder of this machine.
//!
//! A file is written under another name, synced, and then renamed; its folder is synced too. So a
//! process that is killed, or a machine that loses its power, leaves files whole or not there. What is
//! half written has a name of its own kind, and is swept away by whoever holds the repository's lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::{Kind, Store};

/// No file of restic's layout ends so.
const HALF: &str = ".half";
/// Digits of a name: SHA-256 in hexadecimal.
const DIGITS: usize = 64;

pub(crate) struct Folder {
    path: PathBuf,
    written: AtomicU64,
}

impl Folder {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            written: AtomicU64::new(0),
        }
    }

    fn file(&self, kind: Kind, name: &str) -> PathBuf {
        match kind {
            Kind::Config => self.path.join("config"),
            // 256 folders, so that none grows too large.
            Kind::Pack => self
                .path
                .join("data")
                .join(name.get(..2).unwrap_or(name))
                .join(name),
            Kind::Key | Kind::Snapshot | Kind::Index => self.path.join(kind.folder()).join(name),
        }
    }

    /// Every file of a folder and, for packs, of the folders in it.
    fn walk(
        folder: &Path,
        deep: bool,
        each: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                if deep {
                    Self::walk(&entry.path(), false, each)?;
                }
            } else {
                each(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn named(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let whole = name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then_some(name)
}

fn size(path: &Path) -> io::Result<u32> {
    let bytes = fs::metadata(path)?.len();
    u32::try_from(bytes).map_err(|_| io::Error::other(format!("{} is too large", path.display())))
}

impl Store for Folder {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn create(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        for folder in ["data", "index", "keys", "locks", "snapshots"] {
            builder.create(self.path.join(folder))?;
        }
        Ok(())
    }

    fn list(&self, kind: Kind) -> io::Result<Vec<(String, u32)>> {
        let mut found = Vec::new();
        if kind == Kind::Config {
            let config = self.path.join("config");
            if config.try_exists()? {
                found.push(("0".repeat(DIGITS), size(&config)?));
            }
            return Ok(found);
        }
        let folder = self.path.join(kind.folder());
        Self::walk(&folder, kind == Kind::Pack, &mut |path| {
            if let Some(name) = named(path) {
                found.push((name.to_owned(), size(path)?));
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn read(&self, kind: Kind, name: &str, part: Option<(u32, u32)>) -> io::Result<Bytes> {
        let path = self.file(kind, name);
        let Some((offset, length)) = part else {
            return Ok(fs::read(path)?.into());
        };
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset.into()))?;
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    fn write(&self, kind: Kind, name: &str, content: &[Bytes]) -> io::Result<()> {
        let path = self.file(kind, name);
        let folder = path.parent().unwrap_or(&self.path);
        if !folder.try_exists()? {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
            sync(folder.parent().unwrap_or(folder))?;
        }
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let half = folder.join(format!("{name}-{}-{number}{HALF}", std::process::id()));
        let whole = write_whole(&half, content).and_then(|()| fs::rename(&half, &path));
        if let Err(error) = whole {
            let _what_was_written = fs::remove_file(&half);
            return Err(error);
        }
        sync(folder)
    }

    fn remove(&self, kind: Kind, name: &str) -> io::Result<()> {
        fs::remove_file(self.file(kind, name))
    }

    fn sweep(&self) -> io::Result<usize> {
        let mut swept = 0;
        for folder in ["", "data", "index", "keys", "snapshots"] {
            Self::walk(&self.path.join(folder), folder == "data", &mut |path| {
                if path.to_str().is_some_and(|path| path.ends_with(HALF)) {
                    fs::remove_file(path)?;
                    swept += 1;
                }
                Ok(())
            })?;
        }
        Ok(swept)
    }
}

fn write_whole(path: &Path, content: &[Bytes]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    for bytes in content {
        file.write_all(bytes)?;
    }
    file.sync_all()
}

/// Makes new names of a folder outlive a power cut.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_whole_and_halves_are_swept() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("r"));
        folder.create().unwrap();
        let name = "ab".repeat(32);
        let content = [Bytes::from_static(b"hello "), Bytes::from_static(b"town")];
        for kind in [Kind::Pack, Kind::Snapshot, Kind::Config] {
            folder.write(kind, &name, &content).unwrap();
            assert_eq!(folder.list(kind).unwrap().len(), 1, "{kind:?}");
            assert_eq!(folder.read(kind, &name, None).unwrap(), "hello town");
            assert_eq!(folder.read(kind, &name, Some((6, 4))).unwrap(), "town");
            assert!(folder.read(kind, &name, Some((6, 5))).is_err());
        }
        let half = place.path().join("r/data/ab/x-1-1.half");
        fs::write(&half, "h").unwrap();
        assert_eq!(folder.list(Kind::Pack).unwrap().len(), 1);
        assert_eq!(folder.sweep().unwrap(), 1);
        folder.remove(Kind::Pack, &name).unwrap();
        assert!(folder.remove(Kind::Pack, &name).is_err());
        assert!(folder.list(Kind::Pack).unwrap().is_empty());
    }

    #[test]
    fn a_listing_that_cannot_be_made_is_no_empty_one() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("snapshots"), "a file").unwrap();
        let folder = Folder::new(place.path().to_owned());
        assert!(folder.list(Kind::Snapshot).is_err());
    }
}
