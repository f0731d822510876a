//! Whether a site's origin answers, as the requests to it show.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use yagura_control::Timestamp;

use super::backoff;

/// The first pause in which an origin found dead is left alone, and the longest: when it lives
/// again, readers are to see it soon.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

const NOT_ASKED: u8 = 0;
const ANSWERS: u8 = 1;
const SILENT: u8 = 2;

/// What was seen of an origin; shared by everything that asks it.
#[derive(Debug, Default)]
pub struct OriginHealth {
    state: AtomicU8,
    silence: Mutex<Silence>,
}

/// How an origin does not answer.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    /// Attempts in vain, those made at the same time counted once.
    failures: u32,
    /// Until when it need not be tried.
    until: Timestamp,
}

impl OriginHealth {
    /// Notes that the origin answered; true when that is news.
    pub fn answered(&self) -> bool {
        if self.state.load(Ordering::Relaxed) == ANSWERS {
            return false;
        }
        *self.silence() = Silence::default();
        self.state.swap(ANSWERS, Ordering::Relaxed) == SILENT
    }

    /// Notes that the origin did not answer at `now`; true when that is news. `chance` in [0, 1)
    /// keeps several edges from trying again in one beat.
    pub fn failed(&self, now: Timestamp, chance: f64) -> bool {
        let mut silence = self.silence();
        if now >= silence.until {
            silence.failures = silence.failures.saturating_add(1);
            let (shortest, longest) = PAUSES;
            silence.until = now.plus(backoff::pause(silence.failures, shortest, longest, chance));
        }
        self.state.swap(SILENT, Ordering::Relaxed) != SILENT
    }

    /// Whether the origin was found dead so recently that it need not be tried again for a reader
    /// who can be given a copy at once. After each pause somebody tries.
    #[must_use]
    pub fn is_known_dead(&self, now: Timestamp) -> bool {
        self.state.load(Ordering::Relaxed) == SILENT && now < self.silence().until
    }

    /// Whether the origin answered when last asked.
    #[must_use]
    pub fn is_up(&self) -> Option<bool> {
        match self.state.load(Ordering::Relaxed) {
            NOT_ASKED => None,
            state => Some(state == ANSWERS),
        }
    }

    fn silence(&self) -> std::sync::MutexGuard<'_, Silence> {
        self.silence
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_origin_is_left_alone_longer_and_longer_but_never_long() {
        let at = |millis: u64| Timestamp(1_000_000 + millis);
        let health = OriginHealth::default();
        assert_eq!((health.is_up(), health.is_known_dead(at(0))), (None, false));
        assert!(health.failed(at(0), 0.0));
        assert!(!health.failed(at(10), 0.0), "the second failure is no news");
        assert!(health.is_known_dead(at(990)));
        assert!(!health.is_known_dead(at(1000)), "somebody has to try");
        health.failed(at(1000), 0.0);
        assert!(health.is_known_dead(at(2990)) && !health.is_known_dead(at(3000)));
        for _ in 0..10 {
            health.failed(at(100_000), 0.0);
        }
        assert!(!health.is_known_dead(at(105_000)));
        assert!(health.answered());
        assert!(!health.is_known_dead(at(100_001)) && !health.answered());
        assert!(health.failed(at(200_000), 0.0));
        assert!(
            !health.is_known_dead(at(201_000)),
            "a new silence begins short"
        );
    }
}
