//! What the last answers of one path say about it: whether it works, since when, how often, how fast.
//! Pure. One lost packet must not make a path bad, and one lucky answer must not make it good again:
//! people are woken by this.

use std::collections::VecDeque;
use std::time::Duration;

use yagura_control::Timestamp;

/// So many answers are remembered: ten minutes of them, ten seconds apart.
const KEPT: usize = 60;
/// So many alike in a row tell something.
const RUN: usize = 3;
/// Of so many, the newest, …
const LOOKED_AT: usize = 10;
/// … a path that works may fail so many, and one that failed must have failed no more than
const MAY_FAIL: usize = 5;
/// this to count as working again.
const MAY_STILL_FAIL: usize = 2;
/// After so many intervals without an answer of either kind nothing is known any more: the machine
/// slept, or its clock was set.
const GAP: u32 = 6;

/// How a path stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It was not asked often enough.
    #[default]
    Unknown,
    /// It works.
    Sound {
        /// Since when.
        since: Timestamp,
    },
    /// It does not.
    Failing {
        /// Since the first failure of these.
        since: Timestamp,
    },
}

impl Standing {
    /// For how long the path has failed; `None` when it does not, or nobody knows.
    #[must_use]
    pub const fn failed(self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Failing { since } => Some(now.since(since)),
            Self::Unknown | Self::Sound { .. } => None,
        }
    }

    /// Whether the path works.
    #[must_use]
    pub const fn is_sound(self) -> bool {
        matches!(self, Self::Sound { .. })
    }
}

/// One answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Result {
    at: Timestamp,
    ms: Option<u32>,
}

/// The newest answers of one path.
#[derive(Clone, Debug)]
pub struct Window {
    interval: Duration,
    results: VecDeque<Result>,
    standing: Standing,
}

