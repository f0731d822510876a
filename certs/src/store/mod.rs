//! Chains and keys on disk, in versions: the single truth about which certificate is in use.
//!
//! `FOLDER/NAME/0001/{chain.pem,key.pem,about.json}`, and `FOLDER/NAME/current`, a file with the
//! number of the present version. A version is never changed once it is there, but for `ocsp.der`,
//! which `crate::ocsp` keeps beside it; going back is writing an older number. Everything is there whole or not at all, whatever happens to the power
//! (`durable.rs`, proved by `power_cut.rs`). The newest five versions are kept, and always the
//! present one and the one before it.
//!
//! What a certificate says is `crate::inspect`; requests for new ones are `crate::csr`.

pub(crate) mod about;
pub(crate) mod disk;
pub(crate) mod durable;
#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::{CertError, Inspected};
pub use about::{About, Brought, How, RolledBack};
use disk::{Disk, HostDisk};

/// How many versions of a certificate are kept.
const KEPT: usize = 5;

/// A certificate with its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The certificate and its intermediates, leaf first.
    pub chain: String,
    /// The private key.
    pub key: String,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pem").finish_non_exhaustive()
    }
}

/// The versions in one folder.
#[derive(Clone, Debug)]
pub struct Store {
    versions: Versions<HostDisk>,
}

/// A version that can be served, and what was wrong with those that were to be served before it.
#[derive(Debug)]
pub struct Usable {
    /// Its number.
    pub version: u32,
    /// What it says.
    pub inspected: Inspected,
    /// Damaged versions that were passed over, with what is wrong.
    pub passed_over: Vec<(u32, CertError)>,
}

