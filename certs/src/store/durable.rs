//! Changes of files that a power cut leaves done or not done, never half: each is written under
//! another name, synced, renamed, and the folder synced (rename(2), fsync(2)).

use std::io;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use crate::CertError;

/// What a name ends in while it is not whole.
pub(crate) const PARTIAL: &str = "partial";

/// Makes a folder and those above it that are missing.
pub(crate) fn make_folders<D: Disk>(disk: &D, folder: &Path) -> Result<(), CertError> {
    match disk.make_folder(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(parent) = folder.parent() else {
                return Err(CertError::at(folder)(error));
            };
            make_folders(disk, parent)?;
            match disk.make_folder(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(CertError::at(folder)(error));
                }
                _ => {}
            }
        }
        Err(error) => return Err(CertError::at(folder)(error)),
    }
    match folder.parent() {
        // A folder named without its parent stands in the working one.
        Some(parent) if parent.as_os_str().is_empty() => sync_folder(disk, Path::new(".")),
        Some(parent) => sync_folder(disk, parent),
        None => Ok(()),
    }
}

/// Puts a file in place of another, wholly or not at all.
pub(crate) fn replace<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> Result<(), CertError> {
    let partial = partial(path);
    write(disk, &partial, bytes)?;
    rename(disk, &partial, path)
}

/// Makes a folder with these files, wholly or not at all; a folder of that name is an error.
pub(crate) fn folder_of<D: Disk>(
    disk: &D,
    folder: &Path,
    files: &[(&str, &[u8])],
) -> Result<(), CertError> {
    let partial = partial(folder);
    remove_all(disk, &partial)?;
    disk.make_folder(&partial)
        .map_err(CertError::at(&partial))?;
    for (name, bytes) in files {
        write(disk, &partial.join(name), bytes)?;
    }
    sync_folder(disk, &partial)?;
    rename(disk, &partial, folder)
}

/// Takes a folder of files away, so that it is there whole or not there at all.
pub(crate) fn remove_folder<D: Disk>(disk: &D, folder: &Path) -> Result<(), CertError> {
    let partial = partial(folder);
    remove_all(disk, &partial)?;
    rename(disk, folder, &partial)?;
    remove_all(disk, &partial)
}

/// Adds a line to a record. A line that a power cut broke off is ended first, so that it spoils
/// no other.
pub(crate) fn add_line<D: Disk>(disk: &D, path: &Path, line: &str) -> Result<(), CertError> {
    let (held, new) = match disk.read(path) {
        Ok(held) => (held, false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), true),
        Err(error) => return Err(CertError::at(path)(error)),
    };
    let broken = held.last().is_some_and(|last| *last != b'\n');
    let text = format!("{}{line}\n", if broken { "\n" } else { "" });
    let added = disk.append(path, text.as_bytes());
    added.map_err(CertError::at(path))?;
    disk.sync_file(path).map_err(CertError::at(path))?;
    match path.parent() {
        Some(folder) if new => sync_folder(disk, folder),
        _ => Ok(()),
    }
}

/// Renames within a folder, and makes it last.
pub(crate) fn rename<D: Disk>(disk: &D, from: &Path, to: &Path) -> Result<(), CertError> {
    disk.rename(from, to).map_err(CertError::at(to))?;
    match to.parent() {
        Some(folder) => sync_folder(disk, folder),
        None => Ok(()),
    }
}

fn write<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> Result<(), CertError> {
    disk.write(path, bytes).map_err(CertError::at(path))?;
    disk.sync_file(path).map_err(CertError::at(path))
}

fn sync_folder<D: Disk>(disk: &D, folder: &Path) -> Result<(), CertError> {
    disk.sync_folder(folder).map_err(CertError::at(folder))
}

fn remove_all<D: Disk>(disk: &D, folder: &Path) -> Result<(), CertError> {
    let files = match disk.list(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(CertError::at(folder)(error)),
    };
    for file in files {
        disk.remove(&file).map_err(CertError::at(&file))?;
    }
    disk.remove_folder(folder).map_err(CertError::at(folder))
}

fn partial(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{name}.{PARTIAL}"))
}
