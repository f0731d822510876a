//! Responses in memory, ready for the wire, bounded by bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;
use moka::ops::compute::Op;
use moka::sync::Cache;
use yagura_control::order::HotStatus;

use super::prepared::Prepared;
use super::vary;

/// The hot cache.
#[derive(Debug)]
pub struct Hot {
    responses: Cache<Box<str>, Arc<Prepared>, ahash::RandomState>,
    capacity_bytes: u64,
    evictions: Arc<AtomicU64>,
}

impl Hot {
    /// An empty cache of at most `capacity_bytes`.
    #[must_use]
    pub fn new(capacity_bytes: u64) -> Self {
        let evictions = Arc::new(AtomicU64::new(0));
        let counted = evictions.clone();
        let responses = Cache::builder()
            .max_capacity(capacity_bytes)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            })
            .weigher(|_, prepared: &Arc<Prepared>| prepared.weight_bytes())
            .build_with_hasher(ahash::RandomState::new());
        Self {
            responses,
            capacity_bytes,
            evictions,
        }
    }

    /// The response under a key that was kept last, whatever variant it is.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Arc<Prepared>> {
        self.responses.get(key)
    }

    /// The variant of that name under a key.
    #[must_use]
    pub fn variant(&self, key: &str, variant: &str) -> Option<Arc<Prepared>> {
        self.responses.get(variant_key(key, variant).as_str())
    }

    /// Keeps a response; one of several variants under its own name too.
    pub fn insert(&self, prepared: Arc<Prepared>) {
        let stored = &prepared.stored;
        if !stored.terms.vary.is_empty() {
            let name = variant_key(&stored.key, &vary::own_variant(&stored.terms));
            self.responses.insert(name.into(), prepared.clone());
        }
        self.responses
            .insert(stored.key.as_str().into(), prepared.clone());
    }

    /// Counts the bytes of a response anew, if it is still there.
    pub fn weigh_again(&self, prepared: &Arc<Prepared>) {
        let stored = &prepared.stored;
        let variant = (!stored.terms.vary.is_empty())
            .then(|| variant_key(&stored.key, &vary::own_variant(&stored.terms)));
        for key in variant
            .iter()
            .map(String::as_str)
            .chain([stored.key.as_str()])
        {
            self.responses
                .entry(key.into())
                .and_compute_with(|entry| match entry {
                    Some(entry) if Arc::ptr_eq(entry.value(), prepared) => {
                        Op::Put(prepared.clone())
                    }
                    _ => Op::Nop,
                });
        }
    }

    /// Forgets a response.
    pub fn remove(&self, key: &str) {
        self.responses.invalidate(key);
    }

    /// What it holds.
    #[must_use]
    pub fn status(&self) -> HotStatus {
        // It counts what was put in only when it gets around to it.
        self.responses.run_pending_tasks();
        HotStatus {
            entries: self.responses.entry_count(),
            bytes: self.responses.weighted_size(),
            capacity_bytes: self.capacity_bytes,
            evictions: self.evictions.load(Ordering::Relaxed),
        }
    }
}

/// Keys hold no line that begins with `?`, so no variant is taken for another URL.
fn variant_key(key: &str, variant: &str) -> String {
    format!("{key}\n?{variant}")
}
