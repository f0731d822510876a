//! `yagura approve`, `refuse` and `review`: the second person's word. They are shown what they decide
//! about, and the edge is told its digest, so that they decide about nothing else.

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
    order: impl FnOnce(&RequestShown) -> Order,
) -> anyhow::Result<ExitCode> {
    let of = &arguments.of;
    let known = Known::ask(&of.edges)?;
    let request = known.find(&of.id)?;
    if !of.edges.json {
        print!("{}", told(&request, &known.places(&request)));
    }
    let mut envelope = Envelope::of(order(&request), "");
    envelope.dry_run = arguments.dry_run;
    known.give(&request, &envelope, of.edges.json)
}
