//! What was counted and is in no table any more, until it is written: a table that an import
//! replaced goes when the last request that uses it ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Sources of one site with how often they were answered. As large at most as the tables that were
/// dropped between two writes.
#[derive(Debug, Default)]
pub struct Tally(Mutex<HashMap<String, u64>>);

impl Tally {
    /// Adds to what is there.
    pub fn add(&self, counts: Vec<(String, u64)>) {
        if counts.is_empty() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, count) in counts {
            *kept.entry(source).or_default() += count;
        }
    }

    /// Takes everything.
    #[must_use]
    pub fn take(&self) -> Vec<(String, u64)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *kept).into_iter().collect()
    }
}