impl Store {
    /// A store in `folder`, which is made when something is saved.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            versions: Versions::on(HostDisk, folder),
        }
    }

    /// The folder of everything that belongs to a certificate.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.versions.folder.join(name)
    }

    /// Every certificate that has a folder here, with a version or without, by name.
    ///
    /// # Errors
    /// The folder cannot be read; one that is not there holds nothing.
    pub fn names(&self) -> Result<Vec<String>, CertError> {
        let folder = &self.versions.folder;
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(CertError::at(folder)(error)),
        };
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| is_name(name)).collect();
        names.sort();
        Ok(names)
    }

    /// The present version, if there is one.
    ///
    /// # Errors
    /// It is named and cannot be read.
    pub fn load(&self, name: &str) -> Result<Option<Pem>, CertError> {
        self.versions.load(name)
    }

    /// One version.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn version(&self, name: &str, version: u32) -> Result<Pem, CertError> {
        self.versions.read(name, version)
    }

    /// The number of the present version, if there is one.
    ///
    /// # Errors
    /// The pointer cannot be read, or holds no number.
    pub fn current(&self, name: &str) -> Result<Option<u32>, CertError> {
        self.versions.current(name)
    }

    /// Every version there is, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn versions(&self, name: &str) -> Result<Vec<u32>, CertError> {
        self.versions.all(name)
    }

    /// Who brought a version; `None` when it does not say.
    #[must_use]
    pub fn about(&self, name: &str, version: u32) -> Option<About> {
        let path = self.versions.path(name, version).join("about.json");
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// The present version, or the newest of the others that can be served: first those before it,
    /// then those after it. `None` when there is none at all.
    ///
    /// # Errors
    /// There are versions and none can be served; tells what is wrong with the present one.
    pub fn load_usable(&self, name: &str) -> Result<Option<Usable>, CertError> {
        let read = |pem: &Pem| Inspected::read(&pem.chain, &pem.key);
        let found = self.versions.load_usable(name, read)?;
        Ok(found.map(|(version, inspected, passed_over)| Usable {
            version,
            inspected,
            passed_over,
        }))
    }

    /// Saves a new version of which nobody says where it comes from; see [`Store::save_from`].
    ///
    /// # Errors
    /// A file cannot be written; the present version stays.
    pub fn save(&self, name: &str, pem: &Pem) -> Result<u32, CertError> {
        self.versions.save(name, pem, None)
    }

    /// Saves a new version and makes it the present one; returns its number.
    ///
    /// # Errors
    /// A file cannot be written; the present version stays.
    pub fn save_from(&self, name: &str, pem: &Pem, brought: Brought) -> Result<u32, CertError> {
        self.versions.save(name, pem, Some(brought))
    }

    /// Makes a stored version the present one.
    ///
    /// # Errors
    /// The pointer cannot be written.
    pub fn switch_to(&self, name: &str, version: u32) -> Result<(), CertError> {
        self.versions.switch_to(name, version)
    }

    /// Makes the version before the present one the present one, and writes down who did it.
    ///
    /// # Errors
    /// There is no version before it, that version is damaged or over, or the pointer cannot be
    /// written.
    pub fn rollback(&self, name: &str, brought: Brought) -> Result<RolledBack, CertError> {
        let now = brought.at;
        self.versions.rollback(name, brought, |pem| {
            let before = Inspected::read(&pem.chain, &pem.key)?;
            if now < before.not_after() {
                return Ok(());
            }
            let at = before.not_after();
            Err(CertError::Unusable(format!(
                "the version before expired at {at}, and readers would be warned off\n  \
                 keep the present one, or install another"
            )))
        })
    }

    /// Who went back to which version, oldest first. Lines that a power cut broke off are left out.
    #[must_use]
    pub fn rollbacks(&self, name: &str) -> Vec<RolledBack> {
        let path = self.folder(name).join("rollbacks.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Adds a line to a record in the folder of a certificate, synced.
    pub(crate) fn add_line(&self, name: &str, file: &str, line: &str) -> Result<(), CertError> {
        let folder = self.folder(name);
        durable::make_folders(&HostDisk, &folder)?;
        let _held = self.versions.lock(name)?;
        durable::add_line(&HostDisk, &folder.join(file), line)
    }
}

/// Whether a certificate may be called so: the name is a folder's.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(may)
}

/// The store on any disk.
#[derive(Clone, Debug)]
struct Versions<D> {
    disk: D,
    folder: PathBuf,
}

impl<D: Disk> Versions<D> {
    fn on(disk: D, folder: &Path) -> Self {
        Self {
            disk,
            folder: folder.to_owned(),
        }
    }

    fn load(&self, name: &str) -> Result<Option<Pem>, CertError> {
        match self.current(name)? {
            Some(version) => self.read(name, version).map(Some),
            None => Ok(None),
        }
    }

    fn read(&self, name: &str, version: u32) -> Result<Pem, CertError> {
        let folder = self.path(name, version);
        let read = |file: &str| {
            let path = folder.join(file);
            let bytes = self.disk.read(&path).map_err(CertError::at(&path))?;
            String::from_utf8(bytes).map_err(|_| damaged(path, "it is no text"))
        };
        Ok(Pem {
            chain: read("chain.pem")?,
            key: read("key.pem")?,
        })
    }

    fn current(&self, name: &str) -> Result<Option<u32>, CertError> {
        let path = self.folder.join(name).join("current");
        match self.disk.read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let number = text.trim().parse().map(Some);
                number.map_err(|_| damaged(path, "it holds no number"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CertError::at(path)(error)),
        }
    }

    fn all(&self, name: &str) -> Result<Vec<u32>, CertError> {
        let folder = self.folder.join(name);
        let entries = match self.disk.list(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(CertError::at(folder)(error)),
        };
        let numbers = entries.iter().filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let digits = name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| name.parse().ok()).flatten()
        });
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    #[expect(clippy::type_complexity, reason = "it becomes a `Usable` at once")]
    fn load_usable<T>(
        &self,
        name: &str,
        usable: impl Fn(&Pem) -> Result<T, CertError>,
    ) -> Result<Option<(u32, T, Vec<(u32, CertError)>)>, CertError> {
        let mut passed_over = Vec::new();
        let present = self.current(name).unwrap_or_else(|error| {
            passed_over.push((0, error));
            None
        });
        for version in in_turn(&self.all(name)?, present) {
            let found = self.read(name, version);
            match found.and_then(|pem| usable(&pem)) {
                Ok(read) => return Ok(Some((version, read, passed_over))),
                Err(error) => passed_over.push((version, error)),
            }
        }
        match passed_over.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(None),
        }
    }

    fn save(&self, name: &str, pem: &Pem, brought: Option<Brought>) -> Result<u32, CertError> {
        durable::make_folders(&self.disk, &self.folder.join(name))?;
        let _held = self.lock(name)?;
        let version = self.all(name)?.last().map_or(1, |newest| newest + 1);
        let about = About {
            brought,
            sha256: fingerprint(&pem.chain),
        };
        let about = serde_json::to_vec_pretty(&about).unwrap_or_default();
        let files: [(&str, &[u8]); 3] = [
            ("chain.pem", pem.chain.as_bytes()),
            ("key.pem", pem.key.as_bytes()),
            ("about.json", &about),
        ];
        durable::folder_of(&self.disk, &self.path(name, version), &files)?;
        let before = self.current(name).ok().flatten();
        self.point(name, version)?;
        self.prune(name, version, before);
        Ok(version)
    }

    fn switch_to(&self, name: &str, version: u32) -> Result<(), CertError> {
        let _held = self.lock(name)?;
        self.point(name, version)
    }

    fn rollback(
        &self,
        name: &str,
        brought: Brought,
        usable: impl Fn(&Pem) -> Result<(), CertError>,
    ) -> Result<RolledBack, CertError> {
        let nothing = || {
            CertError::Unusable(format!(
                "there is no version of \"{name}\" before the present one to go back to\n  \
                 `yagura certs show {name}` lists those there are"
            ))
        };
        if self.all(name)?.is_empty() {
            return Err(nothing());
        }
        let _held = self.lock(name)?;
        let from = self.current(name)?.ok_or_else(nothing)?;
        let older = self.all(name)?.into_iter().filter(|it| *it < from);
        let to = older.max().ok_or_else(nothing)?;
        usable(&self.read(name, to)?)?;
        self.point(name, to)?;
        let line = RolledBack { from, to, brought };
        let text = serde_json::to_string(&line).unwrap_or_default();
        durable::add_line(
            &self.disk,
            &self.folder.join(name).join("rollbacks.jsonl"),
            &text,
        )?;
        Ok(line)
    }

    fn point(&self, name: &str, version: u32) -> Result<(), CertError> {
        let pointer = self.folder.join(name).join("current");
        durable::replace(&self.disk, &pointer, format!("{version}\n").as_bytes())
    }

    /// Lets old versions go. One that stays although it should go is tried again next time.
    fn prune(&self, name: &str, present: u32, before: Option<u32>) {
        let all = self.all(name).unwrap_or_default();
        for version in superfluous(&all, present, before) {
            if let Err(error) = durable::remove_folder(&self.disk, &self.path(name, version)) {
                tracing::warn!(%error, "an old version of a certificate could not be removed");
            }
        }
    }

    fn lock(&self, name: &str) -> Result<D::Lock, CertError> {
        let path = self.folder.join(name).join("lock");
        self.disk.lock(&path).map_err(CertError::at(path))
    }

    fn path(&self, name: &str, version: u32) -> PathBuf {
        self.folder.join(name).join(format!("{version:04}"))
    }
}

