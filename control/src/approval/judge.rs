//! Judges what somebody wants of requests: it comes out as a step to be taken, or as a refusal that says
//! what to do. Changes nothing.

use std::time::Duration;

use super::canonical;
use super::request::{BreakGlass, Decided, Request, RequestId, Reviewed};
use super::requests::{Requests, Step};
use super::rule::Rule;
use crate::Timestamp;
use crate::hash::Hash;
use crate::order::{Decision, Order, Refusal, RefusalCode, RequestState};

/// More than so many open requests are not taken: somebody has lost control of a program.
pub const MOST_WAITING: usize = 100;
/// So far may the clock of who asks be ahead of the edge's.
const MOST_AHEAD: Duration = Duration::from_secs(300);

/// Somebody, as the edge knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The operator's name.
    pub name: String,
    /// What the connection proved.
    pub proof: String,
}

impl Person {
    /// An edge, which may propose something. One name for all of them, so that what several propose is
    /// one request. No operator's name has a blank.
    #[must_use]
    pub fn of_edges() -> Self {
        Self {
            name: format!("{EDGE}(any)"),
            proof: "by itself".to_owned(),
        }
    }

    /// Whether it is one.
    #[must_use]
    pub fn is_edge(&self) -> bool {
        self.name.starts_with(EDGE)
    }
}

/// What the names of edges begin with.
const EDGE: &str = "edge ";

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is to be done.
    pub order: Order,
    /// Who asks.
    pub by: Person,
    /// Why.
    pub reason: String,
    /// When, as the order says it; none: now.
    pub at: Option<Timestamp>,
    /// What the order needs.
    pub rule: Rule,
    /// It is to be done at once, because nobody can be reached who may approve it, and stands so long.
    pub break_glass: Option<Duration>,
}

/// What becomes of what somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is new.
    New(Box<Step>),
    /// The same was asked for before by the same person, and waits.
    Known(RequestId),
}

