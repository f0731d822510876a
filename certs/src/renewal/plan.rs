//! The next order of one certificate: when, and from which of its authorities. Pure.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use yagura_control::Timestamp;

use super::state::{Failed, State};

/// After so many failures in a row the next authority is tried, while the certificate is still good.
const REPEATED: u32 = 3;
/// The first wait after an authority was out of reach: asking again costs nobody anything.
const UNREACHED: Duration = Duration::from_secs(10);
/// The first wait after an authority refused; they count refusals by the hour.
const REFUSED: Duration = Duration::from_secs(300);
/// How long after a success nothing is ordered when the certificate is gone or is not what was wanted:
/// authorities count these too, and who loses what he was given must not order it in a circle.
const AFTER_SUCCESS: Duration = Duration::from_secs(600);
/// The longest wait of our own, whatever happened.
const LONGEST: Duration = Duration::from_secs(6 * 3600);
/// The longest wait that an authority can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(10 * 86_400);

/// What is known of the present certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// Whether it carries every name that is wanted.
    pub covers: bool,
    /// Hash of its leaf.
    pub leaf: String,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When a certificate is ordered.
    pub at: Timestamp,
    /// From which authority, by its place in the list.
    pub authority: usize,
    /// When the authority of the present certificate is asked for its window.
    pub ask_window_at: Option<Timestamp>,
}

/// Decides; none when there is no authority. `seed` spreads edges and certificates over time and is
/// the same at every call for one certificate.
#[must_use]
pub fn next(
    authorities: &[String],
    held: Option<&Held>,
    state: &State,
    now: Timestamp,
    seed: u64,
) -> Option<Next> {
    let due = due(held, state, now, seed);
    let urgent = is_urgent(held, now);
    let mut allowed = true;
    let mut best: Option<(Timestamp, usize)> = None;
    for (index, authority) in authorities.iter().enumerate() {
        if !allowed {
            break;
        }
        let failed = state.failed.get(authority);
        let ready = failed.map_or(due, |failed| {
            ready(failed, now, seed ^ index as u64).max(due)
        });
        if best.is_none_or(|(at, _)| ready.max(now) < at.max(now)) {
            best = Some((ready, index));
        }
        allowed = urgent && failed.is_some() || failed.is_some_and(|it| it.count >= REPEATED);
    }
    let (at, authority) = best?;
    Some(Next {
        at,
        authority,
        ask_window_at: ask_window_at(held, state, now),
    })
}

/// From when the present certificate is to be replaced.
fn due(held: Option<&Held>, state: &State, now: Timestamp, seed: u64) -> Timestamp {
    let Some(held) = held.filter(|held| held.covers && now >= held.not_before) else {
        let issued_at = state.issued_at.filter(|at| *at <= now);
        return issued_at.map_or(now, |at| at.plus(AFTER_SUCCESS).max(now));
    };
    let lifetime = held.not_after.since(held.not_before);
    let last_third = held.not_before.plus(lifetime / 3 * 2);
    let mut random = generator(seed, &held.leaf, 0);
    let suggested = state.suggested.as_ref();
    let window = suggested.filter(|suggested| suggested.leaf == held.leaf);
    let Some((start, end)) = window.and_then(|suggested| suggested.window) else {
        return last_third.plus(part(lifetime / 60, &mut random));
    };
    // RFC 9773, section 4.2: a random time within the window. However late that is, there must be
    // time left to try again.
    let latest = held.not_after.0.saturating_sub(millis(lifetime / 10));
    let chosen = start.plus(part(end.since(start), &mut random));
    Timestamp(chosen.0.min(latest))
}

/// Whether another authority is better than waiting: the site has no good certificate, or half of
/// the time for renewing is over.
fn is_urgent(held: Option<&Held>, now: Timestamp) -> bool {
    let Some(held) = held.filter(|held| held.covers) else {
        return true;
    };
    let lifetime = held.not_after.since(held.not_before);
    held.not_after.since(now) < lifetime / 6
}

