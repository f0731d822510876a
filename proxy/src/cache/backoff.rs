//! How long to leave alone what failed: longer after each failure, and never in one beat with
//! others. Pure: time and chance are arguments.

use std::time::Duration;

use yagura_control::Timestamp;

/// What is known of something that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Failures in a row.
    pub failures: u32,
    /// Until when it is left alone.
    pub until: Timestamp,
}

impl Backoff {
    /// The first pause.
    pub const SHORTEST: Duration = Duration::from_millis(500);
    /// The longest pause.
    pub const LONGEST: Duration = Duration::from_secs(300);

    /// After another failure at `now`; `chance` lies in [0, 1).
    #[must_use]
    pub fn after(before: Option<Self>, now: Timestamp, chance: f64) -> Self {
        let failures = before.map_or(0, |before| before.failures).saturating_add(1);
        let pause = pause(failures, Self::SHORTEST, Self::LONGEST, chance);
        Self {
            failures,
            until: now.plus(pause),
        }
    }
}

/// The pause after so many failures in a row: doubled each time from `shortest` to `longest`, of
/// which `chance` in [0, 1) takes up to a half away.
#[must_use]
pub fn pause(failures: u32, shortest: Duration, longest: Duration, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let full = shortest.saturating_mul(1 << doublings).min(longest);
    full.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_grow_to_the_longest_and_are_never_shorter_than_half(failures in 1u32..100, chance in 0.0f64..1.0) {
            let (shortest, longest) = (Duration::from_secs(1), Duration::from_secs(60));
            let taken = pause(failures, shortest, longest, chance);
            prop_assert!(taken >= shortest / 2 && taken <= longest);
            prop_assert!(pause(failures + 1, shortest, longest, chance) >= taken);
            if failures > 7 {
                prop_assert!(taken >= longest / 2);
            }
        }
    }

    #[test]
    fn each_failure_is_counted() {
        let first = Backoff::after(None, Timestamp(1000), 0.0);
        assert_eq!((first.failures, first.until), (1, Timestamp(1500)));
        let second = Backoff::after(Some(first), Timestamp(2000), 0.0);
        assert_eq!((second.failures, second.until), (2, Timestamp(3000)));
    }
}
