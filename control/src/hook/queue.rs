//! What waits to be told to one hook, and when it is tried again. Pure; bounded, so that a hook that
//! is dead for a week costs no memory, and patient, so that one that is back after an hour hears what
//! it missed.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Timestamp;
use bytes::Bytes;

/// Most announcements that wait; beyond it the oldest goes.
const MOST: usize = 200;
/// What is older is no news.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// The first pause after a failure; each further one is twice as long, …
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The queue of one hook.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: VecDeque<(Timestamp, Bytes)>,
    /// The first is under way.
    is_trying: bool,
    /// Failures since the last success: how many, since when, and why the last one.
    failures: Option<(u32, Timestamp, String)>,
    not_before: Timestamp,
    counts: Counts,
}

/// How a hook stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Announcements that it took.
    pub told: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Announcements that were given up.
    pub lost: u64,
    /// Announcements that wait.
    pub waiting: usize,
}

impl Queue {
    /// Adds an announcement.
    pub fn push(&mut self, body: Bytes, now: Timestamp) {
        if self.waiting.len() >= MOST {
            // The first may be under way; the one after it is the oldest that is not.
            let oldest = usize::from(self.is_trying);
            self.waiting.remove(oldest);
            self.counts.lost += 1;
        }
        self.waiting.push_back((now, body));
    }

    /// What is to be told now. It stays in the queue until [`done`](Self::done).
    pub fn next(&mut self, now: Timestamp) -> Option<Bytes> {
        while let Some((since, _)) = self.waiting.front()
            && now.since(*since) >= KEPT
        {
            self.waiting.pop_front();
            self.counts.lost += 1;
        }
        // A clock that was set back does not keep a hook waiting for longer than the longest pause.
        let is_early = now < self.not_before && self.not_before.since(now) <= LONGEST_PAUSE;
        if is_early {
            return None;
        }
        let (_, body) = self.waiting.front()?;
        self.is_trying = true;
        Some(body.clone())
    }

    /// How long until there may be something to be told; `None` when nothing waits.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        self.waiting.front()?;
        Some(self.not_before.since(now).min(LONGEST_PAUSE))
    }

    /// All of it, for the same hook in another way, which is tried at once.
    #[must_use]
    pub fn handed_over(&mut self) -> Self {
        let queue = std::mem::take(self);
        Self {
            is_trying: false,
            failures: None,
            not_before: Timestamp::ZERO,
            ..queue
        }
    }

    /// The first was taken.
    pub fn done(&mut self) {
        self.is_trying = false;
        if self.waiting.pop_front().is_some() {
            self.counts.told += 1;
        }
        self.failures = None;
        self.not_before = Timestamp::ZERO;
    }

    /// The first was not taken.
    pub fn failed(&mut self, why: String, now: Timestamp) {
        self.is_trying = false;
        self.counts.failed += 1;
        let (before, since) = match &self.failures {
            Some((count, since, _)) => (*count, *since),
            None => (0, now),
        };
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(before.min(16));
        self.not_before = now.plus(pause.min(LONGEST_PAUSE));
        self.failures = Some((before.saturating_add(1), since, why));
    }

    /// Since when it fails, and why; only what has failed several times is worth a word.
    #[must_use]
    pub fn failing(&self) -> Option<(Timestamp, &str)> {
        let (count, since, why) = self.failures.as_ref()?;
        (*count >= 3).then_some((*since, why))
    }

    /// How the hook stands.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            waiting: self.waiting.len(),
            ..self.counts
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1_795_410_000_000).plus(Duration::from_secs(seconds))
    }

    fn body(text: &str) -> Bytes {
        text.to_owned().into()
    }

    #[test]
    fn what_was_not_taken_is_told_again_later_and_later() {
        let mut queue = Queue::default();
        assert_eq!((queue.next(at(0)), queue.wait(at(0))), (None, None));
        queue.push(body("a"), at(0));
        queue.push(body("b"), at(0));
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            assert_eq!(queue.next(at(now)), Some(body("a")));
            queue.failed("refused".to_owned(), at(now));
            let pause = queue.wait(at(now)).unwrap().as_secs();
            assert_eq!(queue.next(at(now + pause - 1)), None);
            pauses.push(pause);
            now += pause;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(queue.failing(), Some((at(0), "refused")));
        assert_eq!(queue.next(at(now)), Some(body("a")));
        queue.done();
        // The next one need not wait.
        assert_eq!(queue.next(at(now)), Some(body("b")));
        queue.done();
        assert_eq!(queue.failing(), None);
        assert_eq!(queue.next(at(now)), None);
        let counts = queue.counts();
        assert_eq!((counts.told, counts.failed, counts.lost), (2, 12, 0));
    }

    #[test]
    fn the_oldest_goes_and_never_the_one_under_way() {
        let mut queue = Queue::default();
        for number in 0..MOST {
            queue.push(body(&number.to_string()), at(0));
        }
        assert_eq!(queue.next(at(0)), Some(body("0")));
        queue.push(body("new"), at(0));
        queue.done();
        assert_eq!(queue.next(at(0)), Some(body("2")));
        assert_eq!(queue.counts().lost, 1);
    }

    #[test]
    fn old_news_is_none() {
        let mut queue = Queue::default();
        queue.push(body("a"), at(0));
        queue.push(body("b"), at(10));
        assert_eq!(queue.next(at(24 * 3_600)), Some(body("b")));
        assert_eq!(queue.counts().lost, 1);
    }

    proptest! {
        #[test]
        fn nothing_is_told_twice_and_all_is_accounted_for(
            steps in prop::collection::vec((0_u8..4, 0_u64..400), 0..600)
        ) {
            let (mut queue, mut now, mut pushed, mut told) = (Queue::default(), 0, 0_u64, Vec::new());
            for (step, after) in steps {
                now += after;
                match step {
                    0 | 1 => {
                        queue.push(body(&pushed.to_string()), at(now));
                        pushed += 1;
                    }
                    _ => {
                        if let Some(given) = queue.next(at(now)) {
                            if step == 2 {
                                queue.done();
                                told.push(given);
                            } else {
                                queue.failed("no".to_owned(), at(now));
                            }
                        }
                    }
                }
                let counts = queue.counts();
                prop_assert!(counts.waiting <= MOST);
                prop_assert_eq!(counts.told + counts.lost + counts.waiting as u64, pushed);
            }
            let numbers: Vec<u64> = told
                .iter()
                .map(|body| String::from_utf8_lossy(body).parse().unwrap())
                .collect();
            prop_assert!(numbers.is_sorted_by(|one, next| one < next));
        }
    }
}
