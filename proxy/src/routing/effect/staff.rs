//! A site for staff opened to the outside for a time (clause 7(2)), and closed again.

use std::time::Duration;

use yagura_control::Timestamp;
use yagura_control::order::{CloseStaff, OpenStaff, Order, Outcome, Refusal, RefusalCode};

use super::{Change, Giver, refusal, unknown_site};
use crate::routing::intent::Given;
use crate::routing::plan::Plan;

/// How long it may be at a time. Who needs it for longer says so again, and so somebody has thought
/// of it.
const LONGEST: Duration = Duration::from_secs(14 * 86_400);

pub fn check(open: &OpenStaff, plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    let site = plan
        .site_named(&open.site)
        .ok_or_else(|| unknown_site(&open.site, plan))?;
    let invalid = |what: String, hint: &str| Err(refusal(RefusalCode::Invalid, what, hint));
    if !site.settings.staff {
        let what = format!("the site \"{}\" is not for staff alone", open.site);
        return invalid(what, "name a site with `staff = true`");
    }
    if open.until <= now {
        return invalid(format!("{} is over", open.until), "give a time to come");
    }
    if open.until.since(now) > LONGEST {
        let what = format!("{} is too far away", open.until);
        return invalid(
            what,
            "open it for at most 14 days, and again when they are over",
        );
    }
    Ok(())
}

/// The plan with the outside admitted, not yet decided.
pub fn opened(open: &OpenStaff, given: &Giver, before: &Plan, generation: u64) -> Plan {
    let outside = Given {
        what: open.clone(),
        until: Some(open.until),
        at: given.at,
        who: given.who.clone(),
        reason: given.reason.clone(),
    };
    let intents = before.intents.with_outside(&open.site, Some(outside));
    before.with_intents(generation, intents)
}

/// The plan with the city hall alone admitted, not yet decided.
pub fn closed(close: &CloseStaff, before: &Plan, generation: u64) -> Plan {
    let intents = before.intents.with_outside(&close.site, None);
    before.with_intents(generation, intents)
}

/// What comes of a plan whose wishes changed.
pub fn changed(
    name: &str,
    before: &Plan,
    plan: Plan,
    now: Timestamp,
) -> Result<(Plan, Outcome, Change), Refusal> {
    let plan = plan.decided(now);
    let (Some(was), Some(is)) = (before.site_named(name), plan.site_named(name)) else {
        return Err(unknown_site(name, before));
    };
    let change = Change {
        before: words(was.door.outside_until()),
        after: words(is.door.outside_until()),
        inverse: Some(present(name, before, now)),
    };
    let outcome = Outcome::StaffAdmitted {
        site: name.to_owned(),
        outside_until: is.door.outside_until(),
    };
    Ok((plan, outcome, change))
}

/// Who is admitted, in words.
pub fn words(outside_until: Option<Timestamp>) -> String {
    match outside_until {
        Some(until) => format!("everybody until {until}"),
        None => "city hall alone".to_owned(),
    }
}

/// The order that makes things as they are.
fn present(site: &str, plan: &Plan, now: Timestamp) -> Order {
    let outside = plan.intents.of(site).outside;
    match outside.filter(|outside| outside.is_in_force(now)) {
        Some(outside) => Order::OpenStaff(outside.what),
        None => Order::CloseStaff(CloseStaff {
            site: site.to_owned(),
        }),
    }
}
