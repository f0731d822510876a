//! What repository B holds: media, configuration, certificates, and journals of the edge.
//!
//! Private keys stay out unless the configuration says otherwise: a file with a PEM block of one, and
//! the folder of the accounts at public authorities, whose files are keys.
//!
//! A journal is only ever appended to, and replaced under the same name; it is kept as the file that
//! it was when it was opened, as long as it was then.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use yagura_config::settings::BackupSettings;
use yagura_control::Timestamp;

use super::engine::source::{Content, Entry};
use super::error::BackupError;
use super::state::FileState;

/// Larger files are read by the engine alone, when their turn comes.
const SMALL: u64 = 4 << 20;
/// Media are named by the first so many digits of BLAKE3 of their content.
const MEDIA_DIGITS: usize = 32;

/// Entries, and what is recorded of each.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) entries: Vec<Entry>,
    pub(crate) states: Vec<FileState>,
    /// Private keys that were left out.
    pub(crate) left_out: usize,
}

/// Everything that the settings name.
pub(crate) fn collect(settings: &BackupSettings) -> Result<Files, BackupError> {
    let mut files = Files::default();
    files.media(&settings.media)?;
    for path in &settings.also {
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        files.copied(
            path,
            &Path::new("configuration").join(name),
            settings.private_keys,
        )?;
    }
    if let Some(edge) = &settings.edge {
        files.copied(
            &edge.join("certs"),
            Path::new("edge/certs"),
            settings.private_keys,
        )?;
        if settings.private_keys {
            files.copied(&edge.join("acme"), Path::new("edge/acme"), true)?;
        }
        files.copied(
            &edge.join("redirect-hits"),
            Path::new("edge/redirect-hits"),
            true,
        )?;
        for path in sorted(edge)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with("journal")) && path.is_file() {
                files.appended(&path, &Path::new("edge").join(name.unwrap_or_default()))?;
            }
        }
    }
    Ok(files)
}

impl Files {
    /// Names are of the content: neither read nor digested again while size and times stay.
    fn media(&mut self, folder: &Path) -> Result<(), BackupError> {
        for path in sorted(folder)? {
            let metadata = fs::metadata(&path).map_err(BackupError::at(&path))?;
            let whole = path
                .file_name()
                .and_then(|name| name.to_str())
                .filter(|it| is_media(it));
            if let Some(name) = whole.filter(|_| metadata.is_file()) {
                let below = Path::new("media").join(name);
                self.push(&below, &metadata, None, Content::File(path));
            }
        }
        Ok(())
    }

    /// A file or folder as it is; without private keys unless they are wanted.
    fn copied(&mut self, path: &Path, below: &Path, private_keys: bool) -> Result<(), BackupError> {
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            metadata => metadata.map_err(BackupError::at(path))?,
        };
        if metadata.is_dir() {
            for inner in sorted(path)? {
                let name = inner.file_name().unwrap_or_default();
                self.copied(&inner, &below.join(name), private_keys)?;
            }
            return Ok(());
        }
        if !metadata.is_file() {
            return Ok(());
        }
        if metadata.len() > SMALL {
            self.push(below, &metadata, None, Content::File(path.to_owned()));
            return Ok(());
        }
        let bytes = match fs::read(path) {
            // Versions of certificates come and go.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            bytes => bytes.map_err(BackupError::at(path))?,
        };
        if !private_keys && holds_a_private_key(&bytes) {
            self.left_out += 1;
            return Ok(());
        }
        let digest = blake3::hash(&bytes).to_hex().to_string();
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.push(below, &metadata, Some(digest), Content::Bytes(bytes));
        self.resize(size);
        Ok(())
    }

    /// A file that was made for this generation, with its digest.
    pub(crate) fn spooled(&mut self, path: &Path, below: &str) -> Result<(), BackupError> {
        self.appended(path, Path::new(below))
    }

    fn appended(&mut self, path: &Path, below: &Path) -> Result<(), BackupError> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.map_err(BackupError::at(path))?,
        };
        let metadata = file.metadata().map_err(BackupError::at(path))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; 1 << 16];
        let mut left = metadata.len();
        while left > 0 {
            let got = file.read(&mut buffer).map_err(BackupError::at(path))?;
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let bytes = buffer.get(..got.min(most)).unwrap_or_default();
            if bytes.is_empty() {
                let cause = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(BackupError::at(path)(cause));
            }
            hasher.update(bytes);
            left = left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        file.rewind().map_err(BackupError::at(path))?;
        let digest = Some(hasher.finalize().to_hex().to_string());
        self.push(below, &metadata, digest, Content::Stream(Box::new(file)));
        Ok(())
    }

    fn push(
        &mut self,
        below: &Path,
        metadata: &fs::Metadata,
        digest: Option<String>,
        content: Content,
    ) {
        let instant = |seconds: i64, nanos: i64| {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            Timestamp(seconds * 1_000 + u64::try_from(nanos).unwrap_or(0) / 1_000_000)
        };
        self.states.push(FileState {
            path: below.display().to_string(),
            bytes: metadata.len(),
            digest,
        });
        self.entries.push(Entry {
            path: below.to_owned(),
            size: metadata.len(),
            modified: instant(metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
            changed: Some(instant(metadata.ctime(), metadata.ctime_nsec())),
            content,
        });
    }

    /// The last file is as long as what was read of it.
    fn resize(&mut self, bytes: u64) {
        if let (Some(entry), Some(state)) = (self.entries.last_mut(), self.states.last_mut()) {
            entry.size = bytes;
            state.bytes = bytes;
        }
    }
}

