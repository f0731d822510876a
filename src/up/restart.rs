//! When a process that died is started again: pure.
//!
//! The first death of a process that ran well is answered almost at once. One that keeps dying is
//! given more time between starts, but never so much that readers wait more than two seconds.

use std::time::Duration;

/// Never longer than this, so that with the start itself two seconds are kept.
const LONGEST_DELAY: Duration = Duration::from_millis(1500);
const FIRST_DELAY: Duration = Duration::from_millis(50);
/// A process that lived this long is taken to have run well.
const RAN_WELL: Duration = Duration::from_secs(10);

/// What is remembered of one process's deaths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deaths {
    /// Deaths in a row, each soon after the start.
    in_a_row: u32,
}

impl Deaths {
    /// Counts a death after `lived`, and tells how long to wait before the next start.
    pub(crate) fn delay_after(&mut self, lived: Duration) -> Duration {
        if lived >= RAN_WELL {
            self.in_a_row = 0;
        }
        let doublings = self.in_a_row.min(16);
        self.in_a_row += 1;
        LONGEST_DELAY.min(FIRST_DELAY.saturating_mul(1 << doublings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_process_that_ran_well_is_back_at_once() {
        let mut deaths = Deaths::default();
        for _ in 0..5 {
            assert_eq!(deaths.delay_after(Duration::from_secs(60)), FIRST_DELAY);
        }
    }

    #[test]
    fn one_that_keeps_dying_is_given_more_time() {
        let mut deaths = Deaths::default();
        let delays: Vec<Duration> = (0..4).map(|_| deaths.delay_after(Duration::ZERO)).collect();
        assert!(delays.is_sorted_by(|a, b| a < b), "{delays:?}");
    }

    proptest! {
        #[test]
        fn no_history_makes_readers_wait_longer(lives in proptest::collection::vec(0u64..20_000, 0..100)) {
            let mut deaths = Deaths::default();
            for life in lives {
                prop_assert!(deaths.delay_after(Duration::from_millis(life)) <= LONGEST_DELAY);
            }
        }
    }
}
