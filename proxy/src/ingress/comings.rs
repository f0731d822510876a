//! How readers came to a site that is behind clouds: directly, through which cloud, or in vain.
//! Counted as everything else is (`counters.rs`): one relaxed addition, in a cache line that no
//! other worker writes to. Whether direct traffic has ceased is read off the [`Window`], which is
//! pure; `run` is its shell.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use yagura_control::Timestamp;

use super::class::Class;
use crate::counters::{SHARDS, own_shard};
use crate::state::Edge;

/// Where refusals are counted, and where stands when a stranger came last.
const REFUSED: usize = Class::COUNT;
const LAST_DIRECT: usize = Class::COUNT + 1;
const CELLS: usize = Class::COUNT + 2;

/// How often the window is moved.
const EVERY: Duration = Duration::from_secs(1);
/// What a rate is of.
const MINUTE: Duration = Duration::from_secs(60);

/// Two cache lines, because processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard([AtomicU64; CELLS]);

impl Default for Shard {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; CELLS])
    }
}

/// The counts of one site.
#[derive(Debug, Default)]
pub struct Comings {
    shards: [Shard; SHARDS],
    window: Mutex<Window>,
}

/// What is known of those who come directly and are no city hall and no monitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direct {
    /// Requests that were let in since the start.
    pub total: u64,
    /// When the last of them came.
    pub last_at: Option<Timestamp>,
    /// How many came in the last minute, as of the last second.
    pub last_minute: u64,
    /// The most that came in one minute since the door was last opened.
    pub peak_minute: u64,
}

impl Comings {
    /// Counts a request that was let in as `class`.
    pub fn count(&self, class: Class, at: Timestamp) {
        let Some(Shard(cells)) = self.shards.get(own_shard()) else {
            return;
        };
        if let Some(cell) = cells.get(class.index()) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        if class == Class::STRANGER
            && let Some(last) = cells.get(LAST_DIRECT)
        {
            last.store(at.0, Ordering::Relaxed);
        }
    }

    /// Counts a request that was not let in.
    pub fn refuse(&self) {
        let Some(Shard(cells)) = self.shards.get(own_shard()) else {
            return;
        };
        if let Some(cell) = cells.get(REFUSED) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many requests were let in as `class`.
    #[must_use]
    pub fn of(&self, class: Class) -> u64 {
        self.cells(class.index()).sum()
    }

    /// How many were not let in.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.cells(REFUSED).sum()
    }

    /// What is known of those who come directly.
    #[must_use]
    pub fn direct(&self) -> Direct {
        let window = self.window();
        let last = self.cells(LAST_DIRECT).max().filter(|last| *last > 0);
        Direct {
            total: self.of(Class::STRANGER),
            last_at: last.map(Timestamp),
            last_minute: window.last_minute(),
            peak_minute: window.peak,
        }
    }

    /// Moves the window; `is_open` says whether strangers are let in.
    fn look(&self, is_open: bool, now: Timestamp) {
        let total = self.of(Class::STRANGER);
        self.window().add(total, is_open, now);
    }

    fn cells(&self, index: usize) -> impl Iterator<Item = u64> {
        let cells = self
            .shards
            .iter()
            .filter_map(move |Shard(cells)| cells.get(index));
        cells.map(|cell| cell.load(Ordering::Relaxed))
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The totals of the last minute, one a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Window {
    totals: VecDeque<(Timestamp, u64)>,
    is_open: bool,
    peak: u64,
}

impl Window {
    /// Adds what was counted until now. The peak is of the time since the door was opened; when it
    /// closes, the peak stays for who wants to compare with it.
    fn add(&mut self, total: u64, is_open: bool, now: Timestamp) {
        let opens = is_open && !self.is_open;
        // Somebody set the clock back: what was seen has no time any more.
        let is_confused = self.totals.back().is_some_and(|(at, _)| *at > now);
        if opens || is_confused {
            self.totals.clear();
        }
        if opens {
            self.peak = 0;
        }
        self.is_open = is_open;
        self.totals.push_back((now, total));
        while let Some((at, _)) = self.totals.get(1)
            && now.since(*at) >= MINUTE
        {
            self.totals.pop_front();
        }
        self.peak = self.peak.max(self.last_minute());
    }

    /// Requests since the oldest total, which is a minute old as soon as there is one that old.
    fn last_minute(&self) -> u64 {
        let newest = self.totals.back().map_or(0, |(_, total)| *total);
        let oldest = self.totals.front().map_or(0, |(_, total)| *total);
        newest.saturating_sub(oldest)
    }
}

/// Looks at how readers come, every second, until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    loop {
        let now = edge.clock.now();
        for site in edge.switchboard.plan().sites() {
            if site.door.is_behind() {
                site.seen.comings.look(site.door.is_open(), now);
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_is_counted_as_what_it_came_as_and_strangers_with_their_time() {
        let comings = Comings::default();
        let cloud = Class::cloud(2);
        assert_eq!(comings.direct(), Direct::default());
        for (class, at) in [
            (Class::STRANGER, 5),
            (cloud, 9),
            (Class::CITY_HALL, 9),
            (Class::MONITOR, 9),
            (cloud, 9),
        ] {
            comings.count(class, Timestamp(at));
        }
        comings.refuse();
        assert_eq!((comings.of(cloud), comings.refused()), (2, 1));
        let direct = comings.direct();
        assert_eq!((direct.total, direct.last_at), (1, Some(Timestamp(5))));
    }

    /// One total a second from the first on.
    fn seen(window: &mut Window, from: u64, totals: &[u64], is_open: bool) {
        for (second, total) in (from..).zip(totals) {
            window.add(*total, is_open, Timestamp(second * 1000));
        }
    }

    #[test]
    fn the_rate_is_of_the_last_minute_and_its_peak_outlives_it() {
        let mut window = Window::default();
        let rising: Vec<u64> = (0..=100).map(|second| second * 10).collect();
        seen(&mut window, 0, &rising, true);
        assert_eq!((window.last_minute(), window.peak), (600, 600));
        seen(&mut window, 101, &[1000; 59], true);
        assert_eq!(window.last_minute(), 10);
        seen(&mut window, 160, &[1000], true);
        assert_eq!((window.last_minute(), window.peak), (0, 600));
        // It is closed, and the peak stays; the next opening has a peak of its own.
        seen(&mut window, 161, &[1000; 5], false);
        assert_eq!(window.peak, 600);
        seen(&mut window, 166, &[1000, 1001], true);
        assert_eq!((window.last_minute(), window.peak), (1, 1));
    }

    #[test]
    fn a_clock_set_back_invents_no_traffic() {
        let mut window = Window::default();
        seen(&mut window, 1000, &[0, 50, 90], true);
        seen(&mut window, 10, &[95, 96], true);
        assert_eq!((window.last_minute(), window.peak), (1, 90));
    }

    proptest! {
        #[test]
        fn the_last_minute_is_never_more_than_came_and_the_window_stays_small(
            steps in prop::collection::vec((0_u64..5000, 0_u64..100), 1..400),
        ) {
            let mut window = Window::default();
            let (mut now, mut total) = (0, 0);
            for (later, more) in steps {
                (now, total) = (now + later, total + more);
                window.add(total, true, Timestamp(now));
                prop_assert!(window.last_minute() <= total);
                prop_assert!(window.peak >= window.last_minute());
                let old = window.totals.iter().filter(|(at, _)| now - at.0 >= 60_000);
                prop_assert!(old.count() <= 1);
            }
        }
    }
}
