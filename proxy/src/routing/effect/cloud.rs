//! Orders about a site's way around its cloud: by what right, and what is kept after them. What the
//! machine makes of it then stands in `crate::bypass`.

use std::time::Duration;

use yagura_control::Timestamp;
use yagura_control::approval::Request;
use yagura_control::order::{
    BypassStage, CloudOf, ConfirmDns, Decision, Order, Outcome, Refusal, RefusalCode, StartBypass,
    StartReturn,
};

use super::{Giver, refusal, unknown_site};
use crate::bypass::ordered::{Nonsense, Ordered, ordered};
use crate::bypass::stage::{Confirmed, Ingress, Permit};
use crate::routing::history::Change;
use crate::routing::plan::Plan;

/// How long what was approved may take until it is ready, at the least.
const LEAST: Duration = Duration::from_secs(1800);

/// What an order makes of a site's bypass.
#[derive(Debug)]
pub struct Moved {
    /// The plan with it, not yet decided.
    pub plan: Plan,
    /// What is kept.
    pub ingress: Ingress,
    /// What is replied.
    pub outcome: Outcome,
    /// The same for the history.
    pub change: Change,
}

/// Works an order of these out; `permit` is a second person's, where one was given.
///
/// # Errors
/// Why it is refused.
pub fn of(
    order: &Order,
    given: &Giver,
    permit: Option<&Permit>,
    before: &Plan,
) -> Result<Moved, Refusal> {
    let (site, order) = match order {
        Order::Bypass(StartBypass { site, .. }) => {
            let permit = by_right(permit)?;
            (site, Ordered::Bypass { permit })
        }
        Order::Return(StartReturn { site, cloud, .. }) => {
            by_right(permit)?;
            let cloud = cloud.clone();
            (site, Ordered::Return { cloud })
        }
        Order::AbortBypass(CloudOf { site }) => (site, Ordered::Abort),
        Order::ConfirmDns(ConfirmDns { site, note }) => {
            let confirmed = Confirmed {
                who: given.who.clone(),
                at: given.at,
                note: note.clone(),
            };
            (site, Ordered::Confirm(confirmed))
        }
        _ => {
            let what = "this order has nothing to do with a cloud".to_owned();
            return Err(refusal(RefusalCode::Malformed, what, ""));
        }
    };
    check(site, &order, before)?;
    let present = before.intents.of(site).ingress;
    let next = ordered(&present, &order, given.at).map_err(no_sense)?;
    let words = |stage: BypassStage| stage.describe().to_owned();
    Ok(Moved {
        plan: before.with_ingress(before.generation + 1, site, next.clone()),
        outcome: Outcome::CloudChanged {
            site: site.clone(),
            stage: next.stage,
        },
        change: Change {
            before: words(present.stage),
            after: words(next.stage),
            // Going back has an order of its own, which needs a second person too.
            inverse: None,
        },
        ingress: next,
    })
}

/// The permit that an approved request is, from the time at which it is carried out.
#[must_use]
pub fn permit(request: &Request, at: Timestamp) -> Permit {
    let approved = request.decisions.iter();
    let approved = approved.filter(|it| it.decision == Decision::Approve);
    let glass = request.break_glass.as_ref();
    Permit {
        request: Some(request.id.to_string()),
        asked_by: request.requester.clone(),
        approved_by: approved.map(|it| it.by.clone()).collect(),
        at,
        // Approved in the last minute, it is still to be gone through with.
        until: glass.map_or(request.expires_at.max(at.plus(LEAST)), |glass| glass.until),
        break_glass: glass.is_some(),
    }
}

/// The permit that a request may become, to see whether its order would be refused anyhow.
#[must_use]
pub fn assumed(at: Timestamp) -> Permit {
    Permit {
        request: None,
        asked_by: "who asks".to_owned(),
        approved_by: vec!["who approves".to_owned()],
        at,
        until: at.plus(LEAST),
        break_glass: false,
    }
}

/// The right by which it is done. Orders without one are taken as requests before they come here.
fn by_right(permit: Option<&Permit>) -> Result<Permit, Refusal> {
    permit.cloned().ok_or_else(|| {
        refusal(
            RefusalCode::Forbidden,
            "nobody else has approved it".to_owned(),
            "have another person approve it; where nobody can be reached: --break-glass",
        )
    })
}

fn check(site: &str, order: &Ordered, before: &Plan) -> Result<(), Refusal> {
    let present = before
        .site_named(site)
        .ok_or_else(|| unknown_site(site, before))?;
    let Some(bypass) = &present.settings.bypass else {
        let what = format!("how \"{site}\" is published directly is not configured");
        let hint = "add [site.bypass] with the direct addresses, and reload";
        return Err(refusal(RefusalCode::Invalid, what, hint));
    };
    if let Ordered::Return { cloud: Some(cloud) } = order
        && !bypass.behind.contains_key(cloud)
    {
        let known: Vec<&str> = bypass.behind.keys().map(String::as_str).collect();
        let what = format!("what the names hold behind \"{cloud}\" is not configured");
        let hint = format!("clouds of [site.bypass.cloud]: {}", known.join(", "));
        return Err(refusal(RefusalCode::Invalid, what, &hint));
    }
    Ok(())
}

fn no_sense(nonsense: Nonsense) -> Refusal {
    let code = match nonsense {
        Nonsense::NotPermitted => RefusalCode::Forbidden,
        _ => RefusalCode::Invalid,
    };
    refusal(code, nonsense.to_string(), nonsense.advice())
}
