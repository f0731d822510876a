//! When what is due. Pure: from what was done last, settings and `now`.
//!
//! One rule holds for everything: it is due when its time has passed since it was done, and at once
//! when it was done in the future. So a clock that jumps, forwards or backwards, makes something come
//! early, and never keeps it from coming.

use std::collections::BTreeMap;
use std::time::Duration;

use yagura_config::settings::BackupSettings;
use yagura_control::Timestamp;

use super::engine::{Part, Reading};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// The packs are read in so many shares, one a day. So each is read within four weeks, and a late
/// one within a month.
pub(crate) const SHARES: u32 = 28;
/// How long a target that failed is left alone: first and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Whether something that was done at `last` is to be done again.
pub(crate) fn is_due(last: Option<Timestamp>, every: Duration, now: Timestamp) -> bool {
    last.is_none_or(|last| last > now || now.since(last) >= every)
}

/// How often a part is looked at; `size` is that of the database.
pub(crate) fn every(settings: &BackupSettings, part: Part, size: Option<u64>) -> Duration {
    match part {
        Part::Files => settings.files_every,
        Part::Database if size.is_some_and(|size| size > settings.large) => settings.every_large,
        Part::Database => settings.every,
    }
}

/// What one target was given, and how long it is left alone after a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Supply {
    given: BTreeMap<Part, Timestamp>,
    failures: u32,
}

impl Supply {
    /// Whether the sources are to be looked at for this part.
    pub(crate) fn is_due(&self, part: Part, every: Duration, now: Timestamp) -> bool {
        is_due(self.given.get(&part).copied(), every, now)
    }

    /// An act that began at `now` succeeded.
    pub(crate) fn given(&mut self, part: Part, now: Timestamp) {
        self.given.insert(part, now);
    }

    /// After a round over both parts: how long to wait, where something failed.
    pub(crate) fn ended(&mut self, failed: bool) -> Option<Duration> {
        if !failed {
            self.failures = 0;
            return None;
        }
        let pause = BACK_OFF.0.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        Some(pause.min(BACK_OFF.1))
    }
}

/// Something that is done daily; what failed is tried again after an hour.
pub(crate) fn daily(done: Option<Timestamp>, tried: Option<Timestamp>, now: Timestamp) -> bool {
    is_due(done, DAY, now) && is_due(tried, HOUR, now)
}

/// The share of the packs that is to be read now: of those there are, the one that was read longest
/// ago. One a day; one an hour while one has waited for longer than all of them take, because the
/// desk or the place was away. `read` says when each was read, `since` since when there is something
/// to be read.
pub(crate) fn share(
    read: &BTreeMap<u32, Timestamp>,
    tried: Option<Timestamp>,
    since: Timestamp,
    now: Timestamp,
) -> Option<u32> {
    // What was read in the future was read nobody knows when, but in its order.
    let order = |share: &u32| match read.get(share) {
        None => (0, Timestamp::ZERO),
        Some(at) if *at > now => (1, *at),
        Some(at) => (2, *at),
    };
    let oldest = (1..=SHARES).min_by_key(order)?;
    let known = read.get(&oldest).filter(|at| **at <= now);
    let waits = now.since(known.copied().unwrap_or(since));
    let pace = if waits >= DAY * SHARES { HOUR } else { DAY };
    is_due(tried, pace, now).then_some(oldest)
}

/// A share as the engine is told of it.
pub(crate) const fn reading(share: u32) -> Reading {
    Reading::Share(share, SHARES)
}

/// Whether a restore is to be rehearsed. `last` is the last drill and whether it passed; one that
/// failed is followed by another the next day. Where there was none, time counts from `since`.
pub(crate) fn drill(
    last: Option<(Timestamp, bool)>,
    tried: Option<Timestamp>,
    since: Timestamp,
    every: Duration,
    now: Timestamp,
) -> bool {
    let (at, every) = match last {
        Some((at, true)) => (at, every),
        Some((at, false)) => (at, every.min(DAY)),
        None => (since, every),
    };
    is_due(Some(at), every, now) && is_due(tried, every.min(HOUR), now)
}

#[cfg(test)]
mod tests;
