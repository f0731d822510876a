//! How many requests come from each network, in a table that never grows: networks are hashed to
//! its slots with a secret of this process. Two networks that meet in a slot share its quota; with
//! so many slots that is rare, and nobody can choose with whom.
//!
//! What is answered without an origin is counted and never refused.

use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;

use super::network::Network;
use super::rate::Quota;

/// Slots; a power of two. Half a MiB.
const SLOTS: usize = 1 << 16;

/// The table.
pub struct Requests {
    slots: Box<[AtomicU64]>,
    secret: RandomState,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            secret: RandomState::new(),
        }
    }
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Requests")
    }
}

impl Requests {
    /// Counts what was answered without an origin, in sixteenths of a request.
    pub fn count(&self, network: Network, quota: Quota, now_ns: u64, parts: u64) {
        if let Some(slot) = self.slot(network) {
            let _always_some = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| {
                Some(quota.counted(before, now_ns, parts))
            });
        }
    }

    /// Counts a request that is to reach an origin.
    ///
    /// # Errors
    /// It is too much, and is not counted; seconds until it would not be, at least 1.
    pub fn ask(&self, network: Network, quota: Quota, now_ns: u64) -> Result<(), u64> {
        let Some(slot) = self.slot(network) else {
            return Ok(());
        };
        let mut wait_ns = 0;
        let asked = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| {
            quota
                .asked(before, now_ns)
                .map_err(|wait| wait_ns = wait)
                .ok()
        });
        match asked {
            Ok(_) => Ok(()),
            Err(_) => Err(wait_ns.div_ceil(1_000_000_000).max(1)),
        }
    }

    fn slot(&self, network: Network) -> Option<&AtomicU64> {
        let hash = self.secret.hash_one(network);
        let index = usize::try_from(hash & (SLOTS as u64 - 1)).unwrap_or(0);
        self.slots.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_own_quota() {
        let requests = Requests::default();
        let quota = Quota::new(1, 2);
        let busy = Network::of("192.0.2.1".parse().unwrap());
        for _ in 0..2 {
            assert_eq!(requests.ask(busy, quota, 0), Ok(()));
        }
        assert_eq!(requests.ask(busy, quota, 0), Err(1));
        let passed = (0..=255_u8).filter(|third| {
            let other = Network::of([198, 51, *third, 1].into());
            requests.ask(other, quota, 0).is_ok()
        });
        assert!(passed.count() >= 254, "few of 256 share a slot");
        requests.count(busy, quota, 2_000_000_000, 32);
        assert_eq!(requests.ask(busy, quota, 2_000_000_000), Err(1));
    }
}
