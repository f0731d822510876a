//! Packs that no index names, by reading every index.

use std::io;

use rustic_core::repofile::{IndexFile, IndexId};
use rustic_core::{Id, OpenStatus, Repository, RusticResult};

use crate::backup::leftovers::Unnamed;
use crate::backup::store::{Kind, Store};

/// Fails when anything cannot be listed or read. The packs are listed before the indexes: whatever is
/// named meanwhile is named.
pub(super) fn unnamed(
    repository: &Repository<OpenStatus>,
    store: &dyn Store,
) -> io::Result<RusticResult<Unnamed>> {
    let mut packs: Unnamed = store.list(Kind::Pack)?.into_iter().collect();
    for (name, _) in store.list(Kind::Index)? {
        // Not the engine's stream of all of them, which ends early when a thread of it panics.
        let id: Id = name
            .parse()
            .map_err(|_| io::Error::other(format!("index {name} is called as no index is")))?;
        let index: IndexFile = match repository.get_file(&IndexId::from(id)) {
            Ok(index) => index,
            Err(error) => return Ok(Err(error)),
        };
        for pack in index.packs.iter().chain(&index.packs_to_delete) {
            packs.remove(pack.id.to_hex().as_str());
        }
    }
    Ok(Ok(packs))
}
