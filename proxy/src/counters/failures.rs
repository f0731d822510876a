//! Why origins were asked in vain.

use std::sync::atomic::{AtomicU64, Ordering};

use pingora::{Error, ErrorType};

use crate::cache::FetchError;

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made.
    Unreachable,
    /// The connection broke, or what came was no response.
    Broken,
    /// It took too long.
    TimedOut,
    /// It is asked as often at a time as it may be.
    Busy,
}

impl Failure {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Unreachable, Self::Broken, Self::TimedOut, Self::Busy];

    /// Its name in figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::TimedOut => "timed_out",
            Self::Busy => "busy",
        }
    }

    /// What an error of a fetch is; none where nobody was to be asked.
    #[must_use]
    pub const fn of(error: &FetchError) -> Option<Self> {
        match error {
            FetchError::Unreachable(_) => Some(Self::Unreachable),
            FetchError::TimedOut(_) => Some(Self::TimedOut),
            FetchError::Busy(_) => Some(Self::Busy),
            FetchError::Broken(_) | FetchError::TooLarge(_) => Some(Self::Broken),
            FetchError::Closed => None,
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        use ErrorType::{
            ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, ReadTimedout,
            SocketError, WriteTimedout,
        };
        match error.etype() {
            ConnectError | ConnectNoRoute | ConnectRefused | SocketError => Self::Unreachable,
            ConnectTimedout | ReadTimedout | WriteTimedout => Self::TimedOut,
            _ => Self::Broken,
        }
    }
}

/// The counts of one site.
#[derive(Debug, Default)]
pub struct Failures([AtomicU64; Failure::ALL.len()]);

impl Failures {
    /// Counts one.
    pub fn count(&self, failure: Failure) {
        if let Some(count) = self.0.get(failure as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it happened.
    #[must_use]
    pub fn of(&self, failure: Failure) -> u64 {
        let count = self.0.get(failure as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_for_itself() {
        let failures = Failures::default();
        for (index, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, index);
            failures.count(failure);
            assert_eq!(failures.of(failure), 1);
        }
        let refused = Error::new(ErrorType::ConnectRefused);
        assert_eq!(Failure::from(&*refused), Failure::Unreachable);
    }
}
