//! Whether an upstream counts as answering: pure, with hysteresis, so that a wavering upstream does
//! not move a whole city's readers to and fro.
//!
//! Results of real traffic and of active checks are the same events. *Down* after some failures in
//! a row, or when more than half of enough results within a short time failed. *Up* again after
//! some successes in a row, and not before a minimum stay, which doubles each time the upstream
//! falls again soon after it rose. How one request that failed is answered is another question
//! (`cache/health.rs`).

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use yagura_control::Timestamp;

/// Failures in a row after which an upstream counts as down.
const FAILURES: u32 = 3;
/// Successes in a row after which it may count as up.
const SUCCESSES: u32 = 2;
/// The time in which failures are compared with all results, and the fewest that are compared.
const WINDOW: (Duration, u32) = (Duration::from_secs(10), 10);
/// How long it stays down at least, and how long that may become.
const STAY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(160));
/// Who stays up so long is trusted as before.
const STEADY: Duration = Duration::from_secs(60);

/// A result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It answered.
    Answered,
    /// It did not, or said that it cannot.
    Failed,
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It counts as up again.
    Rose,
    /// It counts as down now.
    Fell(Fall),
}

/// Why it counts as down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fall {
    /// So many requests failed one after another.
    InARow(u32),
    /// So many of so many requests failed within the window.
    Share {
        /// Failures.
        failed: u32,
        /// Results.
        of: u32,
    },
}

impl fmt::Display for Fall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InARow(failures) => write!(f, "{failures} requests in a row failed"),
            Self::Share { failed, of } => {
                let seconds = WINDOW.0.as_secs();
                write!(f, "{failed} of {of} requests within {seconds} s failed")
            }
        }
    }
}

/// The health of one upstream. Nothing known counts as up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    state: State,
    /// The minimum stay of the next fall.
    stay: Duration,
    rose_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Up {
        failures: u32,
        /// A second with its successes and failures, oldest first.
        window: VecDeque<(u64, u32, u32)>,
    },
    Down {
        fall: Fall,
        until: Timestamp,
        since: Timestamp,
        successes: u32,
    },
}

impl Default for Health {
    fn default() -> Self {
        Self {
            state: State::up(),
            stay: STAY.0,
            rose_at: None,
        }
    }
}

impl State {
    const fn up() -> Self {
        Self::Up {
            failures: 0,
            window: VecDeque::new(),
        }
    }
}

impl Health {
    /// Whether it counts as answering.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Since when and why it counts as down.
    #[must_use]
    pub const fn fallen(&self) -> Option<(Timestamp, Fall)> {
        match &self.state {
            State::Up { .. } => None,
            State::Down { since, fall, .. } => Some((*since, *fall)),
        }
    }

    /// Takes a result into account; tells what it changed.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Option<Move> {
        match &mut self.state {
            State::Up { failures, window } => {
                *failures = match event {
                    Event::Answered => 0,
                    Event::Failed => failures.saturating_add(1),
                };
                let in_a_row = *failures;
                let (failed, of) = counted(window, event, now);
                // Strict alternation fails one time more than it succeeds in an odd window.
                let fall = if in_a_row >= FAILURES {
                    Fall::InARow(in_a_row)
                } else if of >= WINDOW.1 && failed > (of - failed).saturating_add(1) {
                    Fall::Share { failed, of }
                } else {
                    return None;
                };
                self.fall(fall, now);
                Some(Move::Fell(fall))
            }
            State::Down {
                successes, until, ..
            } => {
                *successes = match event {
                    Event::Answered => successes.saturating_add(1),
                    Event::Failed => 0,
                };
                if *successes < SUCCESSES || now < *until {
                    return None;
                }
                self.state = State::up();
                self.rose_at = Some(now);
                Some(Move::Rose)
            }
        }
    }

    fn fall(&mut self, fall: Fall, now: Timestamp) {
        let soon = self.rose_at.is_some_and(|rose| now.since(rose) < STEADY);
        self.stay = if soon {
            (self.stay * 2).min(STAY.1)
        } else {
            STAY.0
        };
        self.state = State::Down {
            fall,
            until: now.plus(self.stay),
            since: now,
            successes: 0,
        };
    }
}

