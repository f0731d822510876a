//! How often a request may be tried at another upstream: at most one in ten of those that came, and
//! a few beyond. Without a bound, retries would double the load of what is left when upstreams fail.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request pays in, and what a retry takes out.
const PAID_IN: u64 = 1;
const TAKEN_OUT: u64 = 10;
/// The most that is saved up, which is also what there is at the start: this many retries.
const SAVED: u64 = 10 * TAKEN_OUT;

/// The budget of one site.
#[derive(Debug)]
pub struct Budget(AtomicU64);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU64::new(SAVED))
    }
}

impl Budget {
    /// A request came.
    pub fn pay_in(&self) {
        let saved = self.0.load(Ordering::Relaxed);
        // Two at the same time may pay in a little too much; the next one does not.
        if saved < SAVED {
            self.0.fetch_add(PAID_IN, Ordering::Relaxed);
        }
    }

    /// Whether a request may be tried once more; then it is paid for.
    pub fn take_out(&self) -> bool {
        let less = |saved: u64| saved.checked_sub(TAKEN_OUT);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_a_tenth_and_a_few(calls in proptest::collection::vec(any::<bool>(), 0..2_000)) {
            let budget = Budget::default();
            let (mut requests, mut retries) = (0, 0);
            for retry in calls {
                if retry {
                    retries += u64::from(budget.take_out());
                } else {
                    requests += 1;
                    budget.pay_in();
                }
                prop_assert!(retries <= 10 + requests / 10);
            }
        }

        #[test]
        fn who_seldom_fails_is_always_tried_again(failures in proptest::collection::vec(10usize..50, 0..100)) {
            let budget = Budget::default();
            for requests in failures {
                for _ in 0..requests {
                    budget.pay_in();
                }
                prop_assert!(budget.take_out());
            }
        }
    }
}
