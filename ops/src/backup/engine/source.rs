//! What is to be kept: entries in the order of a walk, each with a way to read it.
//!
//! The engine leaves out what it cannot read, warns, and saves the generation all the same. So every
//! reader here reports to a [`Veto`]: a failed read, or one that gave other than the promised number of
//! bytes, forbids the generation (see `gate.rs`).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{ReadSource, ReadSourceEntry, RusticResult, jiff};
use yagura_control::Timestamp;

/// One file or folder.
pub(crate) struct Entry {
    /// Below the root of the generation, without a slash at the beginning.
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) modified: Timestamp,
    /// Of a file on disk: with size and times, what says that it is unchanged.
    pub(crate) inode: u64,
    pub(crate) changed: Option<Timestamp>,
    pub(crate) content: Content,
}

/// How an entry is read.
pub(crate) enum Content {
    Bytes(Vec<u8>),
    /// Opened when its turn comes.
    File(PathBuf),
    Stream(Box<dyn Read + Send>),
}

impl Entry {
    pub(crate) fn of_bytes(path: &str, bytes: Vec<u8>, at: Timestamp) -> Self {
        Self {
            path: path.into(),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            modified: at,
            inode: 0,
            changed: None,
            content: Content::Bytes(bytes),
        }
    }
}

/// Why a generation must not be saved; the first reason counts.
#[derive(Clone, Default)]
pub(crate) struct Veto(Arc<Mutex<Option<String>>>);

impl Veto {
    pub(crate) fn say(&self, why: String) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.get_or_insert(why);
    }

    pub(crate) fn said(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The entries as the engine takes them, once.
pub(crate) struct Source {
    entries: Mutex<Vec<Entry>>,
    veto: Veto,
    bytes: u64,
}

impl Source {
    /// Sorted as a walk would find them: the engine closes a folder when the next entry is outside it.
    pub(crate) fn new(mut entries: Vec<Entry>, veto: Veto) -> Self {
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        let bytes = entries.iter().map(|entry| entry.size).sum();
        Self {
            entries: Mutex::new(entries),
            veto,
            bytes,
        }
    }
}

impl ReadSource for Source {
    type Open = Watched;
    type Iter = std::vec::IntoIter<RusticResult<ReadSourceEntry<Watched>>>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(Some(self.bytes))
    }

    fn entries(&self) -> Self::Iter {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let taken: Vec<_> = std::mem::take(&mut *entries)
            .into_iter()
            .map(|entry| Ok(entry_of(entry, &self.veto)))
            .collect();
        taken.into_iter()
    }
}

fn entry_of(entry: Entry, veto: &Veto) -> ReadSourceEntry<Watched> {
    let instant = |at: Timestamp| {
        let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).ok()
    };
    let metadata = Metadata {
        mode: Some(0o600),
        mtime: instant(entry.modified),
        ctime: instant(entry.changed.unwrap_or(entry.modified)),
        inode: entry.inode,
        size: entry.size,
        links: 1,
        ..Metadata::default()
    };
    let name = entry.path.file_name().unwrap_or(OsStr::new("unnamed"));
    ReadSourceEntry {
        node: Node::new_node(name, NodeType::File, metadata),
        open: Some(Watched {
            path: entry.path.clone(),
            content: Some(entry.content),
            reader: None,
            left: entry.size,
            veto: veto.clone(),
        }),
        path: PathBuf::from("/").join(entry.path),
    }
}

/// A reader that gives as many bytes as were promised, or vetoes.
pub(crate) struct Watched {
    path: PathBuf,
    content: Option<Content>,
    reader: Option<Box<dyn Read + Send>>,
    left: u64,
    veto: Veto,
}

impl Watched {
    fn give(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(content) = self.content.take() {
            self.reader = Some(match content {
                Content::Bytes(bytes) => Box::new(Cursor::new(bytes)),
                Content::File(path) => Box::new(File::open(path)?),
                Content::Stream(reader) => reader,
            });
        }
        // A journal that grew meanwhile is kept as long as it was.
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(most);
        if wanted == 0 {
            return Ok(0);
        }
        let reader = self.reader.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let got = reader.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        if got == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it became shorter",
            ));
        }
        self.left = self
            .left
            .saturating_sub(u64::try_from(got).unwrap_or(u64::MAX));
        Ok(got)
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.give(buffer).inspect_err(|error| {
            self.veto.say(format!("{}: {error}", self.path.display()));
        })
    }
}
