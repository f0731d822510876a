//! Whether this process may change what lies in the folder. While another process takes over, it may
//! not: copies are read, and none is kept or removed.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::LastGood;
use super::disk::Disk;

/// Shut while the folder is another process's.
#[derive(Debug, Default)]
pub struct Seal {
    held: Mutex<Held>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    shut: bool,
    changes: usize,
}

/// The right to change something, until dropped.
#[derive(Debug)]
pub struct Leave<'s>(&'s Seal);

impl Seal {
    /// The right to change something now; none while the folder is another's. Never waits, so that
    /// it may be asked for whatever else is held.
    pub fn leave(&self) -> Option<Leave<'_>> {
        let mut held = self.held();
        if held.shut {
            return None;
        }
        held.changes += 1;
        Some(Leave(self))
    }

    fn shut(&self) {
        let mut held = self.held();
        held.shut = true;
        while held.changes > 0 {
            held = self
                .ended
                .wait(held)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.held().changes -= 1;
        self.0.ended.notify_all();
    }
}

impl<D: Disk> LastGood<D> {
    /// Changes nothing from now on. Returns when what is under way is done.
    pub fn seal(&self) {
        self.seal.shut();
    }

    /// May change things again.
    pub fn unseal(&self) {
        self.seal.held().shut = false;
    }
}