/// In which order versions are tried: the present one, those before it, those after it.
fn in_turn(all: &[u32], present: Option<u32>) -> Vec<u32> {
    let present = present.unwrap_or(u32::MAX);
    let newest_first = || all.iter().rev().copied();
    let older = newest_first().filter(|version| *version < present);
    let newer = newest_first().filter(|version| *version > present);
    let named = std::iter::once(present).filter(|version| *version != u32::MAX);
    named.chain(older).chain(newer).collect()
}

/// Which versions may go: all but the newest few, the present one, the one before it, and the one
/// that was present until now.
fn superfluous(all: &[u32], present: u32, until_now: Option<u32>) -> Vec<u32> {
    let before = all.iter().rev().find(|version| **version < present);
    let old = all.iter().take(all.len().saturating_sub(KEPT));
    old.filter(|version| {
        **version != present && Some(*version) != before && Some(**version) != until_now
    })
    .copied()
    .collect()
}

fn damaged(path: PathBuf, what: &str) -> CertError {
    CertError::Damaged {
        path,
        what: what.to_owned(),
    }
}

fn fingerprint(chain: &str) -> String {
    CertificateDer::from_pem_slice(chain.as_bytes())
        .map(|leaf| crate::inspect::sha256(&leaf))
        .unwrap_or_default()
}

/// Writes and syncs a file that only its owner may read, wholly or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CertError> {
    durable::replace(&HostDisk, path, bytes)
}
