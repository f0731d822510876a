//! The life of a request for a certificate: pure, every state by every event.

use serde::{Deserialize, Serialize};

/// How far a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// There was never one.
    #[default]
    None,
    /// It was made, and is with the authority.
    Requested,
    /// The certificate came, and something is still missing: an intermediate, or the day from
    /// which it is valid.
    Received,
    /// The certificate is in the store, with the key of the request.
    Installed,
    /// It was given up, and its key is gone.
    Withdrawn,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Requested,
        Self::Received,
        Self::Installed,
        Self::Withdrawn,
    ];

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Requested => "requested",
            Self::Received => "received, not complete",
            Self::Installed => "installed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// What happens to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key and a request are made.
    Make,
    /// A certificate with its key came that cannot be installed yet.
    Receive,
    /// A certificate with its key was looked through and is installed.
    Install,
    /// It is given up.
    Withdraw,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 4] = [Self::Make, Self::Receive, Self::Install, Self::Withdraw];
}

/// Why something cannot happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// One is under way.
    #[error(
        "a request is under way already\n  install what the authority sent for it, or give it up with `yagura certs csr withdraw`"
    )]
    UnderWay,
    /// The certificate of one waits for its intermediate or its day.
    #[error(
        "the certificate of a request came already and is not installed yet\n  run `yagura certs install` with what was missing, or give it up with `yagura certs csr withdraw`"
    )]
    AlmostThere,
    /// There is none.
    #[error(
        "there is no request\n  make one with `yagura certs csr new`, or give the private key's file along"
    )]
    NoRequest,
    /// It is done.
    #[error(
        "the request was installed already\n  make a new one with `yagura certs csr new`; `yagura certs rollback` takes the version before again"
    )]
    Done,
    /// It was given up.
    #[error(
        "the request was withdrawn and its key is gone, so no certificate for it can be used\n  make a new one with `yagura certs csr new` and have the certificate issued for that"
    )]
    GivenUp,
}

/// What becomes of a request.
///
/// # Errors
/// It cannot happen in this state; nothing changes.
pub const fn apply(state: State, event: Event) -> Result<State, Refused> {
    match (state, event) {
        (State::None | State::Installed | State::Withdrawn, Event::Make) => Ok(State::Requested),
        (State::Requested | State::Received, Event::Receive) => Ok(State::Received),
        (State::Requested | State::Received, Event::Install) => Ok(State::Installed),
        (State::Requested | State::Received, Event::Withdraw) => Ok(State::Withdrawn),
        (State::Requested, Event::Make) => Err(Refused::UnderWay),
        (State::Received, Event::Make) => Err(Refused::AlmostThere),
        (State::None, Event::Receive | Event::Install | Event::Withdraw) => Err(Refused::NoRequest),
        (State::Installed, Event::Receive | Event::Install | Event::Withdraw) => Err(Refused::Done),
        (State::Withdrawn, Event::Receive | Event::Install | Event::Withdraw) => {
            Err(Refused::GivenUp)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_by_every_event() {
        use Event::{Install, Make, Receive, Withdraw};
        use State::{Installed, None, Received, Requested, Withdrawn};
        let table = [
            (None, Make, Ok(Requested)),
            (None, Receive, Err(Refused::NoRequest)),
            (None, Install, Err(Refused::NoRequest)),
            (None, Withdraw, Err(Refused::NoRequest)),
            (Requested, Make, Err(Refused::UnderWay)),
            (Requested, Receive, Ok(Received)),
            (Requested, Install, Ok(Installed)),
            (Requested, Withdraw, Ok(Withdrawn)),
            (Received, Make, Err(Refused::AlmostThere)),
            (Received, Receive, Ok(Received)),
            (Received, Install, Ok(Installed)),
            (Received, Withdraw, Ok(Withdrawn)),
            (Installed, Make, Ok(Requested)),
            (Installed, Receive, Err(Refused::Done)),
            (Installed, Install, Err(Refused::Done)),
            (Installed, Withdraw, Err(Refused::Done)),
            (Withdrawn, Make, Ok(Requested)),
            (Withdrawn, Receive, Err(Refused::GivenUp)),
            (Withdrawn, Install, Err(Refused::GivenUp)),
            (Withdrawn, Withdraw, Err(Refused::GivenUp)),
        ];
        let pairs = State::ALL.len() * Event::ALL.len();
        assert_eq!(table.len(), pairs, "every pair stands in the table");
        for (state, event, expected) in table {
            let result = apply(state, event);
            assert_eq!(result, expected, "{state:?} by {event:?}");
            if let Err(refused) = result {
                let words = refused.to_string();
                let (what, advice) = words.split_once("\n  ").unwrap();
                assert!(
                    !what.is_empty() && advice.contains("yagura certs"),
                    "{words}"
                );
            }
        }
    }
}