impl Window {
    /// Of a path that is asked so often.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            results: VecDeque::new(),
            standing: Standing::Unknown,
        }
    }

    /// Adds an answer: how many milliseconds it took, or `None` when it was no good.
    pub fn note(&mut self, ms: Option<u32>, at: Timestamp) {
        if let Some(last) = self.results.back() {
            let silent = at.since(last.at);
            if at < last.at || silent > self.interval * GAP {
                self.results.clear();
                self.standing = Standing::Unknown;
            }
        }
        if self.results.len() >= KEPT {
            self.results.pop_front();
        }
        self.results.push_back(Result { at, ms });
        self.standing = self.judged();
    }

    /// How the path stands.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// The share of good answers among those remembered, in percent.
    #[must_use]
    pub fn share_percent(&self) -> Option<u8> {
        let good = self.results.iter().filter(|result| result.ms.is_some());
        let percent = good.count() * 100 / self.results.len().max(1);
        let known = !self.results.is_empty();
        u8::try_from(percent).ok().filter(|_| known)
    }

    /// The median of the good answers' times, in milliseconds.
    #[must_use]
    pub fn median_ms(&self) -> Option<u32> {
        let mut times: Vec<u32> = self.results.iter().filter_map(|result| result.ms).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    fn judged(&self) -> Standing {
        let newest = self.results.iter().rev();
        let is_good = self.results.back().is_some_and(|last| last.ms.is_some());
        let run = newest
            .clone()
            .take_while(|result| result.ms.is_some() == is_good);
        let (alike, run_began) =
            run.fold((0, None), |(count, _), result| (count + 1, Some(result.at)));
        let since = run_began.unwrap_or_default();
        let failures = newest.take(LOOKED_AT).filter(|one| one.ms.is_none());
        let (failed, first_failure) =
            failures.fold((0, None), |(count, _), result| (count + 1, Some(result.at)));
        match self.standing {
            Standing::Failing { .. } | Standing::Unknown
                if is_good && alike >= RUN && failed <= MAY_STILL_FAIL =>
            {
                Standing::Sound { since }
            }
            Standing::Sound { .. } | Standing::Unknown if !is_good && alike >= RUN => {
                Standing::Failing { since }
            }
            // A path that comes and goes is of no more use to readers than one that is gone.
            Standing::Sound { .. } if failed > MAY_FAIL => Standing::Failing {
                since: first_failure.unwrap_or(since),
            },
            standing => standing,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    /// The window after these answers, `x` for none, ten seconds apart from 10 s on.
    fn after(answers: &str) -> Window {
        let mut window = Window::new(INTERVAL);
        for (index, answer) in answers.chars().enumerate() {
            let at = Timestamp((index as u64 + 1) * 10_000);
            window.note((answer != 'x').then_some(31), at);
        }
        window
    }

    fn told(answers: &str) -> String {
        match after(answers).standing() {
            Standing::Unknown => "unknown".to_owned(),
            Standing::Sound { since } => format!("sound since {}", since.seconds()),
            Standing::Failing { since } => format!("failing since {}", since.seconds()),
        }
    }

    #[test]
    fn three_alike_tell_and_one_does_not() {
        for (answers, expected) in [
            ("", "unknown"),
            ("..", "unknown"),
            ("...", "sound since 10"),
            ("xx", "unknown"),
            ("xxx", "failing since 10"),
            ("x...", "sound since 20"),
            ("...x", "sound since 10"),
            ("...xx.", "sound since 10"),
            ("...xxx", "failing since 40"),
            // The episode began with the first of them.
            ("...xxxx", "failing since 40"),
            // Back only when it has answered for a while.
            ("...xxx...", "failing since 40"),
            ("...xxx.......", "failing since 40"),
            ("...xxx........", "sound since 70"),
        ] {
            assert_eq!(told(answers), expected, "{answers}");
        }
    }

    #[test]
    fn a_path_that_comes_and_goes_fails() {
        assert_eq!(told(".....x.xx.xx.x"), "failing since 60");
        // And does not count as back while it does.
        assert_eq!(told("...xxx..x..x..x..x..x..x"), "failing since 40");
        assert_eq!(told("...xxx...xxx...xxx..."), "failing since 40");
    }

    #[test]
    fn after_a_gap_nothing_is_known() {
        let mut window = after("...xxx");
        window.note(None, Timestamp(60_000 + 60_001));
        assert_eq!(window.standing(), Standing::Unknown);
        let mut window = after("...");
        window.note(Some(1), Timestamp(1));
        assert_eq!(window.standing(), Standing::Unknown);
    }

    #[test]
    fn share_and_median_are_of_what_is_remembered() {
        let mut window = Window::new(INTERVAL);
        assert_eq!((window.share_percent(), window.median_ms()), (None, None));
        for (index, ms) in [Some(9), None, Some(30), Some(31)].into_iter().enumerate() {
            window.note(ms, Timestamp(index as u64 * 10_000));
        }
        assert_eq!(
            (window.share_percent(), window.median_ms()),
            (Some(75), Some(30))
        );
    }

    /// A thousand paths that fail at times, watched for hours, with packets that are lost: what is
    /// told is never far from what is so.
    #[test]
    fn what_is_told_follows_what_is_so() {
        for seed in 0..1_000 {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            let mut window = Window::new(INTERVAL);
            let (mut works, mut steady, mut at) = (true, 0_u32, Timestamp(0));
            for _ in 0..2_000 {
                at = at.plus(INTERVAL);
                if dice.random_ratio(1, 200) {
                    (works, steady) = (!works, 0);
                }
                steady += 1;
                // One answer of three hundred is lost whatever the path does.
                let good = works && !dice.random_ratio(1, 300);
                window.note(good.then_some(20), at);
                let standing = window.standing();
                if steady >= 30 {
                    let wrong = match works {
                        true => standing.failed(at).is_some(),
                        false => standing.is_sound(),
                    };
                    assert!(!wrong, "seed {seed} at {at}: {standing:?}, works: {works}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_standing_never_lies_ahead_and_is_earned(answers in "[.x]{0,80}") {
            let window = after(&answers);
            let now = Timestamp(answers.len() as u64 * 10_000);
            let newest: Vec<char> = answers.chars().rev().take(LOOKED_AT).collect();
            let failures = newest.iter().filter(|answer| **answer == 'x').count();
            match window.standing() {
                Standing::Unknown => {}
                Standing::Sound { since } => {
                    prop_assert!(since <= now && failures <= MAY_FAIL);
                    prop_assert!(!answers.ends_with("xxx"));
                }
                Standing::Failing { since } => {
                    prop_assert!(since <= now && answers.contains('x'));
                    prop_assert!(!answers.ends_with(".........."));
                }
            }
        }
    }
}
