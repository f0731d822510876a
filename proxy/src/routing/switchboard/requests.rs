//! Orders that wait for a second person. What may be done stands in `yagura_control::approval`; here
//! each step is journalled and taken, and what was approved is carried out behind the same door.
//!
//! A crash between approval and order is no loss: what is approved and in time is carried out when
//! the edge looks again ([`Switchboard::follow`]).

use tokio::sync::broadcast;
use yagura_config::Settings;
use yagura_control::Timestamp;
use yagura_control::approval::{
    self, Asked, Judged, Person, Request, RequestId, Requests, Rule, Step,
};
use yagura_control::order::{
    Decide, Envelope, Order, Outcome, Refusal, RefusalCode, Reply, RequestShown, RequestState,
    Review, WithdrawRequest,
};

use super::{Inner, Switchboard, not_durable};
use crate::routing::asked;
use crate::routing::effect::{self, Giver, refusal};
use crate::routing::record::Record;

/// Something happened to a request.
#[derive(Clone, Debug)]
pub struct News {
    /// What.
    pub step: Step,
    /// The request after it.
    pub request: RequestShown,
}

impl Switchboard {
    /// All requests, the newest last.
    #[must_use]
    pub fn requests(&self) -> Reply {
        let inner = self.lock();
        let settings = self.settings();
        let all = inner.requests.all().into_iter();
        let requests = all.map(|it| asked::shown(it, &settings)).collect();
        drop(inner);
        let now = self.parts.clock.now();
        self.reply(self.plan().generation, now, Outcome::Requests { requests })
    }

    /// A request, as it stands now.
    #[must_use]
    pub fn request(&self, id: &RequestId) -> Option<Request> {
        self.lock().requests.find(id).cloned()
    }

    /// Proposes an order in the name of the edges: it waits until somebody approves it.
    ///
    /// # Errors
    /// Why it was not taken.
    pub fn propose(&self, order: Order, reason: &str) -> Result<Reply, Refusal> {
        let edge = Person::of_edges();
        let mut envelope = Envelope::of(order, &edge.name);
        envelope.reason = Some(reason.to_owned());
        self.carry_out(&envelope, &edge.proof)
    }

    /// Hears what happens to requests from now on.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// What of requests needs somebody, in words.
    #[must_use]
    pub fn warnings_of_requests(&self, now: Timestamp) -> Vec<String> {
        warnings(&self.lock().requests, &self.settings(), now)
    }

    /// Takes an order as a request; with break-glass it is carried out at once.
    pub(super) fn requested(
        &self,
        inner: &mut Inner,
        envelope: &Envelope,
        peer: &str,
        rule: Rule,
    ) -> Result<Reply, Refusal> {
        let now = self.parts.clock.now();
        let order = &envelope.order;
        let settings = self.settings();
        let asked = Asked {
            order: order.clone(),
            by: person(envelope, peer),
            reason: envelope.reason.clone().unwrap_or_default(),
            at: approval::asked_at(order),
            rule,
            break_glass: approval::breaks_glass(order)
                .then_some(settings.ingress.break_glass_limit),
        };
        let others = asked::approvers(asked.rule.role, &asked.by.name, &settings);
        if asked.break_glass.is_none() && others.len() < usize::from(asked.rule.quorum) {
            let (role, needed) = (asked.rule.role, asked.rule.quorum);
            let what = format!(
                "it needs the approval of {needed}, and nobody else here has the role \"{role}\""
            );
            let hint = "have the role given to another operator, and reload; where nobody can be reached, --break-glass";
            return Err(refusal(RefusalCode::Invalid, what, hint));
        }
        // What would be refused anyhow is nothing to decide about.
        let given = giver(&asked.by, asked.reason.clone(), now, None);
        let assumed = effect::cloud::assumed(now);
        let right = (&given, Some(&assumed));
        effect::of(order, right, &self.plan(), &settings, &self.parts)?;
        let (id, step) = match inner.requests.ask(asked, now)? {
            Judged::Known(id) => (id, None),
            Judged::New(step) => (step.request().clone(), Some(*step)),
        };
        if let Some(step) = step {
            if envelope.dry_run {
                return self.told(&after(&inner.requests, &step), &id, requested);
            }
            self.take(inner, step)?;
            self.carry_out_approved(inner, &id, now);
        }
        self.told(&inner.requests, &id, requested)
    }

    /// Decides about a request, takes it back, or reviews it.
    pub(super) fn about_request(
        &self,
        inner: &mut Inner,
        envelope: &Envelope,
        peer: &str,
    ) -> Result<Reply, Refusal> {
        let now = self.parts.clock.now();
        let by = person(envelope, peer);
        let requests = &inner.requests;
        let (id, step) = match &envelope.order {
            Order::Decide(Decide {
                request,
                digest,
                decision,
            }) => {
                let id = id(request)?;
                let digest = digest.parse().map_err(|error| no_text(&error))?;
                let step = requests.decide(&id, digest, &by, decision, now)?;
                (id, step)
            }
            Order::WithdrawRequest(WithdrawRequest { request }) => {
                let id = id(request)?;
                let step = requests.withdraw(&id, &by, now)?;
                (id, step)
            }
            Order::Review(Review { request, finding }) => {
                let id = id(request)?;
                let step = requests.review(&id, &by, finding, now)?;
                (id, step)
            }
            _ => return Err(no_text(&"it is about no request")),
        };
        if envelope.dry_run {
            return self.told(&after(requests, &step), &id, decided(None));
        }
        self.take(inner, step)?;
        self.carry_out_approved(inner, &id, now);
        let head = inner.journal.as_ref().map(|journal| journal.status().head);
        self.told(&inner.requests, &id, decided(head))
    }