/// When an authority that failed may be asked again.
fn ready(failed: &Failed, now: Timestamp, seed: u64) -> Timestamp {
    // A clock that was put back must not make the wait longer.
    let at = failed.at.min(now);
    let first = if failed.refused { REFUSED } else { UNREACHED };
    let doublings = failed.count.saturating_sub(1).min(12);
    let wait = first.saturating_mul(1 << doublings).min(LONGEST);
    let mut random = generator(seed, &failed.words, failed.count);
    let wait = wait + part(wait / 4, &mut random);
    let asked = failed.retry_after_s.map(Duration::from_secs);
    let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
    at.plus(wait.max(asked))
}

fn ask_window_at(held: Option<&Held>, state: &State, now: Timestamp) -> Option<Timestamp> {
    let held = held?;
    // Only who issued it knows.
    state.authority.as_ref()?;
    let suggested = state.suggested.as_ref();
    match suggested.filter(|suggested| suggested.leaf == held.leaf) {
        Some(suggested) => Some(suggested.ask_at),
        None => Some(now),
    }
}

/// The same numbers for the same seed and subject, in every process.
fn generator(seed: u64, subject: &str, count: u32) -> ChaCha8Rng {
    let mut folded = seed ^ u64::from(count).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for byte in subject.bytes() {
        folded = (folded ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    ChaCha8Rng::seed_from_u64(folded)
}

/// A random part of a span.
fn part(span: Duration, random: &mut ChaCha8Rng) -> Duration {
    Duration::from_millis(random.random_range(0..=millis(span)))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::{Failure, Window};
    use crate::renewal::Event;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);
    const BEGIN: Timestamp = Timestamp(1_795_400_000_000);

    fn two() -> Vec<String> {
        vec!["first".to_owned(), "second".to_owned()]
    }

    fn held(days: u32) -> Held {
        Held {
            not_before: BEGIN,
            not_after: BEGIN.plus(DAY * days),
            covers: true,
            leaf: "leaf".to_owned(),
        }
    }

    fn decide(held: Option<&Held>, state: &State, now: Timestamp) -> Next {
        next(&two(), held, state, now, 7).unwrap()
    }

    fn refused() -> Failure {
        Failure::problem(Some("urn:ietf:params:acme:error:caa"), Some("no"))
    }

    #[test]
    fn the_last_third_of_life_is_for_renewing_however_long_it_is() {
        for days in [90, 47, 6] {
            let held = held(days);
            let at = decide(Some(&held), &State::default(), BEGIN).at;
            let begin = BEGIN.plus(DAY * days / 3 * 2);
            assert!(at >= begin && at <= begin.plus(DAY * days / 60), "{days}");
            // The same at every look.
            let later = BEGIN.plus(DAY);
            assert_eq!(
                decide(Some(&held), &State::default(), later).at,
                at,
                "{days}"
            );
        }
    }

    #[test]
    fn nothing_held_or_a_name_missing_is_ordered_at_once() {
        assert_eq!(decide(None, &State::default(), BEGIN).at, BEGIN);
        let without = Held {
            covers: false,
            ..held(90)
        };
        assert_eq!(decide(Some(&without), &State::default(), BEGIN).at, BEGIN);
        assert!(next(&[], None, &State::default(), BEGIN, 7).is_none());
    }

    #[test]
    fn who_loses_what_was_issued_does_not_order_in_a_circle() {
        let mut state = State::default();
        state.apply(Event::Issued("first"), BEGIN);
        assert_eq!(decide(None, &state, BEGIN).at, BEGIN.plus(AFTER_SUCCESS));
        let later = BEGIN.plus(HOUR);
        assert!(decide(None, &state, later).at <= later);
        // A clock that was put back does not make it wait for the future.
        let before = Timestamp(BEGIN.0 - 86_400_000);
        assert!(decide(None, &state, before).at <= before);
    }

    #[test]
    fn the_authoritys_window_goes_before_the_last_third() {
        let mut state = State::default();
        state.apply(Event::Issued("first"), BEGIN);
        let window = |from: u32, to: u32| Window {
            start: BEGIN.plus(DAY * from),
            end: BEGIN.plus(DAY * to),
            ask_again: 6 * HOUR,
        };
        state.apply(Event::Told("leaf", Some(window(10, 12))), BEGIN);
        let chosen = decide(Some(&held(90)), &state, BEGIN);
        assert!(chosen.at >= BEGIN.plus(10 * DAY) && chosen.at <= BEGIN.plus(12 * DAY));
        assert_eq!(chosen.ask_window_at, Some(BEGIN.plus(6 * HOUR)));
        // A window in the past is for now; one after the end is not waited for.
        state.apply(Event::Told("leaf", Some(window(0, 0))), BEGIN);
        assert!(decide(Some(&held(90)), &state, BEGIN.plus(DAY)).at <= BEGIN.plus(DAY));
        state.apply(Event::Told("leaf", Some(window(100, 120))), BEGIN);
        assert!(decide(Some(&held(90)), &state, BEGIN).at <= BEGIN.plus(81 * DAY));
        // A window of another leaf says nothing.
        state.apply(Event::Told("other", Some(window(1, 2))), BEGIN);
        let next = decide(Some(&held(90)), &state, BEGIN);
        assert!(next.at >= BEGIN.plus(60 * DAY));
        assert_eq!(next.ask_window_at, Some(BEGIN));
    }

    #[test]
    fn waits_grow_and_an_authority_can_make_them_longer() {
        let mut state = State::default();
        let due = BEGIN.plus(70 * DAY);
        let mut before = Duration::ZERO;
        for _ in 0..2 {
            state.apply(Event::Failed("first", &refused()), due);
            let wait = decide(Some(&held(90)), &state, due).at.since(due);
            assert!(
                wait > before && wait >= REFUSED,
                "{wait:?} after {before:?}"
            );
            before = wait;
        }
        let patient = Failure {
            retry_after: Some(DAY),
            ..refused()
        };
        let mut state = State::default();
        state.apply(Event::Failed("first", &patient), due);
        assert!(decide(Some(&held(90)), &state, due).at >= due.plus(DAY));
    }

    #[test]
    fn the_next_authority_is_asked_after_repeated_failures_or_near_the_end() {
        let mut state = State::default();
        let due = BEGIN.plus(70 * DAY);
        for _ in 0..2 {
            state.apply(Event::Failed("first", &refused()), due);
            assert_eq!(decide(Some(&held(90)), &state, due).authority, 0);
        }
        state.apply(Event::Failed("first", &refused()), due);
        let chosen = decide(Some(&held(90)), &state, due);
        assert!(chosen.authority == 1 && chosen.at <= due, "{chosen:?}");

        let mut state = State::default();
        let near = BEGIN.plus(80 * DAY);
        assert_eq!(decide(Some(&held(90)), &state, near).authority, 0);
        state.apply(Event::Failed("first", &refused()), near);
        let chosen = decide(Some(&held(90)), &state, near);
        assert!(chosen.authority == 1 && chosen.at <= near, "{chosen:?}");
        // Once it failed too, whoever may be asked first is.
        state.apply(Event::Failed("second", &Failure::new("gone", "")), near);
        let chosen = decide(Some(&held(90)), &state, near);
        assert!(chosen.authority == 1 && chosen.at > near, "{chosen:?}");
    }

    #[test]
    fn a_clock_that_is_put_back_makes_no_wait_longer() {
        let mut state = State::default();
        state.apply(Event::Failed("first", &refused()), BEGIN.plus(365 * DAY));
        state.apply(Event::Failed("second", &refused()), BEGIN.plus(365 * DAY));
        let wait = decide(None, &state, BEGIN).at.since(BEGIN);
        assert!(wait <= 2 * REFUSED, "{wait:?}");
    }
}
