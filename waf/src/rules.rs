//! Which rules are loaded, and in which order: how the engine runs (rules/base.conf), the operator's
//! exclusions, the Core Rule Set's files for requests, what is tuned for Japanese sites
//! (rules/tuning.conf, rules/carriers.conf), the operator's own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A part of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A text, with what it is called.
    Text(&'static str, String),
    /// A file.
    File(PathBuf),
}

/// All of them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Each.
    pub pieces: Vec<Piece>,
}

impl Sources {
    /// The rules of a folder, with exclusions as directives and files of the operator's.
    ///
    /// # Errors
    /// The folder cannot be read, or holds no rules.
    pub fn of(folder: &Path, exclusions: String, overrides: &[PathBuf]) -> io::Result<Self> {
        let files = files(folder)?;
        let base = include_str!("../rules/base.conf").to_owned();
        let tuning = include_str!("../rules/tuning.conf").to_owned();
        let carriers = include_str!("../rules/carriers.conf").to_owned();
        let mut pieces = vec![
            Piece::Text("the program's own base.conf", base),
            Piece::Text("the file of exclusions", exclusions),
        ];
        pieces.extend(files.into_iter().map(Piece::File));
        pieces.push(Piece::Text("the program's own tuning.conf", tuning));
        pieces.push(Piece::Text("the program's own carriers.conf", carriers));
        pieces.extend(overrides.iter().cloned().map(Piece::File));
        Ok(Self { pieces })
    }
}

/// The files of a folder that hold rules for requests, in the order of their names. Rules for
/// responses are left out: responses are not inspected.
///
/// # Errors
/// The folder cannot be read, or holds none.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|file| {
            let name = file.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("REQUEST-") && name.ends_with(".conf"))
        })
        .collect();
    files.sort();
    if files.is_empty() {
        let why = format!(
            "there is no REQUEST-*.conf in {}: is it the folder `rules` of the Core Rule Set?",
            folder.display()
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    Ok(files)
}

/// A digest of every file of a folder, with their names: rules and the lists that they read.
///
/// # Errors
/// The folder cannot be read.
pub fn digest(folder: &Path) -> io::Result<String> {
    let mut files = entries(folder)?;
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let content = fs::read(file)?;
        for part in [name, content.as_slice()] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    Ok(format!("blake3:{}", hasher.finalize().to_hex()))
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).map_err(|error| {
        let why = format!("{} cannot be read: {error}", folder.display());
        io::Error::new(error.kind(), why)
    })?;
    read.map(|entry| entry.map(|entry| entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_for_requests_are_loaded_and_every_file_counts_in_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        assert!(files(folder.path()).is_err());
        for name in [
            "REQUEST-942-B.conf",
            "REQUEST-901-A.conf",
            "RESPONSE-950-C.conf",
            "words.data",
        ] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let names: Vec<_> = files(folder.path())
            .unwrap()
            .into_iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["REQUEST-901-A.conf", "REQUEST-942-B.conf"]);
        let before = digest(folder.path()).unwrap();
        assert!(before.starts_with("blake3:"));
        fs::write(folder.path().join("words.data"), "other").unwrap();
        assert_ne!(digest(folder.path()).unwrap(), before);
        assert!(digest(Path::new("/nowhere")).is_err());
    }
}
