//! Whole lives of certificates in a moment: time is stepped, authorities fail by a seeded dice, and
//! the rules are looked at after each step.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use yagura_control::Timestamp;

use super::{Event, Held, State, next};
use crate::acme::{Failure, Window};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const BEGIN: Timestamp = Timestamp(1_795_400_000_000);

/// How an authority behaves over a span.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Well,
    Dead,
    Refuses,
    Busy,
}

struct Simulated {
    authorities: Vec<String>,
    lifetime: Duration,
    dice: ChaCha8Rng,
    state: State,
    held: Option<Held>,
    issued: u32,
    orders: Vec<(Timestamp, usize)>,
}

impl Simulated {
    fn new(seed: u64, lifetime: Duration) -> Self {
        Self {
            authorities: vec!["first".to_owned(), "second".to_owned()],
            lifetime,
            dice: ChaCha8Rng::seed_from_u64(seed),
            state: State::default(),
            held: None,
            issued: 0,
            orders: Vec::new(),
        }
    }

    fn order(&mut self, authority: usize, mood: Mood, now: Timestamp) {
        let name = self.authorities[authority].clone();
        self.orders.push((now, authority));
        let problem = |kind: &str| {
            Failure::problem(
                Some(&format!("urn:ietf:params:acme:error:{kind}")),
                Some("no"),
            )
        };
        let failure = match mood {
            Mood::Well => {
                self.issued += 1;
                self.held = Some(Held {
                    not_before: Timestamp(now.0 - 3_600_000),
                    not_after: now.plus(self.lifetime),
                    covers: true,
                    leaf: format!("leaf {}", self.issued),
                });
                return self.state.apply(Event::Issued(&name), now);
            }
            Mood::Dead => Failure::new("connection refused", ""),
            Mood::Refuses => problem("unauthorized"),
            Mood::Busy => Failure {
                retry_after: Some(HOUR),
                ..problem("rateLimited")
            },
        };
        self.state.apply(Event::Failed(&name, &failure), now);
    }

    fn window(&mut self, now: Timestamp) {
        let Some(held) = &self.held else { return };
        let event = match self.dice.random_range(0..3) {
            0 => Event::Told(&held.leaf, None),
            1 => Event::NotTold(&held.leaf),
            _ => {
                let start = held.not_before.plus(self.lifetime / 2);
                Event::Told(
                    &held.leaf,
                    Some(Window {
                        start,
                        end: start.plus(self.lifetime / 10),
                        ask_again: 6 * HOUR,
                    }),
                )
            }
        };
        self.state.apply(event, now);
    }
}

/// Runs a year and more; `moods` gives how each authority is at a time.
fn run(
    simulated: &mut Simulated,
    lives: u32,
    mut mood: impl FnMut(&mut ChaCha8Rng, Timestamp, usize) -> Mood,
) {
    let end = BEGIN.plus(simulated.lifetime * lives);
    let mut now = BEGIN;
    while now < end {
        let Simulated {
            authorities,
            held,
            state,
            ..
        } = &*simulated;
        let next = next(authorities, held.as_ref(), state, now, 42).unwrap();
        if next.ask_window_at.is_some_and(|at| at <= now) {
            simulated.window(now);
            continue;
        }
        if next.at <= now {
            let mood = mood(&mut simulated.dice, now, next.authority);
            simulated.order(next.authority, mood, now);
            continue;
        }
        let asked = next.ask_window_at.unwrap_or(next.at);
        // Time never stands still, and never jumps over what is to be done.
        now = next.at.min(asked).max(now.plus(Duration::from_millis(1)));
        if let Some(held) = &simulated.held {
            assert!(
                now < held.not_after,
                "the site stands without a certificate"
            );
        }
    }
}

#[test]
fn with_healthy_authorities_each_life_takes_one_order() {
    for days in [90, 47, 6] {
        let mut simulated = Simulated::new(1, DAY * days);
        run(&mut simulated, 12, |_, _, _| Mood::Well);
        // A certificate is replaced after a half to two thirds of its life.
        assert!(
            (17..=25).contains(&simulated.issued),
            "{days}: {}",
            simulated.issued
        );
        assert!(
            simulated
                .orders
                .iter()
                .all(|(_, authority)| *authority == 0)
        );
    }
}

#[test]
fn an_authority_that_dies_for_ever_is_replaced_before_the_certificate_ends() {
    for days in [90, 47, 6] {
        for bad in [Mood::Dead, Mood::Refuses, Mood::Busy] {
            let mut simulated = Simulated::new(2, DAY * days);
            run(&mut simulated, 6, |_, now, authority| match authority {
                0 if now > BEGIN.plus(DAY) => bad,
                _ => Mood::Well,
            });
            assert_eq!(
                simulated.state.authority.as_deref(),
                Some("second"),
                "{days} {bad:?}"
            );
        }
    }
}

#[test]
fn whatever_happens_the_site_keeps_a_certificate_and_authorities_are_not_flooded() {
    for days in [90, 47, 6] {
        for seed in 0..60 {
            let lifetime = DAY * days;
            let mut simulated = Simulated::new(seed, lifetime);
            // Both authorities fail half of the time, in spans of a twelfth of a life that differ for
            // each: one may be away for long, and both never for the whole time of renewing.
            run(&mut simulated, 6, |_, now, authority| {
                let span = now.0 / u64::try_from((lifetime / 12).as_millis()).unwrap();
                let mut dice = ChaCha8Rng::seed_from_u64(seed ^ span << 8 ^ authority as u64);
                let both_away = span % 3 != 0;
                match dice.random_range(0..4) {
                    _ if !both_away && authority == 1 => Mood::Well,
                    0 => Mood::Dead,
                    1 => Mood::Refuses,
                    2 => Mood::Busy,
                    _ => Mood::Well,
                }
            });
            for authority in 0..2 {
                let orders = simulated.orders.iter().filter(|(_, of)| *of == authority);
                let times: Vec<Timestamp> = orders.map(|(at, _)| *at).collect();
                let flooded = times
                    .windows(11)
                    .any(|eleven| eleven[10].since(eleven[0]) < HOUR);
                assert!(!flooded, "{days} {seed}: more than ten orders in an hour");
            }
        }
    }
}

#[test]
fn a_clock_that_is_put_forward_or_back_does_not_stop_renewal() {
    for step in [-400_i64, -40, 40, 400] {
        let mut simulated = Simulated::new(3, 90 * DAY);
        let mut now = BEGIN;
        simulated.order(0, Mood::Well, now);
        simulated.order(0, Mood::Refuses, now.plus(61 * DAY));
        now = Timestamp(now.0.wrapping_add_signed(step * 86_400_000));
        let Simulated {
            authorities,
            held,
            state,
            ..
        } = &simulated;
        let next = next(authorities, held.as_ref(), state, now, 1).unwrap();
        // Before its beginning or after its end it is ordered soon; in between when it is due.
        let soon = next.at <= now.plus(Duration::from_secs(600));
        assert!(soon || step.abs() == 40, "{step}: {next:?}");
        assert!(next.at <= now.plus(90 * DAY), "{step}: {next:?}");
    }
}