/// Failures and results within the window, this one with them.
fn counted(window: &mut VecDeque<(u64, u32, u32)>, event: Event, now: Timestamp) -> (u32, u32) {
    let second = now.seconds();
    while window
        .front()
        .is_some_and(|(first, _, _)| first + WINDOW.0.as_secs() <= second)
    {
        window.pop_front();
    }
    // A clock that was set back must not let the window grow.
    if window.back().is_none_or(|(last, _, _)| *last < second) {
        window.push_back((second, 0, 0));
    }
    if let Some((_, answered, failed)) = window.back_mut() {
        match event {
            Event::Answered => *answered = answered.saturating_add(1),
            Event::Failed => *failed = failed.saturating_add(1),
        }
    }
    window.iter().fold((0, 0), |(failures, all), (_, ok, bad)| {
        (
            failures.saturating_add(*bad),
            all.saturating_add(*ok).saturating_add(*bad),
        )
    })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::Event::{Answered, Failed};
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp(1_000_000_000 + millis)
    }

    fn after(events: &[(u64, Event)]) -> Health {
        let mut health = Health::default();
        for (millis, event) in events {
            health.apply(*event, at(*millis));
        }
        health
    }

    #[test]
    fn every_state_meets_every_event() {
        let down = [(0, Failed), (1, Failed), (2, Failed)];
        let with = |more: &[(u64, Event)]| after(&[&down, more].concat());
        let fell = Some(Move::Fell(Fall::InARow(3)));
        // (name, state before, event, when, what moved, up afterwards)
        let table = [
            ("new", after(&[]), Answered, 0, None, true),
            ("new", after(&[]), Failed, 0, None, true),
            ("failed once", after(&down[..1]), Failed, 3, None, true),
            ("failed twice", after(&down[..2]), Failed, 3, fell, false),
            ("failed twice", after(&down[..2]), Answered, 3, None, true),
            ("down", with(&[]), Failed, 20_000, None, false),
            ("down", with(&[]), Answered, 20_000, None, false),
            (
                "answered once",
                with(&[(9_000, Answered)]),
                Answered,
                10_001,
                None,
                false,
            ),
            (
                "answered once",
                with(&[(9_000, Answered)]),
                Answered,
                10_002,
                Some(Move::Rose),
                true,
            ),
            (
                "answered once",
                with(&[(9_000, Answered)]),
                Failed,
                10_002,
                None,
                false,
            ),
        ];
        for (name, mut health, event, millis, moved, up) in table {
            assert_eq!(health.apply(event, at(millis)), moved, "{name}, {event:?}");
            assert_eq!(health.is_up(), up, "{name}, {event:?}");
            assert_eq!(health.fallen().is_none(), up, "{name}, {event:?}");
        }
    }

    #[test]
    fn a_large_share_of_failures_counts_without_a_row() {
        let mut health = Health::default();
        let mut moves = Vec::new();
        for number in 0..12 {
            let event = if number % 3 == 2 { Answered } else { Failed };
            moves.extend(health.apply(event, at(number * 100)));
        }
        let fell = Move::Fell(Fall::Share { failed: 7, of: 10 });
        assert_eq!(moves, [fell]);
        assert_eq!(
            health.fallen().unwrap().1.to_string(),
            "7 of 10 requests within 10 s failed"
        );
        // The same, spread over a longer time than is looked at.
        let spread = (0..12u64).map(|number| {
            let event = if number % 3 == 2 { Answered } else { Failed };
            (number * 2_000, event)
        });
        assert!(after(&spread.collect::<Vec<_>>()).is_up());
    }

    #[test]
    fn who_falls_again_soon_stays_down_longer() {
        let mut health = Health::default();
        let mut now = 0;
        let mut stays = Vec::new();
        for _ in 0..7 {
            for _ in 0..3 {
                health.apply(Failed, at(now));
            }
            let fell = now;
            while health.apply(Answered, at(now)) != Some(Move::Rose) {
                now += 1_000;
            }
            stays.push((now - fell) / 1_000);
        }
        assert_eq!(stays, [10, 20, 40, 80, 160, 160, 160]);
        now += 61_000;
        for _ in 0..3 {
            health.apply(Failed, at(now));
        }
        health.apply(Answered, at(now + 1));
        assert_eq!(health.apply(Answered, at(now + 10_000)), Some(Move::Rose));
    }

    #[test]
    fn alternating_results_move_nobody() {
        for period in [2, 3, 4, 5, 7] {
            let mut health = Health::default();
            let moves = (0..10_000u64).filter_map(|number| {
                let event = if number % period == 0 {
                    Failed
                } else {
                    Answered
                };
                health.apply(event, at(number * 137))
            });
            assert_eq!(moves.count(), 0, "one failure in {period}");
        }
    }

    /// Over an hour of random results at random paces, moves are as rare as the stay promises, and
    /// an upstream that recovers is found up, one that dies is found down.
    #[test]
    fn seeded_simulations_do_not_flap() {
        for seed in 0..200 {
            let mut chance = StdRng::seed_from_u64(seed);
            let mut health = Health::default();
            let failing = chance.random_range(0.0..1.0);
            let (mut now, mut falls, mut fell_at) = (0, 0, None::<u64>);
            while now < 3_600_000 {
                now += chance.random_range(1..2_000);
                let event = if chance.random_bool(failing) {
                    Failed
                } else {
                    Answered
                };
                match health.apply(event, at(now)) {
                    Some(Move::Fell(_)) => (falls, fell_at) = (falls + 1, Some(now)),
                    Some(Move::Rose) => {
                        let down = now - fell_at.unwrap();
                        assert!(down >= 10_000, "seed {seed}: up after {down} ms");
                    }
                    None => {}
                }
            }
            assert!(
                falls <= 3_600 / 60 + 5,
                "seed {seed}: {falls} falls in an hour"
            );
            for number in 0..400 {
                health.apply(Answered, at(now + number * 1_000));
            }
            assert!(health.is_up(), "seed {seed}");
            now += 400_000;
            for number in 0..3 {
                health.apply(Failed, at(now + number));
            }
            assert!(!health.is_up(), "seed {seed}");
        }
    }
}
