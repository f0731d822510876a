//! What became of requests, counted by site: one relaxed addition each, in a cache line that no
//! other worker writes to. Read for `yagura cache stats` and for the metrics only.

pub mod failures;
pub mod sent;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use yagura_control::order::RequestCounts;

use failures::Failures;
use sent::Sent;

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Answered with a fresh stored response.
    Hit,
    /// Answered with a stale one while a new one was fetched.
    Stale,
    /// Answered with a stale one that the origin confirmed.
    Confirmed,
    /// Answered with what the origin gave in place of a stale one.
    Renewed,
    /// Not found, and asked for at the origin.
    Miss,
    /// Answered with a stored response because the origin failed.
    LastGood,
    /// Answered with a redirect.
    Redirect,
    /// Passed to the origin without a look into the cache.
    Pass,
    /// Answered with the notice that nothing is there.
    Unavailable,
    /// Answered with the notice that the page was withdrawn.
    Gone,
    /// Answered with 504: wanted from the cache only, and not there.
    NotCached,
    /// Refused.
    Refused,
    /// A reader waited for an answer that another one had asked for. Counted beside what became of
    /// the request.
    Coalesced,
}

impl Event {
    const COUNT: usize = 13;

    /// What the log's word for a request's outcome stands for.
    #[must_use]
    pub fn of_outcome(word: &str) -> Self {
        match word {
            "hit" => Self::Hit,
            "stale" => Self::Stale,
            "confirmed" => Self::Confirmed,
            "renewed" => Self::Renewed,
            "miss" => Self::Miss,
            "last-good" => Self::LastGood,
            "redirect" => Self::Redirect,
            "unavailable" | "notice" => Self::Unavailable,
            "gone" => Self::Gone,
            "not-cached" => Self::NotCached,
            "refused" => Self::Refused,
            _ => Self::Pass,
        }
    }

    /// Where it stands in a shard.
    const fn index(self) -> usize {
        self as usize
    }
}

/// More than workers on any machine this is meant for have to share.
pub const SHARDS: usize = 16;

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard([AtomicU64; Event::COUNT]);

/// The counts of one site.
#[derive(Debug, Default)]
pub struct Counters {
    shards: [Shard; SHARDS],
    sent: [sent::Shard; SHARDS],
    /// Why its origin was asked in vain.
    pub failures: Failures,
    fetching: AtomicU64,
}

/// A question to the origin under way, until dropped.
#[derive(Debug)]
pub struct Fetching(Arc<Counters>);

impl Counters {
    /// Counts an event.
    pub fn add(&self, event: Event) {
        let shard = self.shards.get(own_shard());
        if let Some(count) = shard.and_then(|shard| shard.0.get(event.index())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts an answer that came straight from memory.
    pub fn hit(&self, status: u16, bytes: u64) {
        self.add(Event::Hit);
        if let Some(shard) = self.sent.get(own_shard()) {
            shard.add(status, bytes);
        }
    }

    /// Counts any other answer.
    pub fn answered(&self, status: u16, bytes: u64, took: Duration) {
        if let Some(shard) = self.sent.get(own_shard()) {
            shard.add(status, bytes);
            shard.took(took);
        }
    }

    /// What went out.
    #[must_use]
    pub fn sent(&self) -> Sent {
        let mut sum = Sent::default();
        self.sent.iter().for_each(|shard| shard.add_to(&mut sum));
        sum
    }

    /// Counts a question to the origin as under way.
    #[must_use]
    pub fn fetching(self: &Arc<Self>) -> Fetching {
        self.fetching.fetch_add(1, Ordering::Relaxed);
        Fetching(self.clone())
    }

    /// How many questions to the origin are under way.
    #[must_use]
    pub fn fetching_now(&self) -> u64 {
        self.fetching.load(Ordering::Relaxed)
    }

    /// How often something happened.
    #[must_use]
    pub fn count(&self, event: Event) -> u64 {
        let counts = self
            .shards
            .iter()
            .filter_map(|shard| shard.0.get(event.index()));
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Requests by what became of them.
    #[must_use]
    pub fn requests(&self) -> RequestCounts {
        RequestCounts {
            hit: self.count(Event::Hit),
            stale: self.count(Event::Stale),
            confirmed: self.count(Event::Confirmed),
            renewed: self.count(Event::Renewed),
            miss: self.count(Event::Miss),
            last_good: self.count(Event::LastGood),
            redirect: self.count(Event::Redirect),
            pass: self.count(Event::Pass),
            unavailable: self.count(Event::Unavailable),
            gone: self.count(Event::Gone),
            not_cached: self.count(Event::NotCached),
            refused: self.count(Event::Refused),
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.fetching.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Threads take shards in turn, and so workers, which are started together, share none.
pub fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    OWN.with(|own| *own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_all_threads_are_summed() {
        let counters = Arc::new(Counters::default());
        let threads: Vec<_> = (0..SHARDS + 3)
            .map(|_| {
                let counters = counters.clone();
                std::thread::spawn(move || (0..100).for_each(|_| counters.add(Event::Hit)))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        counters.add(Event::Refused);
        let counts = counters.requests();
        assert_eq!((counts.hit, counts.refused, counts.miss), (1900, 1, 0));
    }

    #[test]
    fn a_question_counts_until_it_ends() {
        let counters = Arc::new(Counters::default());
        let one = counters.fetching();
        let other = counters.fetching();
        drop(one);
        assert_eq!(counters.fetching_now(), 1);
        drop(other);
        assert_eq!(counters.fetching_now(), 0);
    }

    #[test]
    fn a_shard_fits_its_lines_and_holds_every_event() {
        assert_eq!(size_of::<Shard>(), 128);
        assert_eq!(Event::Coalesced.index() + 1, Event::COUNT);
    }
}
