//! The files of a journal that are full: `journal.1`, `journal.2` and so on, beside the present one,
//! large ones compressed (`journal.3.zst`). They are kept for good, because they are evidence; the
//! edge itself does not read them again. `yagura audit verify` does.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use yagura_control::journal::audit::Files;
use yagura_control::journal::chain::Link;

/// Beyond so many bytes a file is compressed.
pub const LARGE_BYTES: u64 = 1 << 20;
/// How hard it is tried: an edge that starts waits for it.
const LEVEL: i32 = 3;
const COMPRESSED: &str = "zst";

/// The number under which the journal at `path` is to be kept: after that of the file that it goes on
/// from, and of all that are there. A crash may have left it there already.
///
/// # Errors
/// The folder cannot be read.
pub fn number(path: &Path, link: Option<&Link>) -> io::Result<u32> {
    let from_link = link.map_or(1, |link| link.goes_on_from + 1);
    let Some(newest) = all(path)?.into_iter().map(|(number, _)| number).max() else {
        return Ok(from_link);
    };
    let is_the_same = match (fs::metadata(kept(path, newest)), fs::metadata(path)) {
        (Ok(kept), Ok(present)) => kept.ino() == present.ino() && kept.dev() == present.dev(),
        _ => false,
    };
    let free = if is_the_same { newest } else { newest + 1 };
    Ok(free.max(from_link))
}

/// Gives the journal its number, beside its name.
///
/// # Errors
/// It has none.
pub fn keep(path: &Path, number: u32) -> io::Result<()> {
    match fs::hard_link(path, kept(path, number)) {
        // By the start that a crash ended; `number` has looked that it is the same file.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result?,
    }
    sync_folder(path)
}

/// Makes names in the folder durable.
///
/// # Errors
/// They are not.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Compresses a full file, if it is large. One that cannot be stays as it is.
pub fn compress(path: &Path, number: u32) {
    let kept = kept(path, number);
    if fs::metadata(&kept).is_ok_and(|file| file.len() > LARGE_BYTES)
        && let Err(error) = compressed(&kept)
    {
        tracing::warn!(file = %kept.display(), %error, "a full journal could not be compressed, and is kept as it is");
    }
}

fn compressed(kept: &Path) -> io::Result<()> {
    let bytes = zstd::bulk::compress(&fs::read(kept)?, LEVEL)?;
    let partial = added(kept, "partial");
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&partial, added(kept, COMPRESSED))?;
    sync_folder(kept)?;
    fs::remove_file(kept)
}

/// Every file of the journal in a folder.
///
/// # Errors
/// One cannot be read.
pub fn read(folder: &Path) -> io::Result<Files> {
    let path = folder.join("journal");
    let mut files = Files {
        present: fs::read(&path)?,
        ..Files::default()
    };
    for (number, file) in all(&path)? {
        let bytes = fs::read(&file)?;
        let bytes = match file.extension().is_some_and(|end| end == COMPRESSED) {
            true => zstd::stream::decode_all(&*bytes)?,
            false => bytes,
        };
        // A crash may have left one both ways; they hold the same.
        files.full.entry(number).or_insert(bytes);
    }
    Ok(files)
}

/// The full files of the journal at `path`, with their numbers.
fn all(path: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let name = format!("{}.", name.to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let rest = file.strip_prefix(&name).unwrap_or_default();
        let digits = rest.strip_suffix(&format!(".{COMPRESSED}")).unwrap_or(rest);
        if let Ok(number) = digits.parse::<u32>()
            && digits == number.to_string()
        {
            found.push((number, entry.path()));
        }
    }
    Ok(found)
}

fn kept(path: &Path, number: u32) -> PathBuf {
    added(path, &number.to_string())
}

fn added(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