fn is_media(name: &str) -> bool {
    name.len() == MEDIA_DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn holds_a_private_key(bytes: &[u8]) -> bool {
    let needle = b"PRIVATE KEY-----";
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(BackupError::at(folder))?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = paths
        .collect::<Result<_, _>>()
        .map_err(BackupError::at(folder))?;
    paths.sort();
    Ok(paths)
}

/// What is in a folder that was restored, in the words of the record. A medium whose content is not
/// what its name says has a digest that no record has.
pub(crate) fn restored(folder: &Path, skip: &[&str]) -> Result<Vec<FileState>, BackupError> {
    let mut found = Vec::new();
    walk(folder, folder, skip, &mut found)?;
    Ok(found)
}

fn walk(
    root: &Path,
    at: &Path,
    skip: &[&str],
    found: &mut Vec<FileState>,
) -> Result<(), BackupError> {
    for path in sorted(at)? {
        if path.is_dir() {
            walk(root, &path, skip, found)?;
            continue;
        }
        let below = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        if skip.contains(&below.as_str()) {
            continue;
        }
        let mut hasher = blake3::Hasher::new();
        let mut file = File::open(&path).map_err(BackupError::at(&path))?;
        let bytes = io::copy(&mut file, &mut hasher).map_err(BackupError::at(&path))?;
        let digest = hasher.finalize().to_hex().to_string();
        let name = below.strip_prefix("media/");
        let as_named = name.is_some_and(|name| digest.get(..MEDIA_DIGITS) == Some(name));
        found.push(FileState {
            bytes: if name.is_some() && !as_named {
                u64::MAX
            } else {
                bytes
            },
            digest: name.is_none().then_some(digest),
            path: below,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_stay_out() {
        let place = tempfile::tempdir().unwrap();
        let certs = place.path().join("certs/town/0001");
        fs::create_dir_all(&certs).unwrap();
        fs::write(certs.join("chain.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        fs::write(certs.join("key.pem"), key).unwrap();
        for (wanted, expected) in [(false, 1), (true, 2)] {
            let mut files = Files::default();
            let below = Path::new("edge/certs");
            files
                .copied(&place.path().join("certs"), below, wanted)
                .unwrap();
            assert_eq!(files.states.len(), expected);
            assert_eq!(files.left_out, 2 - expected);
        }
    }

    #[test]
    fn a_medium_that_is_not_what_its_name_says_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let media = place.path().join("media");
        fs::create_dir_all(&media).unwrap();
        let name = |bytes: &[u8]| blake3::hash(bytes).to_hex().as_str()[..32].to_owned();
        fs::write(media.join(name(b"cat")), "cat").unwrap();
        fs::write(media.join(name(b"dog")), "d0g").unwrap();
        let mut files = Files::default();
        files.media(&media).unwrap();
        let found = restored(place.path(), &[]).unwrap();
        let differ = files.states.iter().filter(|it| !found.contains(it)).count();
        assert_eq!((files.states.len(), differ), (2, 1));
    }
}