impl Requests {
    /// Judges that somebody asks for something.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn ask(&self, asked: Asked, now: Timestamp) -> Result<Judged, Refusal> {
        let Asked {
            order,
            by,
            reason,
            at,
            rule,
            break_glass,
        } = asked;
        let reason = reason.trim().to_owned();
        if reason.is_empty() {
            let hint = "say with --reason why; who decides reads it";
            return Err(invalid("a request needs a reason".to_owned(), hint));
        }
        if break_glass.is_some() && by.is_edge() {
            let what = "an edge proposes, and never acts by itself".to_owned();
            return Err(forbidden(what, "wait for somebody who approves it"));
        }
        let asked_at = at.unwrap_or(now);
        // An hour that was not yet would make a request that outlives its time.
        if asked_at > now.plus(MOST_AHEAD) {
            let what = format!("it is said to be asked for at {asked_at}, and it is {now} here");
            return Err(invalid(what, "set the clocks, and ask again"));
        }
        let expires_at = asked_at.min(now).plus(rule.lasts);
        let digest = canonical::digest(&order, &by.name, &reason);
        let id = RequestId::of(digest);
        if let Some(known) = self.find(&id) {
            if known.digest == digest && known.state == RequestState::Waiting {
                return Ok(Judged::Known(id));
            }
            let what = format!("request {id} is {} already", known.state.word());
            return Err(invalid(what, "ask anew"));
        }
        if expires_at <= now {
            let what = format!("it was asked for at {asked_at}; its time was over at {expires_at}");
            return Err(invalid(what, "ask anew"));
        }
        if self.open().count() >= MOST_WAITING {
            let what = format!("{MOST_WAITING} requests wait already");
            return Err(invalid(what, "`yagura request list`: have them decided"));
        }
        let (state, glass) = match break_glass {
            None => (RequestState::Waiting, None),
            Some(stands) => {
                let glass = BreakGlass {
                    until: now.plus(stands),
                    review_by: now.plus(rule.review_within),
                    reviewed: None,
                };
                (RequestState::Approved, Some(glass))
            }
        };
        let request = Request {
            id,
            digest,
            order,
            requester: by.name,
            proof: by.proof,
            reason,
            asked_at,
            expires_at,
            quorum: rule.quorum,
            role: rule.role.to_owned(),
            decisions: Vec::new(),
            state,
            since: now,
            number: None,
            failure: None,
            break_glass: glass,
        };
        let request = Box::new(request);
        Ok(Judged::New(Box::new(Step::Asked { request })))
    }

    /// Judges that somebody decides about what has this digest.
    ///
    /// # Errors
    /// Why the decision does not count.
    pub fn decide(
        &self,
        id: &RequestId,
        digest: Hash,
        by: &Person,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        let request = self.waiting_now(id, now)?;
        if request.digest != digest {
            let what = format!("request {id} asks for something else than was decided about");
            return Err(invalid(what, "look at it with `yagura request show`"));
        }
        if request.requester == by.name {
            let what = format!("{} asked for request {id}", by.name);
            let hint = "somebody else has to decide; `yagura request withdraw` takes it back";
            return Err(forbidden(what, hint));
        }
        if request.decisions.iter().any(|it| it.by == by.name) {
            let what = format!("{} has approved request {id} already", by.name);
            let hint = format!("it needs {} different people", request.quorum);
            return Err(forbidden(what, &hint));
        }
        if matches!(decision, Decision::Refuse { reason } if reason.trim().is_empty()) {
            let hint = "say with --reason why; who asked reads it";
            return Err(invalid("a refusal needs a reason".to_owned(), hint));
        }
        let decided = Decided {
            by: by.name.clone(),
            proof: by.proof.clone(),
            at: now,
            decision: decision.clone(),
        };
        let request = id.clone();
        Ok(Step::Decided { request, decided })
    }

    /// Judges that somebody takes a request back.
    ///
    /// # Errors
    /// It is not theirs, or is decided.
    pub fn withdraw(&self, id: &RequestId, by: &Person, now: Timestamp) -> Result<Step, Refusal> {
        let request = self.waiting_now(id, now)?;
        if request.requester != by.name {
            let what = format!("request {id} is {}'s", request.requester);
            let hint = "who may approve can refuse it: `yagura refuse`";
            return Err(forbidden(what, hint));
        }
        Ok(Step::Withdrawn {
            request: id.clone(),
            proof: by.proof.clone(),
            at: now,
        })
    }

    /// Judges that somebody reviews what was done without approval.
    ///
    /// # Errors
    /// There is nothing to be reviewed, or it was they who did it.
    pub fn review(
        &self,
        id: &RequestId,
        by: &Person,
        note: &str,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        let request = self.named(id)?;
        if !request.is_to_be_reviewed() {
            let what = match &request.break_glass {
                Some(BreakGlass {
                    reviewed: Some(reviewed),
                    ..
                }) => format!("request {id} was reviewed by {} already", reviewed.by),
                _ => format!("request {id} was not done without approval"),
            };
            return Err(invalid(what, "`yagura request list` says what is open"));
        }
        if request.requester == by.name {
            let what = format!("{} did it", by.name);
            return Err(forbidden(what, "somebody else has to review it"));
        }
        let note = note.trim().to_owned();
        if note.is_empty() {
            let hint = "say with --finding what you found";
            return Err(invalid("a review needs words".to_owned(), hint));
        }
        let reviewed = Reviewed {
            by: by.name.clone(),
            proof: by.proof.clone(),
            at: now,
            note,
        };
        let request = id.clone();
        Ok(Step::Reviewed { request, reviewed })
    }

    /// The requests whose time is over by now. One that was approved and not carried out, because the
    /// edge was down, is too late as well.
    #[must_use]
    pub fn over(&self, now: Timestamp) -> Vec<Step> {
        let over = self.open().filter(|request| request.expires_at <= now);
        over.map(|request| Step::Expired {
            request: request.id.clone(),
            at: now,
        })
        .collect()
    }

    fn named(&self, id: &RequestId) -> Result<&Request, Refusal> {
        self.find(id).ok_or_else(|| {
            let what = format!("there is no request {id} at this edge");
            let hint = "`yagura request list` shows them; who asked can give it again: `yagura request repeat`";
            invalid(what, hint)
        })
    }

    fn waiting_now(&self, id: &RequestId, now: Timestamp) -> Result<&Request, Refusal> {
        let request = self.named(id)?;
        // Its time may be over without anybody having noticed yet.
        let state = match request.state {
            RequestState::Waiting if request.expires_at <= now => RequestState::Expired,
            state => state,
        };
        match state {
            RequestState::Waiting => Ok(request),
            other => {
                let what = format!("request {id} is {}", other.word());
                Err(invalid(what, "ask anew if it is still wanted"))
            }
        }
    }
}

fn invalid(message: String, hint: &str) -> Refusal {
    refusal(RefusalCode::Invalid, message, hint)
}

fn forbidden(message: String, hint: &str) -> Refusal {
    refusal(RefusalCode::Forbidden, message, hint)
}

fn refusal(code: RefusalCode, message: String, hint: &str) -> Refusal {
    Refusal {
        code,
        message,
        hint: hint.to_owned(),
    }
}
