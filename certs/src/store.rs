//! Chains and keys on disk, in versions.
//!
//! `FOLDER/NAME/0001/{chain.pem,key.pem}` and `FOLDER/NAME/current`, a file with the number of the
//! present version, replaced by a rename. A new version never touches an old one, so going back is
//! writing the old number.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::CertError;

/// A certificate with its key, as PEM.
pub struct Pem {
    /// The certificate and its intermediates, leaf first.
    pub chain: String,
    /// The private key.
    pub key: String,
}

/// The versions in one folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// A store in `folder`, which is made when something is saved.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The present version, if there is one.
    ///
    /// # Errors
    /// It is named and cannot be read.
    pub fn load(&self, name: &str) -> Result<Option<Pem>, CertError> {
        let Some(version) = self.current(name)? else {
            return Ok(None);
        };
        let folder = self.version(name, version);
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).map_err(CertError::at(path))
        };
        Ok(Some(Pem {
            chain: read("chain.pem")?,
            key: read("key.pem")?,
        }))
    }

    /// Saves a new version and makes it the present one; returns its number.
    ///
    /// # Errors
    /// A file cannot be written; the present version stays.
    pub fn save(&self, name: &str, pem: &Pem) -> Result<u32, CertError> {
        let version = self.newest(name) + 1;
        let folder = self.version(name, version);
        fs::create_dir_all(&folder).map_err(CertError::at(&folder))?;
        write_private(&folder.join("chain.pem"), pem.chain.as_bytes())?;
        write_private(&folder.join("key.pem"), pem.key.as_bytes())?;
        self.switch_to(name, version)?;
        Ok(version)
    }

    /// Makes a stored version the present one.
    ///
    /// # Errors
    /// The pointer cannot be written.
    pub fn switch_to(&self, name: &str, version: u32) -> Result<(), CertError> {
        let pointer = self.folder.join(name).join("current");
        let partial = pointer.with_extension("partial");
        write_private(&partial, format!("{version}\n").as_bytes())?;
        fs::rename(&partial, &pointer).map_err(CertError::at(pointer))
    }

    fn current(&self, name: &str) -> Result<Option<u32>, CertError> {
        let path = self.folder.join(name).join("current");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(version) => Ok(Some(version)),
                Err(_) => Err(CertError::Damaged {
                    path,
                    what: "it holds no number".to_owned(),
                }),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CertError::at(path)(error)),
        }
    }

    /// The highest number used so far; a version that was given up half-written counts too.
    fn newest(&self, name: &str) -> u32 {
        let entries = fs::read_dir(self.folder.join(name))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .max()
            .unwrap_or(0)
    }

    fn version(&self, name: &str, version: u32) -> PathBuf {
        self.folder.join(name).join(format!("{version:04}"))
    }
}

/// Writes and syncs a file that only its owner may read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CertError> {
    let write = || -> std::io::Result<()> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(CertError::at(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn pem(text: &str) -> Pem {
        Pem {
            chain: format!("chain {text}"),
            key: format!("key {text}"),
        }
    }

    #[test]
    fn the_newest_version_is_the_present_one_and_the_old_can_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        assert!(store.load("town").unwrap().is_none());
        assert_eq!(store.save("town", &pem("one")).unwrap(), 1);
        assert_eq!(store.save("town", &pem("two")).unwrap(), 2);
        assert_eq!(store.load("town").unwrap().unwrap().chain, "chain two");
        store.switch_to("town", 1).unwrap();
        assert_eq!(store.load("town").unwrap().unwrap().chain, "chain one");
        assert_eq!(store.save("town", &pem("three")).unwrap(), 3);
    }

    #[test]
    fn keys_are_private() {
        let folder = tempfile::tempdir().unwrap();
        Store::new(folder.path()).save("town", &pem("one")).unwrap();
        let mode = fs::metadata(folder.path().join("town/0001/key.pem"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
