//! When a responder is asked, and when a staple is no longer shown: pure.
//!
//! A staple is never a reason to stop serving. Whatever is heard or not heard, the certificate is
//! served; with a staple while there is a good one, else without.

use std::time::Duration;

use yagura_control::Timestamp;

use super::response::Staple;

/// The shortest time between two questions.
const SHORTEST: Duration = Duration::from_secs(60);
/// The longest wait after a failure, jitter apart.
const LONGEST: Duration = Duration::from_secs(3600);
/// For how long a staple must still be good when it is shown: readers' clocks differ, and the edge
/// looks in once a minute only.
const MARGIN: Duration = Duration::from_secs(120);

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A response that may be stapled.
    Good(Staple),
    /// The issuer revoked the certificate.
    Revoked,
    /// Nothing that can be used: no answer, or a refused one.
    Nothing,
}

/// What is held for one certificate, and when its responder is asked next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    staple: Option<Staple>,
    failures: u32,
    asked_at: Timestamp,
    ask_at: Timestamp,
}

impl Plan {
    /// Begins with a response that was kept from before, if there is one. Without one the
    /// responder is asked at once.
    #[must_use]
    pub fn beginning_with(kept: Option<Staple>, now: Timestamp, seed: u64) -> Self {
        let mut plan = Self::default();
        if let Some(staple) = kept {
            plan.asked_at = now;
            plan.ask_at = middle(&staple, seed);
            plan.staple = Some(staple);
        }
        plan
    }

    /// Whether the responder is to be asked now. A clock that was set back would otherwise make
    /// the wait as long as it was wrong.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.ask_at || now < self.asked_at
    }

    /// When the responder is asked next.
    #[must_use]
    pub const fn ask_at(&self) -> Timestamp {
        self.ask_at
    }

    /// How often in a row nothing was heard.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// What readers are shown now. `None`: they are served without.
    #[must_use]
    pub fn shown(&self, now: Timestamp) -> Option<&Staple> {
        self.staple
            .as_ref()
            .filter(|staple| now.plus(MARGIN) < staple.until)
    }

    /// The best response there is, shown or not.
    #[must_use]
    pub const fn held(&self) -> Option<&Staple> {
        self.staple.as_ref()
    }

    /// Takes in what came of a question that was asked at `now`. The seed, any number, spreads
    /// the questions of many edges.
    pub fn hear(&mut self, heard: Heard, now: Timestamp, seed: u64) {
        self.asked_at = now;
        match heard {
            Heard::Good(staple) => {
                self.failures = 0;
                // An older response, still good, may come from a cache on the way.
                let held = self.staple.take();
                let held = held.filter(|held| held.until > staple.until);
                let best = held.unwrap_or(staple);
                self.ask_at = next(&best, now, seed);
                self.staple = Some(best);
            }
            Heard::Revoked => {
                self.staple = None;
                self.failures = 0;
                self.ask_at = now.plus(jittered(LONGEST, seed));
            }
            Heard::Nothing => {
                self.failures = self.failures.saturating_add(1);
                let doubled = SHORTEST.saturating_mul(1 << self.failures.saturating_sub(1).min(10));
                let left = self
                    .staple
                    .as_ref()
                    .map(|held| held.until.since(now))
                    .filter(|left| !left.is_zero());
                // The end of a short window is not slept through.
                let longest = left.map_or(LONGEST, |left| LONGEST.min(left / 4));
                let wait = doubled.min(longest).max(SHORTEST);
                self.ask_at = now.plus(jittered(wait, seed));
            }
        }
    }
}

/// The middle of a response's window, or up to a tenth of the window later.
fn middle(staple: &Staple, seed: u64) -> Timestamp {
    let window = staple.until.since(staple.from);
    staple.from.plus(window / 2).plus(part(window / 10, seed))
}

/// When to ask for the next one: in the middle of its window, or, for one that came when its middle
/// was past, half way to its end from here.
fn next(staple: &Staple, now: Timestamp, seed: u64) -> Timestamp {
    let half = now.plus(staple.until.since(now) / 2);
    let middle = middle(staple, seed);
    let next = if middle > now { middle } else { half };
    next.max(now.plus(SHORTEST))
}

/// A wait, or up to half of it longer.
fn jittered(wait: Duration, seed: u64) -> Duration {
    wait + part(wait / 2, seed)
}

