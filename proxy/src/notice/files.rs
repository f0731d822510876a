//! The attachments and images of notices, which the edge holds itself: on disk under the hash of
//! their content, and in memory. A notice refers to them by hash, so the journal stays small.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use yagura_control::order::{LARGEST_FILE_BYTES, MOST_FILES, RaiseNotice};

/// Those of one edge.
#[derive(Debug, Default)]
pub struct Files {
    /// None for an edge that keeps nothing on disk.
    folder: Option<PathBuf>,
    held: Mutex<HashMap<String, Bytes>>,
}

/// Types that may be attached, by the ending of the name.
const TYPES: [(&str, &str); 9] = [
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("txt", "text/plain; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("ics", "text/calendar; charset=utf-8"),
];

/// The type of a file, for a name that may stand in a URL.
#[must_use]
pub fn media_type(name: &str) -> Option<&'static str> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.starts_with('.') || name.len() > 100 || !name.chars().all(letters) {
        return None;
    }
    let (_, ending) = name.rsplit_once('.')?;
    let known = TYPES
        .iter()
        .find(|(one, _)| ending.eq_ignore_ascii_case(one));
    known.map(|(_, media)| *media)
}

/// The endings that may be attached.
#[must_use]
pub fn endings() -> String {
    TYPES.map(|(ending, _)| ending).join(", ")
}

/// The name under which a content is held.
#[must_use]
pub fn digest(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

impl Files {
    /// Those in a folder.
    #[must_use]
    pub fn at(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            held: Mutex::default(),
        }
    }

    /// The content of that hash; read from disk at most once.
    #[must_use]
    pub fn get(&self, digest: &str) -> Option<Bytes> {
        if let Some(held) = self.held().get(digest) {
            return Some(held.clone());
        }
        // It may come with an order, and must not lead out of the folder.
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let path = self.folder.as_ref()?.join(digest);
        let content = Bytes::from(fs::read(path).ok()?);
        if self::digest(&content) != digest {
            tracing::warn!(%digest, "a file of a notice is damaged");
            return None;
        }
        self.held().insert(digest.to_owned(), content.clone());
        Some(content)
    }

    /// Takes the contents out of an order, in whose place their hashes stand. Changes nothing here.
    ///
    /// # Errors
    /// What is wrong with a file, and a hint.
    pub fn taken(&self, notice: &mut RaiseNotice) -> Result<Vec<Bytes>, (String, String)> {
        let (mut contents, mut names) = (Vec::new(), HashSet::new());
        if notice.files.len() > MOST_FILES {
            let hint = format!("attach at most {MOST_FILES}");
            return Err(("there are too many files".to_owned(), hint));
        }
        for file in &mut notice.files {
            let name = &file.name;
            let fault =
                |what: &str, hint: String| Err((format!("the file \"{name}\" {what}"), hint));
            if media_type(name).is_none() {
                let hint = format!("use letters, digits, ., - and _, and one of {}", endings());
                return fault("cannot be attached", hint);
            }
            if !names.insert(name.clone()) {
                return fault("is there twice", "give each a name of its own".to_owned());
            }
            match (file.content.take(), &file.digest) {
                (Some(content), _) => {
                    let Ok(content) = BASE64_STANDARD.decode(content) else {
                        return fault("cannot be read", "send it in base64".to_owned());
                    };
                    if content.is_empty() || content.len() > LARGEST_FILE_BYTES {
                        let hint = format!("make it smaller: {LARGEST_FILE_BYTES} bytes at most");
                        return fault("is empty or too large", hint);
                    }
                    file.digest = Some(digest(&content));
                    contents.push(content.into());
                }
                (None, Some(digest)) if self.get(digest).is_some() => {}
                (None, _) => {
                    return fault("is not held any more", "attach it again".to_owned());
                }
            }
        }
        Ok(contents)
    }

    /// Keeps a content durably.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, content: Bytes) -> io::Result<()> {
        let digest = digest(&content);
        if let Some(folder) = &self.folder {
            fs::create_dir_all(folder)?;
            let (path, partial) = (
                folder.join(&digest),
                folder.join(format!("{digest}.partial")),
            );
            let mut file = File::create(&partial)?;
            file.write_all(&content)?;
            file.sync_all()?;
            fs::rename(partial, path)?;
            File::open(folder)?.sync_all()?;
        }
        self.held().insert(digest, content);
        Ok(())
    }

    /// Lets go what is not in use.
    pub fn retain(&self, used: &HashSet<String>) {
        self.held().retain(|digest, _| used.contains(digest));
        let Some(entries) = self
            .folder
            .as_ref()
            .and_then(|folder| fs::read_dir(folder).ok())
        else {
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            let is_used = entry
                .file_name()
                .to_str()
                .is_some_and(|name| used.contains(name));
            if !is_used && let Err(error) = fs::remove_file(entry.path()) {
                tracing::warn!(%error, "a file of a former notice cannot be removed");
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_outlive_the_process_and_go_when_nobody_needs_them() {
        let folder = tempfile::tempdir().unwrap();
        let place = Some(folder.path().join("notice"));
        let (one, two) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
        let files = Files::at(place.clone());
        files.keep(one.clone()).unwrap();
        files.keep(two.clone()).unwrap();
        let again = Files::at(place.clone());
        assert_eq!(again.get(&digest(b"one")), Some(one));
        again.retain(&HashSet::from([digest(b"two")]));
        assert_eq!(again.get(&digest(b"one")), None);
        fs::write(place.clone().unwrap().join(digest(b"two")), b"other").unwrap();
        assert_eq!(Files::at(place).get(&digest(b"two")), None, "damaged");
    }

    #[test]
    fn names_say_what_they_are() {
        assert_eq!(media_type("map-1.PNG"), Some("image/png"));
        for name in [
            "",
            "map",
            ".png",
            "a/b.png",
            "a b.png",
            "x.html",
            "x.svg",
            "x.png.exe",
        ] {
            assert_eq!(media_type(name), None, "{name}");
        }
    }
}
