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