/// Some part of a time.
fn part(whole: Duration, seed: u64) -> Duration {
    let whole = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(seed % whole.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial_authority::{NOW, day};

    fn staple(from: Timestamp, until: Timestamp) -> Staple {
        let bytes = vec![1];
        Staple { bytes, from, until }
    }

    fn heard(heard: Heard) -> Plan {
        let mut plan = Plan::default();
        plan.hear(heard, NOW, 0);
        plan
    }

    #[test]
    fn without_a_staple_the_responder_is_asked_at_once() {
        let plan = Plan::beginning_with(None, NOW, 7);
        assert!(plan.is_due(NOW));
        assert_eq!(plan.shown(NOW), None);
    }

    #[test]
    fn one_kept_from_before_is_shown_at_once_and_renewed_from_the_middle_of_its_window() {
        let kept = staple(day(-1), day(3));
        let plan = Plan::beginning_with(Some(kept.clone()), NOW, 0);
        assert_eq!(plan.shown(NOW), Some(&kept));
        assert!(!plan.is_due(NOW));
        assert!(plan.is_due(day(1)));
        let old = Plan::beginning_with(Some(staple(day(-3), day(1))), NOW, 0);
        assert!(old.is_due(NOW));
    }

    #[test]
    fn the_middle_is_spread_over_a_tenth_of_the_window() {
        let mut latest = Timestamp::ZERO;
        for seed in [0, 1, 999_999_999, u64::MAX] {
            let mut plan = Plan::default();
            plan.hear(Heard::Good(staple(NOW, day(10))), NOW, seed);
            assert!((day(5)..=day(6)).contains(&plan.ask_at()), "{seed}");
            latest = latest.max(plan.ask_at());
        }
        assert!(latest > day(5));
    }

    #[test]
    fn one_whose_middle_is_past_is_renewed_half_way_to_its_end() {
        let plan = heard(Heard::Good(staple(day(-3), day(1))));
        assert_eq!(plan.ask_at(), NOW.plus(Duration::from_secs(43_200)));
        let short = heard(Heard::Good(staple(day(-3), NOW.plus(SHORTEST))));
        assert_eq!(
            short.ask_at(),
            NOW.plus(SHORTEST),
            "never more than once a minute"
        );
    }

    #[test]
    fn after_failures_the_wait_doubles_up_to_an_hour() {
        let mut plan = Plan::default();
        let waits = (0..40).map(|_| {
            plan.hear(Heard::Nothing, NOW, 0);
            plan.ask_at().since(NOW).as_secs() / 60
        });
        let waits: Vec<u64> = waits.collect();
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits[39], 60);
        plan.hear(Heard::Nothing, NOW, u64::MAX);
        assert!((LONGEST..=LONGEST * 3 / 2).contains(&plan.ask_at().since(NOW)));
        plan.hear(Heard::Good(staple(NOW, day(4))), NOW, 0);
        assert_eq!((plan.failures(), plan.ask_at()), (0, day(2)));
    }

    #[test]
    fn the_end_of_a_short_window_is_not_slept_through() {
        let mut plan = heard(Heard::Good(staple(
            NOW,
            NOW.plus(Duration::from_secs(1200)),
        )));
        for _ in 0..10 {
            plan.hear(Heard::Nothing, NOW, 0);
        }
        assert_eq!(plan.ask_at(), NOW.plus(Duration::from_secs(300)));
    }

    #[test]
    fn a_failure_leaves_what_is_shown_until_shortly_before_its_end() {
        let held = staple(NOW, day(4));
        let mut plan = heard(Heard::Good(held.clone()));
        plan.hear(Heard::Nothing, day(3), 0);
        assert_eq!(plan.shown(day(3)), Some(&held));
        let shown = |before_end| plan.shown(Timestamp(day(4).0 - before_end)).is_some();
        assert!(shown(121_000));
        assert!(!shown(120_000), "readers' clocks differ");
        assert_eq!(plan.shown(day(9)), None);
    }

    #[test]
    fn after_a_revocation_nothing_is_shown_and_it_is_asked_again_hourly() {
        let mut plan = heard(Heard::Good(staple(NOW, day(4))));
        plan.hear(Heard::Revoked, NOW, 0);
        assert_eq!((plan.shown(NOW), plan.held()), (None, None));
        assert_eq!(plan.ask_at(), NOW.plus(LONGEST));
        let healed = staple(NOW, day(4));
        plan.hear(Heard::Good(healed.clone()), NOW, 0);
        assert_eq!(plan.shown(NOW), Some(&healed));
    }

    #[test]
    fn an_older_answer_does_not_displace_a_newer_one() {
        let newer = staple(day(-1), day(4));
        let mut plan = heard(Heard::Good(newer.clone()));
        plan.hear(Heard::Good(staple(day(-3), day(2))), NOW, 0);
        assert_eq!(plan.shown(NOW), Some(&newer));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_lengthen_the_wait() {
        let mut plan = Plan::default();
        plan.hear(Heard::Nothing, day(100), 0);
        assert!(plan.is_due(NOW));
        plan.hear(Heard::Nothing, NOW, 0);
        assert!(!plan.is_due(NOW));
    }
}
