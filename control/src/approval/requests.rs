//! All requests of an edge, and what happened to them step by step. Taking a step cannot fail, so that
//! the journal can be read again; what may be a step is judged before, in `judge.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::{Decided, Request, RequestId, Reviewed};
use crate::Timestamp;
use crate::order::{Decision, RequestState};

/// So many that are over are kept beside the open ones; the journal and the history hold all.
const MOST_OVER: usize = 200;

/// The requests, by their names. One that is over and has to be reviewed is not forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Requests(BTreeMap<RequestId, Request>);

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// It was asked for; with break-glass it is approved from the beginning.
    Asked {
        /// The request.
        request: Box<Request>,
    },
    /// Somebody approved or refused it.
    Decided {
        /// Which.
        request: RequestId,
        /// Who, when, and what.
        decided: Decided,
    },
    /// Who had asked took it back.
    Withdrawn {
        /// Which.
        request: RequestId,
        /// What the connection proved of them.
        proof: String,
        /// When.
        at: Timestamp,
    },
    /// Its time was over.
    Expired {
        /// Which.
        request: RequestId,
        /// When that was seen.
        at: Timestamp,
    },
    /// The order was carried out.
    Done {
        /// Which.
        request: RequestId,
        /// When.
        at: Timestamp,
        /// The order's number.
        number: u64,
    },
    /// The order could not be carried out.
    Failed {
        /// Which.
        request: RequestId,
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// Somebody reviewed what was done without approval.
    Reviewed {
        /// Which.
        request: RequestId,
        /// Who, when, and what they found.
        reviewed: Reviewed,
    },
}

impl Step {
    /// Which request it is about.
    #[must_use]
    pub const fn request(&self) -> &RequestId {
        match self {
            Self::Asked { request } => &request.id,
            Self::Decided { request, .. }
            | Self::Withdrawn { request, .. }
            | Self::Expired { request, .. }
            | Self::Done { request, .. }
            | Self::Failed { request, .. }
            | Self::Reviewed { request, .. } => request,
        }
    }

    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Asked { request } => request.since,
            Self::Decided { decided, .. } => decided.at,
            Self::Reviewed { reviewed, .. } => reviewed.at,
            Self::Withdrawn { at, .. }
            | Self::Expired { at, .. }
            | Self::Done { at, .. }
            | Self::Failed { at, .. } => *at,
        }
    }
}

impl Requests {
    /// The request of that name.
    #[must_use]
    pub fn find(&self, id: &RequestId) -> Option<&Request> {
        self.0.get(id)
    }

    /// All of them, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<&Request> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|request| (request.asked_at, &request.id));
        all
    }

    /// Those of which something is still to come.
    pub fn open(&self) -> impl Iterator<Item = &Request> {
        self.0.values().filter(|request| request.state.is_open())
    }

    /// Those that wait for decisions.
    pub fn waiting(&self) -> impl Iterator<Item = &Request> {
        let waits = |request: &&Request| request.state == RequestState::Waiting;
        self.0.values().filter(waits)
    }

    /// Those that were done without approval and that nobody has reviewed.
    pub fn to_be_reviewed(&self) -> impl Iterator<Item = &Request> {
        self.0
            .values()
            .filter(|request| request.is_to_be_reviewed())
    }

    /// Those that are approved, and of which the time is not over.
    pub fn to_be_carried_out(&self, now: Timestamp) -> impl Iterator<Item = &Request> {
        let is_due = move |request: &&Request| {
            request.state == RequestState::Approved && now < request.expires_at
        };
        self.0.values().filter(is_due)
    }

    /// When the next request's time is over.
    #[must_use]
    pub fn next_end(&self) -> Option<Timestamp> {
        self.open().map(|request| request.expires_at).min()
    }

    /// Takes a step that was judged. One that does not fit is left alone: the journal may be of a
    /// version that kept more.
    pub fn take(&mut self, step: &Step) {
        if let Step::Asked { request } = step {
            self.0.insert(request.id.clone(), (**request).clone());
            self.forget_oldest();
            return;
        }
        let Some(request) = self.0.get_mut(step.request()) else {
            return;
        };
        if let Some(state) = step.leads_to(request) {
            request.state = state;
            request.since = step.at();
        }
        match step {
            Step::Decided { decided, .. } => {
                request.decisions.push(decided.clone());
                if request.state == RequestState::Waiting && request.has_quorum() {
                    request.state = RequestState::Approved;
                    request.since = decided.at;
                }
            }
            Step::Done { number, .. } => request.number = Some(*number),
            Step::Failed { why, .. } => request.failure = Some(why.clone()),
            Step::Reviewed { reviewed, .. } => {
                if let Some(glass) = &mut request.break_glass {
                    glass.reviewed = Some(reviewed.clone());
                }
            }
            Step::Asked { .. } | Step::Withdrawn { .. } | Step::Expired { .. } => {}
        }
    }

    /// Keeps the newest of those that are over and need nobody.
    fn forget_oldest(&mut self) {
        let is_over = |it: &&Request| !it.state.is_open() && !it.is_to_be_reviewed();
        let mut over: Vec<_> = self.0.values().filter(is_over).collect();
        let Some(surplus) = over.len().checked_sub(MOST_OVER) else {
            return;
        };
        over.sort_by_key(|request| (request.since, request.id.clone()));
        let oldest: Vec<_> = over.iter().take(surplus).map(|it| it.id.clone()).collect();
        for id in oldest {
            self.0.remove(&id);
        }
    }
}

impl Step {
    /// The state that it alone leads to.
    fn leads_to(&self, request: &Request) -> Option<RequestState> {
        match self {
            Self::Decided { decided, .. } => {
                let refuses = decided.decision != Decision::Approve;
                let waits = request.state == RequestState::Waiting;
                (refuses && waits).then_some(RequestState::Refused)
            }
            Self::Withdrawn { .. } => Some(RequestState::Withdrawn),
            Self::Expired { .. } => Some(RequestState::Expired),
            Self::Done { .. } => Some(RequestState::Done),
            Self::Failed { .. } => Some(RequestState::Failed),
            Self::Asked { .. } | Self::Reviewed { .. } => None,
        }
    }
}
