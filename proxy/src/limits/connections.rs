//! How many connections are open, in all and from each network. What is remembered is what is
//! open, so that the memory is bounded by the number of connections itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;

use super::network::Network;

/// So that threads that accept at the same time seldom wait for each other.
const SHARDS: usize = 16;

/// Counts of what is open.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicUsize,
    by_network: [Mutex<HashMap<Network, usize, RandomState>>; SHARDS],
    secret: RandomState,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The edge.
    Edge,
    /// The network's share.
    Network,
}

impl Connections {
    /// Counts a connection as open; without a network it counts in all only.
    ///
    /// # Errors
    /// There are too many; nothing is counted.
    pub fn enter(
        &self,
        network: Option<Network>,
        most: usize,
        most_per_network: usize,
    ) -> Result<(), Full> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= most {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Edge);
        }
        if let Some(network) = network {
            let mut counts = self.shard(network);
            let count = counts.entry(network).or_insert(0);
            if *count >= most_per_network {
                drop(counts);
                self.open.fetch_sub(1, Ordering::Relaxed);
                return Err(Full::Network);
            }
            *count += 1;
        }
        Ok(())
    }

    /// Counts a connection that was entered as closed.
    pub fn leave(&self, network: Option<Network>) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        let Some(network) = network else { return };
        let mut counts = self.shard(network);
        match counts.get_mut(&network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&network);
            }
        }
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn shard(&self, network: Network) -> MutexGuard<'_, HashMap<Network, usize, RandomState>> {
        let hash = usize::try_from(self.secret.hash_one(network) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.by_network;
        let shard = self.by_network.get(hash).unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether so many connections are open that silent ones are let go early: four fifths.
#[must_use]
pub const fn is_crowded(open: usize, most: usize) -> bool {
    open >= most - most / 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(third: u8) -> Option<Network> {
        Some(Network::of([192, 0, third, 1].into()))
    }

    #[test]
    fn a_network_has_its_share_and_others_theirs() {
        let connections = Connections::default();
        for _ in 0..2 {
            connections.enter(network(1), 4, 2).unwrap();
        }
        assert_eq!(connections.enter(network(1), 4, 2), Err(Full::Network));
        connections.enter(network(2), 4, 2).unwrap();
        connections.enter(None, 4, 2).unwrap();
        assert_eq!(connections.enter(None, 4, 2), Err(Full::Edge));
        connections.leave(network(1));
        connections.enter(network(1), 4, 2).unwrap();
        assert_eq!(connections.open(), 4);
    }

    #[test]
    fn nothing_is_remembered_of_what_is_closed() {
        let connections = Connections::default();
        for third in 0..=255 {
            connections.enter(network(third), 1000, 2).unwrap();
        }
        for third in 0..=255 {
            connections.leave(network(third));
        }
        assert_eq!(connections.open(), 0);
        for shard in &connections.by_network {
            assert!(shard.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn four_fifths_are_a_crowd() {
        assert!(!is_crowded(79, 100) && is_crowded(80, 100));
        assert!(!is_crowded(0, 1) && is_crowded(1, 1));
    }
}
