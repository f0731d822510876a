//! The one module that reads the clock. Everything else takes a [`Timestamp`] as an argument,
//! or holds a [`Clock`] when it is a shell that runs for long.

use std::time::{Instant, SystemTime};

use crate::Timestamp;

/// A source of civil time.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A monotonic reading, for measuring how long something took inside one process.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock module")]
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Microseconds of the system's monotonic clock, for programs that compare them with their own
/// reading of it (`CLOCK_MONOTONIC`, clock_gettime(2)).
#[must_use]
pub fn monotonic_usec() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let rest = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000;
    seconds.saturating_mul(1_000_000).saturating_add(rest)
}
