//! How an upgrade goes, as the running process sees it: pure. What is done stands in `handing.rs`.
//!
//! ```text
//! Serving ─ asked ─► Checking ─ fit ─► Starting ─ hello ─► Handing ─ ready ─► Giving ─ taken ─► Leaving
//!    ▲                  │ unfit           │                    │                 │                  │
//!    └──────────────────┴─────────────────┴── dies, too late ──┴─────────────────┘   readers done ─► Over
//! ```
//!
//! Two things never happen: that both processes write the journal (this one lets go of it before the
//! sockets are given, and takes it again only when the other is dead), and that neither answers
//! readers (this one goes on accepting until the other said that it accepts).

use std::time::Duration;

/// Where an upgrade is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No upgrade is under way.
    Serving,
    /// It is tried whether the new program reads the configuration.
    Checking,
    /// The new process was started; nothing was given to it yet.
    Starting {
        /// Since when.
        since: Duration,
    },
    /// The new process has the sockets and whatever lies on the disk, and is not ready yet.
    Handing {
        /// Since when the new process runs.
        since: Duration,
    },
    /// The new process was told that everything is its own, and did not answer yet.
    Giving {
        /// Since when the new process runs.
        since: Duration,
    },
    /// Readers who are here are answered to the end, and nobody else.
    Leaving {
        /// Until when at the latest.
        until: Duration,
    },
    /// This process is to end.
    Over,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody ordered an upgrade.
    Asked,
    /// The new program reads the configuration.
    Checked,
    /// It does not, or is no such program.
    Unfit(String),
    /// The new process speaks, and wants the sockets.
    Hello,
    /// The new process has read everything, and could accept connections.
    Ready,
    /// The new process accepts connections, takes orders and writes to the disk.
    Taken,
    /// The new process ended, or says that it cannot go on.
    Failed(String),
    /// Time passed.
    Tick,
    /// This process is told to stop.
    Stop,
    /// No reader is here any more.
    Quiet,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Try whether the new program reads the configuration.
    Check,
    /// Start the new process.
    Start,
    /// Take no orders that change something, write nothing to the disk, and let go of the lock.
    Seal,
    /// Give the new process the sockets.
    Give,
    /// End the new process, and wait until it is gone.
    Kill,
    /// Take the lock again, and orders; those that the new process had taken are taken over.
    Resume,
    /// Tell the new process that everything is its own now.
    Commit,
    /// Stop accepting, and have connections end with the request they are at.
    Leave,
    /// Tell who asked that it is done.
    Succeeded,
    /// Tell who asked why it was not done.
    Refused(String),
    /// End the process.
    End,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the start of the new process until it is ready.
    pub ready: Duration,
    /// For readers who are here when the new process took over.
    pub drain: Duration,
    /// For readers who are here when the process is told to stop.
    pub grace: Duration,
}

impl State {
    /// What follows from an event at `now`, counted from any instant.
    #[must_use]
    pub fn apply(self, event: Event, now: Duration, patience: &Patience) -> (Self, Vec<Act>) {
        use Act::{Check, Commit, End, Give, Kill, Leave, Refused, Resume, Seal, Start, Succeeded};
        let late = |since| now.saturating_sub(since) >= patience.ready;
        let too_late = || {
            let seconds = patience.ready.as_secs();
            format!("the new process was not ready within {seconds} s")
        };
        let stopping = Self::Leaving {
            until: now + patience.grace,
        };
        match (self, event) {
            (Self::Over, _) => (Self::Over, Vec::new()),
            (Self::Serving, Event::Asked) => (Self::Checking, vec![Check]),
            (state, Event::Asked) => {
                let why = match state {
                    Self::Leaving { .. } => "this process is ending",
                    _ => "an upgrade is under way already",
                };
                (state, vec![Refused(why.to_owned())])
            }
            (Self::Checking, Event::Checked) => (Self::Starting { since: now }, vec![Start]),
            (Self::Checking, Event::Unfit(why)) => (Self::Serving, vec![Refused(why)]),
            (Self::Starting { since }, Event::Hello) => (Self::Handing { since }, vec![Seal, Give]),
            (Self::Handing { since }, Event::Ready) => (Self::Giving { since }, vec![Commit]),
            (Self::Giving { .. }, Event::Taken) => {
                let until = now + patience.drain;
                (Self::Leaving { until }, vec![Succeeded, Leave])
            }
            (Self::Starting { .. }, Event::Failed(why)) => {
                (Self::Serving, vec![Kill, Refused(why)])
            }
            (Self::Starting { since }, Event::Tick) if late(since) => {
                (Self::Serving, vec![Kill, Refused(too_late())])
            }
            (Self::Handing { .. } | Self::Giving { .. }, Event::Failed(why)) => {
                (Self::Serving, vec![Kill, Resume, Refused(why)])
            }
            (Self::Handing { since } | Self::Giving { since }, Event::Tick) if late(since) => {
                (Self::Serving, vec![Kill, Resume, Refused(too_late())])
            }
            (Self::Leaving { until }, Event::Tick) if now >= until => (Self::Over, vec![End]),
            (Self::Leaving { .. }, Event::Quiet) => (Self::Over, vec![End]),
            // Told again, it hurries.
            (Self::Leaving { until }, Event::Stop) => {
                let until = until.min(now + patience.grace);
                (Self::Leaving { until }, Vec::new())
            }
            (Self::Serving, Event::Stop) => (stopping, vec![Leave]),
            (
                Self::Checking | Self::Starting { .. } | Self::Handing { .. } | Self::Giving { .. },
                Event::Stop,
            ) => {
                let why = "the edge was told to stop meanwhile".to_owned();
                (stopping, vec![Kill, Leave, Refused(why)])
            }
            // What comes too late, or twice.
            (state, _) => (state, Vec::new()),
        }
    }

    /// Whether time matters.
    #[must_use]
    pub const fn is_timed(self) -> bool {
        matches!(
            self,
            Self::Starting { .. }
                | Self::Handing { .. }
                | Self::Giving { .. }
                | Self::Leaving { .. }
        )
    }
}
