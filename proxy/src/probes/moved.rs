//! How soon readers follow a change of the DNS. Pure; what is told is an expectation, and a rehearsal
//! measures what really happens.
//!
//! A record is in the caches of many resolvers, and each fetched it at a time of its own: the ages
//! are spread evenly between 0 and the TTL. So a share of t / TTL of them has fetched the new one
//! after a time t, and all after the TTL. Two things make it slower:
//!
//! - Some resolvers keep a record longer than they may (`cache-min-ttl`, `min-cache-ttl` and the
//!   like). We take it that every tenth reader has such a one, and that it keeps records for five
//!   minutes at least. Both are assumptions.
//! - The reader's browser remembers an address for up to a minute beside that: Chromium and Firefox
//!   do, because the system does not tell them the TTL.

use std::time::Duration;

/// The share of readers whose resolver keeps records longer than it may, in percent.
const STUBBORN_PERCENT: u32 = 10;
/// For how long those keep a record at least, in milliseconds.
const STUBBORN_MS: u64 = 300_000;
/// For how long a browser remembers an address, in milliseconds.
const BROWSER_MS: u64 = 60_000;
/// The share that is told of.
pub const TOLD_PERCENT: u32 = 95;

/// The share of readers who have moved so long after every server has the new records, in thousandths.
#[must_use]
pub fn share_permille(after: Duration, ttl: Duration) -> u32 {
    let after_ms = millis(after).saturating_sub(BROWSER_MS);
    let ttl_ms = millis(ttl);
    let moved = |kept_ms: u64| {
        let part = after_ms.saturating_mul(1_000) / kept_ms.max(1);
        let part = if kept_ms == 0 { 1_000 } else { part.min(1_000) };
        u32::try_from(part).unwrap_or(1_000)
    };
    let (honest, stubborn) = (moved(ttl_ms), moved(ttl_ms.max(STUBBORN_MS)));
    (honest * (100 - STUBBORN_PERCENT) + stubborn * STUBBORN_PERCENT) / 100
}

/// After which time that share of readers has moved, to the second.
#[must_use]
pub fn time_until(percent: u32, ttl: Duration) -> Duration {
    let wanted = percent.min(100) * 10;
    let longest_s = (millis(ttl).max(STUBBORN_MS) + BROWSER_MS).div_ceil(1_000);
    let (mut too_soon, mut enough) = (0, longest_s);
    while enough - too_soon > 1 {
        let between = too_soon.midpoint(enough);
        match share_permille(Duration::from_secs(between), ttl) >= wanted {
            true => enough = between,
            false => too_soon = between,
        }
    }
    Duration::from_secs(enough)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn most_readers_follow_within_the_ttl_and_a_minute() {
        // A TTL of two minutes: 0.9 after it, half of the stubborn ones' 0.1 after 2.5 min, and the
        // browser's minute.
        assert_eq!(time_until(95, seconds(120)), seconds(210));
        assert_eq!(time_until(95, seconds(60)), seconds(210));
        assert_eq!(time_until(95, seconds(300)), seconds(345));
        assert_eq!(time_until(100, seconds(30)), seconds(360));
        assert_eq!(share_permille(seconds(60), seconds(120)), 0);
        assert_eq!(share_permille(seconds(120), seconds(120)), 470);
        assert_eq!(share_permille(seconds(180), seconds(120)), 940);
    }

    proptest! {
        #[test]
        fn more_time_moves_no_fewer_and_a_longer_ttl_no_more(
            after in 0_u64..2_000, more in 0_u64..500, ttl in 0_u64..4_000,
        ) {
            let share = share_permille(seconds(after), seconds(ttl));
            prop_assert!(share <= 1_000);
            prop_assert!(share <= share_permille(seconds(after + more), seconds(ttl)));
            prop_assert!(share >= share_permille(seconds(after), seconds(ttl + more)));
        }

        #[test]
        fn the_time_is_the_first_at_which_the_share_is_there(percent in 1_u32..100, ttl in 1_u64..4_000) {
            let time = time_until(percent, seconds(ttl));
            prop_assert!(share_permille(time, seconds(ttl)) >= percent * 10);
            prop_assert!(share_permille(time - seconds(1), seconds(ttl)) < percent * 10);
        }
    }
}
