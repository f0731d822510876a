//! What the history says of what happened to requests, and what is told of one. Pure.

use yagura_config::Settings;
use yagura_config::settings::OperatorSettings;
use yagura_control::approval::{Request, Requests, Step};
use yagura_control::order::{Decision, HistoryLine, Order, RequestShown};

use super::history::{self, Entry, Subject};

/// A request as it is told.
#[must_use]
pub fn shown(request: &Request, settings: &Settings) -> RequestShown {
    let words = history::words(&request.order);
    let what = match history::site_of(&request.order) {
        Some(site) => format!("{site}: {words}"),
        None => words,
    };
    let without = without(&request.order, settings);
    RequestShown {
        without,
        ..request.shown(what, approvers(&request.role, &request.requester, settings))
    }
}

/// What a bypass goes without, as it is configured now.
fn without(order: &Order, settings: &Settings) -> Vec<String> {
    let Order::Bypass(start) = order else {
        return Vec::new();
    };
    let site = settings.sites.iter().find(|site| site.name == start.site);
    let bypass = site.and_then(|site| site.bypass.as_ref());
    let lines = bypass.iter().flat_map(|bypass| bypass.without.lines());
    lines.collect()
}

/// The operators who have a role, but for who asks.
#[must_use]
pub fn approvers(role: &str, requester: &str, settings: &Settings) -> Vec<String> {
    let may = |operator: &&OperatorSettings| {
        let has = operator.roles.iter().any(|own| own.word() == role);
        has && operator.name != requester
    };
    let may = settings.operators.iter().filter(may);
    may.map(|operator| operator.name.clone()).collect()
}

/// What the history says of a step that was taken. That an order was carried out for a request says
/// the order's own line.
#[must_use]
pub fn entry(step: &Step, requests: &Requests) -> Option<Entry> {
    let request = requests.find(step.request())?;
    let told = told(step, request)?;
    let Told {
        who,
        reason,
        what,
        after,
    } = told;
    let line = HistoryLine {
        number: None,
        at: step.at(),
        who,
        reason,
        site: history::site_of(&request.order).map(str::to_owned),
        what,
        before: String::new(),
        after,
        undoes: None,
        request: Some(request.id.to_string()),
        ingress: None,
    };
    Some(Entry {
        line,
        subject: Subject::Move,
        inverse: None,
    })
}

struct Told {
    who: String,
    reason: Option<String>,
    what: String,
    after: String,
}

fn told(step: &Step, request: &Request) -> Option<Told> {
    let id = &request.id;
    let words = history::words(&request.order);
    let person = |name: &str, proof: &str| format!("{name} ({proof})");
    let told = |who, reason, what: String, after: String| {
        Some(Told {
            who,
            reason,
            what,
            after,
        })
    };
    match step {
        Step::Asked { request } => {
            let who = person(&request.requester, &request.proof);
            let reason = Some(request.reason.clone());
            let (what, after) = match &request.break_glass {
                None => {
                    let until = request.expires_at;
                    let after = format!("it waits for approval until {until}");
                    (format!("request {id}: {words}"), after)
                }
                Some(glass) => {
                    let (until, review) = (glass.until, glass.review_by);
                    let after = format!("it stands until {until}; to be reviewed by {review}");
                    (format!("request {id} without approval: {words}"), after)
                }
            };
            told(who, reason, what, after)
        }
        Step::Decided { decided, .. } => {
            let who = person(&decided.by, &decided.proof);
            let (reason, verb) = match &decided.decision {
                Decision::Approve => (None, "approved"),
                Decision::Refuse { reason } => (Some(reason.clone()), "refused"),
            };
            let (is, needed) = (request.approvals(), request.quorum);
            let after = match decided.decision {
                Decision::Approve => format!("{is} of {needed} approvals"),
                Decision::Refuse { .. } => request.state.word().to_owned(),
            };
            told(who, reason, format!("request {id} {verb}: {words}"), after)
        }
        Step::Withdrawn { proof, .. } => {
            let who = person(&request.requester, proof);
            let what = format!("request {id} withdrawn: {words}");
            told(who, None, what, String::new())
        }
        Step::Expired { .. } => {
            let what = format!("request {id} expired: {words}");
            told("time".to_owned(), None, what, String::new())
        }
        Step::Failed { why, .. } => {
            let what = format!("request {id} could not be carried out: {words}");
            told(
                "the edge".to_owned(),
                Some(why.clone()),
                what,
                String::new(),
            )
        }
        Step::Reviewed { reviewed, .. } => {
            let who = person(&reviewed.by, &reviewed.proof);
            let what = format!("request {id} reviewed: {words}");
            told(who, Some(reviewed.note.clone()), what, String::new())
        }
        Step::Done { .. } => None,
    }
}
