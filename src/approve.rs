//! `yagura approve`, `refuse` and `review`: the second person's word. They are shown what they decide
//! about, and the edge is told its digest, so that they decide about nothing else. Where an edge
//! proposes something, what the other edges propose of the same is shown and decided with it.

use std::process::ExitCode;

use yagura_control::order::{Decide, Decision, Envelope, Order, RequestShown, Review};

use crate::request::arguments::{DecisionArguments, RefuseArguments, ReviewArguments};
use crate::request::known::{Known, told};

pub(crate) fn approve(arguments: &DecisionArguments) -> anyhow::Result<ExitCode> {
    decide(arguments, |request| {
        Order::Decide(Decide {
            request: request.id.clone(),
            digest: request.digest.clone(),
            decision: Decision::Approve,
        })
    })
}

pub(crate) fn refuse(arguments: &RefuseArguments) -> anyhow::Result<ExitCode> {
    decide(&arguments.decision, |request| {
        Order::Decide(Decide {
            request: request.id.clone(),
            digest: request.digest.clone(),
            decision: Decision::Refuse {
                reason: arguments.reason.clone(),
            },
        })
    })
}

pub(crate) fn review(arguments: &ReviewArguments) -> anyhow::Result<ExitCode> {
    decide(&arguments.decision, |request| {
        Order::Review(Review {
            request: request.id.clone(),
            finding: arguments.finding.clone(),
        })
    })
}

fn decide(
    arguments: &DecisionArguments,
    order: impl Fn(&RequestShown) -> Order,
) -> anyhow::Result<ExitCode> {
    let of = &arguments.of;
    let known = Known::ask(&of.edges)?;
    let request = known.find(&of.id)?;
    let like = known.like(&request);
    let requests = [vec![request], like].concat();
    if !of.edges.json {
        for request in &requests {
            print!("{}", told(request, &known.places(request)));
        }
    }
    let envelope = |request: &RequestShown| {
        let mut envelope = Envelope::of(order(request), "");
        envelope.dry_run = arguments.dry_run;
        envelope
    };
    known.give(&requests, envelope, of.edges.json)
}
