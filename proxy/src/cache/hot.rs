//! Responses in memory, ready for the wire, bounded by bytes.

use std::sync::Arc;

use moka::sync::Cache;
use yagura_control::order::HotStatus;

use super::stored::Prepared;

/// The hot cache.
#[derive(Debug)]
pub struct Hot {
    responses: Cache<Box<str>, Arc<Prepared>, ahash::RandomState>,
    capacity_bytes: u64,
}

impl Hot {
    /// An empty cache of at most `capacity_bytes`.
    #[must_use]
    pub fn new(capacity_bytes: u64) -> Self {
        let responses = Cache::builder()
            .max_capacity(capacity_bytes)
            .weigher(|_, prepared: &Arc<Prepared>| prepared.weight_bytes())
            .build_with_hasher(ahash::RandomState::new());
        Self {
            responses,
            capacity_bytes,
        }
    }

    /// The response under a key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Arc<Prepared>> {
        self.responses.get(key)
    }

    /// Keeps a response.
    pub fn insert(&self, prepared: Arc<Prepared>) {
        self.responses
            .insert(prepared.stored.key.as_str().into(), prepared);
    }

    /// Forgets a response.
    pub fn remove(&self, key: &str) {
        self.responses.invalidate(key);
    }

    /// What it holds.
    #[must_use]
    pub fn status(&self) -> HotStatus {
        HotStatus {
            entries: self.responses.entry_count(),
            bytes: self.responses.weighted_size(),
            capacity_bytes: self.capacity_bytes,
        }
    }
}
