//! A place whose bytes pass at a rate, both ways. A target's two repositories share one pace, and so
//! does whatever is done to them at the same time: copies, checks and restores.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use yagura_control::clock::monotonic;

use super::{Kind, Store};

pub(crate) struct Paced {
    store: Arc<dyn Store>,
    pace: Arc<Pace>,
}

impl Paced {
    pub(crate) const fn new(store: Arc<dyn Store>, pace: Arc<Pace>) -> Self {
        Self { store, pace }
    }
}

impl Store for Paced {
    fn place(&self) -> String {
        self.store.place()
    }

    fn create(&self) -> io::Result<()> {
        self.store.create()
    }

    fn list(&self, kind: Kind) -> io::Result<Vec<(String, u32)>> {
        self.store.list(kind)
    }

    fn read(&self, kind: Kind, name: &str, part: Option<(u32, u32)>) -> io::Result<Bytes> {
        let bytes = self.store.read(kind, name, part)?;
        self.pace.wait(bytes.len());
        Ok(bytes)
    }

    fn write(&self, kind: Kind, name: &str, content: &[Bytes]) -> io::Result<()> {
        self.pace.wait(content.iter().map(Bytes::len).sum());
        self.store.write(kind, name, content)
    }

    fn remove(&self, kind: Kind, name: &str) -> io::Result<()> {
        self.store.remove(kind, name)
    }

    fn sweep(&self) -> io::Result<usize> {
        self.store.sweep()
    }
}

/// Lets bytes pass at a rate: each waits until what passed before has had its time.
pub(crate) struct Pace {
    rate: u64,
    free_at: Mutex<Instant>,
    never: Condvar,
}

impl Pace {
    pub(crate) fn new(rate: u64) -> Self {
        Self {
            rate: rate.max(1),
            free_at: Mutex::new(monotonic()),
            never: Condvar::new(),
        }
    }

    fn wait(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let takes = Duration::from_millis(bytes.saturating_mul(1_000) / self.rate);
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let until = (*free_at).max(monotonic()) + takes;
        *free_at = until;
        loop {
            let left = until.saturating_duration_since(monotonic());
            if left.is_zero() {
                return;
            }
            let waited = self.never.wait_timeout(free_at, left);
            free_at = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::Folder;
    use super::*;

    /// 20,000 bytes into each of two repositories and out again, by two threads, at 400,000 a second.
    #[test]
    fn both_repositories_of_a_target_share_its_rate() {
        let place = tempfile::tempdir().unwrap();
        let pace = Arc::new(Pace::new(400_000));
        let began = monotonic();
        std::thread::scope(|scope| {
            for repository in ["database", "files"] {
                let folder = Folder::new(place.path().join(repository));
                let store = Paced::new(Arc::new(folder), pace.clone());
                scope.spawn(move || {
                    store.create().unwrap();
                    for number in 0..10_u8 {
                        let name = format!("{number:064x}");
                        let content = [
                            Bytes::from(vec![number; 1_000]),
                            Bytes::from(vec![0; 1_000]),
                        ];
                        store.write(Kind::Pack, &name, &content).unwrap();
                        assert_eq!(store.read(Kind::Pack, &name, None).unwrap().len(), 2_000);
                    }
                });
            }
        });
        assert!(monotonic().duration_since(began) >= Duration::from_millis(195));
    }
}