    /// Ends what is over, and carries out what was approved before a crash.
    pub(super) fn see_to_requests(&self, inner: &mut Inner, now: Timestamp) {
        if inner.is_sealed {
            return;
        }
        for step in inner.requests.over(now) {
            if let Err(refusal) = self.take(inner, step) {
                tracing::warn!(%refusal, "that a request is over could not be written down");
            }
        }
        let due = inner.requests.to_be_carried_out(now);
        let due: Vec<_> = due.map(|request| request.id.clone()).collect();
        for id in due {
            self.carry_out_approved(inner, &id, now);
        }
    }

    /// When the next request's time is over.
    pub(super) fn next_end_of_request(&self) -> Option<Timestamp> {
        self.lock().requests.next_end()
    }

    /// Carries out the order of a request, if it is approved.
    fn carry_out_approved(&self, inner: &mut Inner, id: &RequestId, now: Timestamp) {
        let due = inner.requests.to_be_carried_out(now);
        let Some(request) = due.into_iter().find(|it| it.id == *id).cloned() else {
            return;
        };
        let by = Person {
            name: request.requester.clone(),
            proof: request.proof.clone(),
        };
        let given = giver(&by, request.reason, now, Some(id.clone()));
        match self.act(inner, request.order, None, given, false) {
            Ok(_) => {
                let number = self.plan().generation;
                let request = id.clone();
                let at = now;
                self.announce(
                    inner,
                    Step::Done {
                        request,
                        at,
                        number,
                    },
                );
            }
            // It stays approved, and is tried again while it is in time.
            Err(error) if error.code == RefusalCode::NotDurable => {
                tracing::error!(request = %id, %error, "an approved order could not be carried out yet");
            }
            Err(error) => {
                let step = Step::Failed {
                    request: id.clone(),
                    at: now,
                    why: error.to_string(),
                };
                if let Err(error) = self.take(inner, step) {
                    tracing::error!(request = %id, %error, "that an approved order failed could not be written down");
                }
            }
        }
    }

    /// Journals a step and takes it.
    fn take(&self, inner: &mut Inner, step: Step) -> Result<(), Refusal> {
        let record = Record::Approval { step: step.clone() };
        inner.keep(&record).map_err(not_durable)?;
        self.announce(inner, step);
        Ok(())
    }

    fn announce(&self, inner: &Inner, step: Step) {
        if let Some(request) = inner.requests.find(step.request()) {
            let request = asked::shown(request, &self.settings());
            tracing::info!(request = %request.id, state = request.state.word(), what = %request.what, "a request");
            // Nobody has to listen.
            let _heard = self.news.send(News { step, request });
        }
    }

    fn told(
        &self,
        requests: &Requests,
        id: &RequestId,
        outcome: impl FnOnce(Box<RequestShown>) -> Outcome,
    ) -> Result<Reply, Refusal> {
        let request = requests.find(id);
        let request = request.ok_or_else(|| no_text(&"it is forgotten already"))?;
        let outcome = outcome(Box::new(asked::shown(request, &self.settings())));
        let now = self.parts.clock.now();
        Ok(self.reply(self.plan().generation, now, outcome))
    }
}

fn requested(request: Box<RequestShown>) -> Outcome {
    Outcome::Requested { request }
}

fn decided(head: Option<yagura_control::hash::Hash>) -> impl FnOnce(Box<RequestShown>) -> Outcome {
    move |request| Outcome::Decided { request, head }
}

/// The requests after a step that is not taken.
fn after(requests: &Requests, step: &Step) -> Requests {
    let mut requests = requests.clone();
    requests.take(step);
    requests
}

fn person(envelope: &Envelope, peer: &str) -> Person {
    Person {
        name: envelope.who.clone(),
        proof: peer.to_owned(),
    }
}

fn giver(by: &Person, reason: String, at: Timestamp, request: Option<RequestId>) -> Giver {
    Giver {
        who: format!("{} ({})", by.name, by.proof),
        reason: Some(reason),
        at,
        request,
    }
}

fn id(text: &str) -> Result<RequestId, Refusal> {
    text.parse::<RequestId>().map_err(|error| no_text(&error))
}

fn no_text(what: &dyn std::fmt::Display) -> Refusal {
    let hint = "`yagura request list` shows what there is";
    refusal(RefusalCode::Invalid, what.to_string(), hint)
}

/// What waits for somebody, and what was done without approval.
fn warnings(requests: &Requests, settings: &Settings, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    for request in requests.all() {
        let shown = asked::shown(request, settings);
        let (id, what, who) = (&shown.id, &shown.what, &shown.who);
        if request.state == RequestState::Waiting && now < request.expires_at {
            let until = request.expires_at;
            warnings.push(format!(
                "request {id} of {who} waits for approval until {until}: {what}"
            ));
        }
        let Some(glass) = request.break_glass.as_ref() else {
            continue;
        };
        if request.is_to_be_reviewed() {
            let by = glass.review_by;
            let due = match now < by {
                true => format!("to be reviewed by {by}"),
                false => format!("REVIEW OVERDUE since {by}"),
            };
            warnings.push(format!(
                "{who} did without approval: {what}; {due} (`yagura review {id}`)"
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
