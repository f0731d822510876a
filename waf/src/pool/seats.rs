//! Who may ask a worker now. There are as many seats as workers; one client has half of them at most,
//! the one worker apart, so that whoever sends request after request that takes its whole deadline
//! waits for himself and keeps nobody else waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug)]
pub(super) struct Seats {
    all: Arc<Semaphore>,
    count: usize,
    /// Those of clients who have one or wait for one.
    of_clients: Arc<Mutex<HashMap<u64, Arc<Semaphore>>>>,
}

/// One seat, until dropped.
#[derive(Debug)]
pub(super) struct Seat {
    client: u64,
    own: Option<OwnedSemaphorePermit>,
    _one: OwnedSemaphorePermit,
    of_clients: Arc<Mutex<HashMap<u64, Arc<Semaphore>>>>,
}

impl Seats {
    pub(super) fn new(count: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(count)),
            count,
            of_clients: Arc::default(),
        }
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.count.saturating_sub(self.all.available_permits())
    }

    /// A seat for a client; none when there is none in time.
    pub(super) async fn take(&self, client: u64, wait: Duration) -> Option<Seat> {
        let own = {
            let most = self.count.div_ceil(2);
            let mut clients = lock(&self.of_clients);
            let own = clients.entry(client);
            own.or_insert_with(|| Arc::new(Semaphore::new(most)))
                .clone()
        };
        // Dropped in whatever way this ends, so that the table holds no one who does not wait.
        let mut seat = Waiting {
            client,
            own: None,
            of_clients: &self.of_clients,
        };
        let seated = async {
            seat.own = own.acquire_owned().await.ok();
            self.all.clone().acquire_owned().await.ok()
        };
        let one = tokio::time::timeout(wait, seated).await.ok()??;
        Some(Seat {
            client,
            own: seat.own.take(),
            _one: one,
            of_clients: self.of_clients.clone(),
        })
    }
}

struct Waiting<'s> {
    client: u64,
    own: Option<OwnedSemaphorePermit>,
    of_clients: &'s Mutex<HashMap<u64, Arc<Semaphore>>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.own = None;
        forget(self.of_clients, self.client);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.own = None;
        forget(&self.of_clients, self.client);
    }
}

/// Forgets a client of whom nothing is left.
fn forget(of_clients: &Mutex<HashMap<u64, Arc<Semaphore>>>, client: u64) {
    let mut clients = lock(of_clients);
    // Permits, and whoever waits for one, hold the semaphore.
    if clients
        .get(&client)
        .is_some_and(|own| Arc::strong_count(own) == 1)
    {
        clients.remove(&client);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn one_client_has_half_and_another_is_not_kept_waiting() {
        let seats = Seats::new(4);
        let first = seats.take(1, SOON).await.unwrap();
        let second = seats.take(1, SOON).await.unwrap();
        assert!(seats.take(1, SOON).await.is_none());
        let other = seats.take(2, Duration::ZERO).await.unwrap();
        assert_eq!(seats.taken(), 3);
        drop(first);
        assert!(seats.take(1, SOON).await.is_some());
        drop((second, other));
        assert_eq!(seats.taken(), 0);
        assert!(lock(&seats.of_clients).is_empty());
    }

    #[tokio::test]
    async fn a_single_worker_is_everybodys() {
        let seats = Seats::new(1);
        let seat = seats.take(1, SOON).await.unwrap();
        assert!(seats.take(2, SOON).await.is_none());
        drop(seat);
        assert!(seats.take(2, SOON).await.is_some());
    }
}
