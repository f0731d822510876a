//! Between the engine and the place that holds its files.
//!
//! - **Veto:** the engine saves a generation even when a file of it could not be read. Here its
//!   snapshot is refused then; what was written of it is unreferenced, and goes with the next prune.
//! - **Packs:** a restore reads a pack in many small parts. From afar, a pack is fetched whole at the
//!   second part, and the newest few are kept in memory.
//! - **Hidden packs:** a prune does not see what no index names, because it would mark it wrongly.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};

use super::source::Veto;
use crate::backup::leftovers::Unnamed;
use crate::backup::store::{Kind, Store};

/// Packs in memory; each is some tens of MiB at most.
const PACKS: usize = 3;

pub(crate) struct Gate {
    store: Arc<dyn Store>,
    veto: Veto,
    packs: Option<Mutex<Packs>>,
    hidden: Unnamed,
}

#[derive(Default)]
struct Packs {
    whole: VecDeque<(Id, Bytes)>,
    asked: VecDeque<Id>,
}

impl Gate {
    /// `afar`: whether a small read costs a journey.
    pub(crate) fn new(store: Arc<dyn Store>, veto: Veto, afar: bool) -> Self {
        Self {
            store,
            veto,
            packs: afar.then(Mutex::default),
            hidden: Unnamed::new(),
        }
    }

    /// These packs are not there for the engine.
    pub(super) fn without(self, hidden: Unnamed) -> Self {
        Self { hidden, ..self }
    }

    /// The part out of a pack that is in memory; fetches the pack when this is its second part.
    fn part_of_pack(&self, id: &Id, offset: u32, length: u32) -> io::Result<Option<Bytes>> {
        let Some(packs) = &self.packs else {
            return Ok(None);
        };
        let mut packs = packs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = packs.whole.iter().find(|(known, _)| known == id);
        let mut whole = known.map(|(_, bytes)| bytes.clone());
        if whole.is_none() {
            if !packs.asked.contains(id) {
                packs.asked.push_back(*id);
                if packs.asked.len() > 4 * PACKS {
                    packs.asked.pop_front();
                }
                return Ok(None);
            }
            let bytes = self.store.read(Kind::Pack, id.to_hex().as_str(), None)?;
            packs.whole.push_back((*id, bytes.clone()));
            if packs.whole.len() > PACKS {
                packs.whole.pop_front();
            }
            whole = Some(bytes);
        }
        let begin = usize::try_from(offset).map_err(io::Error::other)?;
        let end = begin.saturating_add(usize::try_from(length).map_err(io::Error::other)?);
        let whole = whole.unwrap_or_default();
        if end > whole.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(whole.slice(begin..end)))
    }
}

const fn kind(of: FileType) -> Kind {
    match of {
        FileType::Config => Kind::Config,
        FileType::Key => Kind::Key,
        FileType::Snapshot => Kind::Snapshot,
        FileType::Index => Kind::Index,
        FileType::Pack => Kind::Pack,
    }
}

fn told(error: io::Error) -> Box<RusticError> {
    let words = error.to_string();
    RusticError::with_source(ErrorKind::Backend, "the place failed: `{words}`", error)
        .attach_context("words", words)
}

impl ReadBackend for Gate {
    fn location(&self) -> String {
        self.store.place()
    }

    fn list_with_size(&self, of: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let listed = self.store.list(kind(of)).map_err(told)?;
        let hidden = |name: &String| of == FileType::Pack && self.hidden.contains_key(name);
        let shown = listed.into_iter().filter(|(name, _)| !hidden(name));
        let known = |(name, size): (String, u32)| Some((Id::parse_some(&name, of)?, size));
        Ok(shown.filter_map(known).collect())
    }

    fn read_full(&self, of: FileType, id: &Id) -> RusticResult<Bytes> {
        let bytes = self.store.read(kind(of), id.to_hex().as_str(), None);
        bytes.map_err(told)
    }

    fn read_partial(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        if of == FileType::Pack
            && let Some(bytes) = self.part_of_pack(id, offset, length).map_err(told)?
        {
            return Ok(bytes);
        }
        let part = Some((offset, length));
        let bytes = self.store.read(kind(of), id.to_hex().as_str(), part);
        bytes.map_err(told)
    }

    fn warmup_path(&self, _of: FileType, id: &Id) -> String {
        id.to_hex().to_string()
    }
}

impl WriteBackend for Gate {
    fn create(&self) -> RusticResult<()> {
        self.store.create().map_err(told)
    }

    fn write_bytes(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        if of == FileType::Snapshot
            && let Some(why) = self.veto.said()
        {
            return Err(told(io::Error::other(why)));
        }
        let name = id.to_hex();
        self.store
            .write(kind(of), name.as_str(), content.slice())
            .map_err(told)
    }

    fn remove(&self, of: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        let name = id.to_hex();
        self.store.remove(kind(of), name.as_str()).map_err(told)
    }
}
