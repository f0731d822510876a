//! Whether a site's origin answers, as the requests to it show.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use yagura_control::Timestamp;

/// How long an origin found dead is left alone by readers who can be given a copy.
const RETRY: Duration = Duration::from_secs(1);

/// What was seen of an origin; shared by everything that asks it.
#[derive(Debug, Default)]
pub struct OriginHealth {
    /// 0 not asked yet, 1 answers, 2 does not.
    state: AtomicU8,
    /// When it last did not, in milliseconds since 1970.
    failed_at: AtomicU64,
}

impl OriginHealth {
    /// Notes that the origin answered; true when that is news.
    pub fn answered(&self) -> bool {
        const ANSWERS: u8 = 1;
        self.state.load(Ordering::Relaxed) != ANSWERS
            && self.state.swap(ANSWERS, Ordering::Relaxed) != ANSWERS
    }

    /// Notes that the origin did not answer at `now`; true when that is news.
    pub fn failed(&self, now: Timestamp) -> bool {
        const SILENT: u8 = 2;
        self.failed_at.store(now.0, Ordering::Relaxed);
        self.state.swap(SILENT, Ordering::Relaxed) != SILENT
    }

    /// Whether the origin was found dead so recently that it need not be tried again for a reader
    /// who can be given a copy at once. About one reader in [`RETRY`] still tries.
    #[must_use]
    pub fn is_known_dead(&self, now: Timestamp) -> bool {
        let failed_at = Timestamp(self.failed_at.load(Ordering::Relaxed));
        self.is_up() == Some(false) && now.since(failed_at) < RETRY
    }

    /// Whether the origin answered when last asked.
    #[must_use]
    pub fn is_up(&self) -> Option<bool> {
        match self.state.load(Ordering::Relaxed) {
            1 => Some(true),
            2 => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_origin_is_left_alone_for_a_second_at_a_time() {
        let at = |millis: u64| Timestamp(1_000_000 + millis);
        let health = OriginHealth::default();
        assert_eq!((health.is_up(), health.is_known_dead(at(0))), (None, false));
        assert!(health.failed(at(0)));
        assert!(!health.failed(at(10)), "the second failure is no news");
        assert!(health.is_known_dead(at(500)));
        assert!(!health.is_known_dead(at(1010)), "somebody has to try");
        assert!(health.answered());
        assert!(!health.is_known_dead(at(11)));
        assert!(!health.answered());
    }
}
