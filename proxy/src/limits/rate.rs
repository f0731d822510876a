//! How often something may happen: the generic cell rate algorithm, in one number (the time at
//! which everything so far would have happened at the allowed rate). Pure; the table of those
//! numbers is in `requests.rs`.

/// Parts of one that can be counted.
pub const PARTS: u64 = 16;

/// A rate with what may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    part_ns: u64,
    burst_ns: u64,
}

impl Quota {
    /// So many a second, so many at once.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        let part_ns = (1_000_000_000 / (u64::from(per_second.max(1)) * PARTS)).max(1);
        Self {
            part_ns,
            burst_ns: part_ns
                .saturating_mul(PARTS)
                .saturating_mul(u64::from(burst.max(1))),
        }
    }

    /// What `before` becomes when `parts` happened that nobody may refuse. They use up what there
    /// is and no more, so that they never close the way for longer than a burst takes.
    #[must_use]
    pub fn counted(self, before: u64, now_ns: u64, parts: u64) -> u64 {
        let latest = now_ns.saturating_add(self.burst_ns);
        let added = self.part_ns.saturating_mul(parts);
        self.sound(before, now_ns).saturating_add(added).min(latest)
    }

    /// What `before` becomes when one more happens.
    ///
    /// # Errors
    /// It is too much; nanoseconds until it would not be.
    pub fn asked(self, before: u64, now_ns: u64) -> Result<u64, u64> {
        let latest = now_ns.saturating_add(self.burst_ns);
        let after = self
            .sound(before, now_ns)
            .saturating_add(self.part_ns * PARTS);
        match after.checked_sub(latest) {
            None | Some(0) => Ok(after),
            Some(too_early) => Err(too_early),
        }
    }

    /// The number as it counts now. One further ahead than a burst comes from a clock that was set
    /// back.
    fn sound(self, before: u64, now_ns: u64) -> u64 {
        before.clamp(now_ns, now_ns.saturating_add(self.burst_ns))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let quota = Quota::new(10, 3);
        let mut state = 0;
        for _ in 0..3 {
            state = quota.asked(state, SECOND).unwrap();
        }
        assert_eq!(quota.asked(state, SECOND), Err(SECOND / 10));
        state = quota.asked(state, SECOND + SECOND / 10).unwrap();
        assert!(quota.asked(state, SECOND + SECOND / 10).is_err());
    }

    #[test]
    fn what_cannot_be_refused_uses_up_a_burst_and_no_more() {
        let quota = Quota::new(10, 3);
        let state = quota.counted(0, SECOND, 1_000_000);
        assert_eq!(quota.asked(state, SECOND), Err(SECOND / 10));
        assert!(quota.asked(state, SECOND + SECOND / 10).is_ok());
        let few = quota.counted(0, SECOND, PARTS);
        assert!(quota.asked(few, SECOND).is_ok());
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out_for_long() {
        let quota = Quota::new(10, 3);
        let state = quota.counted(0, 1_000_000 * SECOND, PARTS);
        let wait = quota.asked(state, SECOND).unwrap_err();
        assert!(wait <= SECOND / 10, "{wait}");
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(
            per_second in 1_u32..1000, burst in 1_u32..100,
            steps in proptest::collection::vec(0_u64..50_000_000, 1..300),
        ) {
            let quota = Quota::new(per_second, burst);
            let (mut state, mut now, mut passed) = (0, SECOND, 0_u64);
            for step in steps {
                now += step;
                if let Ok(after) = quota.asked(state, now) {
                    state = after;
                    passed += 1;
                }
                // The rounding of a part is in the reader's favour, by a sixteenth of a nanosecond.
                let elapsed = now - SECOND;
                let most = u64::from(burst) + elapsed.div_ceil(quota.part_ns * PARTS) + 1;
                prop_assert!(passed <= most, "{passed} of {most}");
            }
        }

        #[test]
        fn no_number_makes_it_panic(before: u64, now: u64, parts: u64, rate: u32, burst: u32) {
            let quota = Quota::new(rate, burst);
            let _ = quota.counted(before, now, parts);
            let _ = quota.asked(before, now);
        }
    }
}
