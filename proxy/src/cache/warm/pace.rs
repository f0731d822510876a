//! A bounded rate: pure. Time is counted from the warmer's start, so that setting the clock does
//! not stop it.

use std::time::Duration;

/// What was not used of the last so many milliseconds may be made up for. Timers wake late, and
/// without it the rate would never be reached.
const SLACK: Duration = Duration::from_millis(100);

/// Lets so many pass a second.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval: Duration,
    free_at: Duration,
}

impl Pace {
    /// At most so many a second.
    #[must_use]
    pub fn new(per_second: usize) -> Self {
        let per_second = u32::try_from(per_second.max(1)).unwrap_or(u32::MAX);
        Self {
            interval: Duration::from_secs(1) / per_second,
            free_at: Duration::ZERO,
        }
    }

    /// From when on the next may pass.
    #[must_use]
    pub const fn free_at(&self) -> Duration {
        self.free_at
    }

    /// Lets one pass.
    pub fn take(&mut self, now: Duration) {
        self.free_at = self.free_at.max(now.saturating_sub(SLACK)) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_stretch_of_time_lets_more_pass_than_the_rate(
            per_second in 1_usize..200,
            waits_ms in proptest::collection::vec(0_u64..400, 1..200),
        ) {
            let mut pace = Pace::new(per_second);
            let (mut now, mut passed) = (Duration::ZERO, Vec::new());
            for wait in waits_ms {
                now += Duration::from_millis(wait);
                while pace.free_at() <= now {
                    pace.take(now);
                    passed.push(now);
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let most = (*to - *from + SLACK).as_secs_f64() * per_second as f64 + 1.0;
                    prop_assert!((last - first) as f64 <= most.ceil(), "{} in {:?}", last - first, *to - *from);
                }
            }
        }

        #[test]
        fn whoever_asks_all_the_time_gets_the_rate(per_second in 1_usize..200) {
            let mut pace = Pace::new(per_second);
            let mut passed = 0;
            for now_ms in 0..10_000 {
                let now = Duration::from_millis(now_ms);
                while pace.free_at() <= now {
                    pace.take(now);
                    passed += 1;
                }
            }
            prop_assert!(passed >= per_second * 10 - 1, "{passed} in 10 s");
        }
    }
}
