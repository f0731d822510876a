//! How near the end of a certificate is: pure.
//!
//! Warnings come 60, 30, 14, 7, 3 and 1 days before the end. Certificates that live less than 90
//! days have all of these scaled by their lifetime over 90 days: one of 47 days is warned of from
//! 31 days and 8 hours before its end, one of 6 days from 4 days before, at last 1 hour 36 minutes
//! before. A warning that came before a scaled one had begun would last all the certificate's life.

use std::time::Duration;

use serde::Serialize;
use yagura_control::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);
/// Below this lifetime warnings are scaled.
const FULL: Duration = Duration::from_secs(90 * 86_400);

/// How near the end is. The days are those of a certificate that lives 90 days or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// 60 days: order the next one, when that is done by hand.
    SixtyDays,
    /// 30 days: certificates renewed by themselves are due.
    ThirtyDays,
    /// 14 days: a renewal has failed for long, or nobody ordered.
    FourteenDays,
    /// A week.
    SevenDays,
    /// Three days.
    ThreeDays,
    /// One day.
    OneDay,
    /// It is over; readers are warned off.
    Expired,
}

impl Stage {
    /// Every stage but the last, with its days.
    pub const BEFORE: [(Self, u32); 6] = [
        (Self::SixtyDays, 60),
        (Self::ThirtyDays, 30),
        (Self::FourteenDays, 14),
        (Self::SevenDays, 7),
        (Self::ThreeDays, 3),
        (Self::OneDay, 1),
    ];

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SixtyDays => "order the next one",
            Self::ThirtyDays => "renewal is due",
            Self::FourteenDays => "WARNING: renew it now",
            Self::SevenDays => "WARNING: ends within the week",
            Self::ThreeDays => "ALARM: ends in days",
            Self::OneDay => "ALARM: ends within a day",
            Self::Expired => "ALARM: EXPIRED",
        }
    }
}

/// Who sees to it that the next one comes in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// A program, which begins with the last third of the lifetime.
    ByItself,
    /// A person, who needs weeks.
    ByHand,
}

/// The stage a certificate is in; `None` while its end is far.
#[must_use]
pub fn stage(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> Option<Stage> {
    if now >= not_after {
        return Some(Stage::Expired);
    }
    let left = not_after.since(now);
    let lifetime = not_after.since(not_before);
    let reached = Stage::BEFORE.into_iter().rev();
    reached
        .filter(|(_, days)| left <= ahead(lifetime, *days))
        .map(|(stage, _)| stage)
        .next()
}

/// When a stage begins. [`Stage::Expired`] begins at the end.
#[must_use]
pub fn begins(not_before: Timestamp, not_after: Timestamp, stage: Stage) -> Timestamp {
    let lifetime = not_after.since(not_before);
    let days = Stage::BEFORE.into_iter().find(|(one, _)| *one == stage);
    let ahead = days.map_or(Duration::ZERO, |(_, days)| ahead(lifetime, days));
    let ahead_ms = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
    Timestamp(not_after.0.saturating_sub(ahead_ms))
}

/// Whether somebody has to be told. A certificate that is renewed by itself is not due before 30
/// days (a third of its life), and has two weeks for trying.
#[must_use]
pub fn warns(stage: Stage, renewal: Renewal) -> bool {
    match renewal {
        Renewal::ByHand => true,
        Renewal::ByItself => stage >= Stage::FourteenDays,
    }
}

fn ahead(lifetime: Duration, days: u32) -> Duration {
    let whole = DAY * days;
    if lifetime >= FULL {
        return whole;
    }
    let seconds = whole.as_secs().saturating_mul(lifetime.as_secs()) / FULL.as_secs();
    Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BEGIN: Timestamp = Timestamp(1_795_400_000_000);
    const HOUR: u64 = 3_600;

    /// Steps the clock through a lifetime, minute by minute; the hours before the end at which
    /// each stage was first seen.
    fn seen(lifetime_days: u32) -> Vec<(Stage, f64)> {
        let end = BEGIN.plus(DAY * lifetime_days);
        let mut seen: Vec<(Stage, f64)> = Vec::new();
        let minutes = u64::from(lifetime_days) * 24 * 60;
        for minute in 0..=minutes {
            let now = BEGIN.plus(Duration::from_secs(minute * 60));
            let Some(stage) = stage(BEGIN, end, now) else {
                assert!(seen.is_empty(), "a warning does not go away");
                continue;
            };
            if seen.last().is_none_or(|(last, _)| *last != stage) {
                let left = end.since(now).as_secs();
                seen.push((stage, left as f64 / HOUR as f64));
            }
        }
        seen
    }

    #[test]
    fn the_clock_stepped_across_ninety_forty_seven_and_six_days() {
        let days = |hours: [f64; 7]| {
            let stages = Stage::BEFORE.map(|(stage, _)| stage);
            let stages = stages.into_iter().chain([Stage::Expired]);
            stages.zip(hours).collect::<Vec<_>>()
        };
        let close = |seen: Vec<(Stage, f64)>, expected: Vec<(Stage, f64)>| {
            assert_eq!(seen.len(), expected.len());
            for ((stage, hours), (same, about)) in seen.into_iter().zip(expected) {
                assert_eq!(stage, same);
                assert!((hours - about).abs() <= 0.02, "{stage:?}: {hours} h");
            }
        };
        close(
            seen(90),
            days([1440.0, 720.0, 336.0, 168.0, 72.0, 24.0, 0.0]),
        );
        close(
            seen(47),
            days([752.0, 376.0, 175.466, 87.733, 37.6, 12.533, 0.0]),
        );
        close(seen(6), days([96.0, 48.0, 22.4, 11.2, 4.8, 1.6, 0.0]));
        close(
            seen(398),
            days([1440.0, 720.0, 336.0, 168.0, 72.0, 24.0, 0.0]),
        );
    }

    #[test]
    fn what_renews_itself_is_warned_of_when_that_failed_for_long() {
        for (stage, by_itself) in [
            (Stage::SixtyDays, false),
            (Stage::ThirtyDays, false),
            (Stage::FourteenDays, true),
            (Stage::OneDay, true),
            (Stage::Expired, true),
        ] {
            assert_eq!(warns(stage, Renewal::ByItself), by_itself, "{stage:?}");
            assert!(warns(stage, Renewal::ByHand));
        }
    }

    proptest! {
        #[test]
        fn a_stage_holds_from_its_beginning(life in 1_u64..40_000_000, at in 0_u64..50_000_000) {
            let end = BEGIN.plus(Duration::from_secs(life));
            let now = BEGIN.plus(Duration::from_secs(at));
            if let Some(stage) = stage(BEGIN, end, now) {
                prop_assert!(begins(BEGIN, end, stage) <= now);
            } else {
                prop_assert!(now < begins(BEGIN, end, Stage::SixtyDays));
            }
        }
    }
}
