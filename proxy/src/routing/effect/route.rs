//! A site answered in another way.

use yagura_control::Timestamp;
use yagura_control::order::{Refusal, RefusalCode, Route, SetRoute};

use super::{Giver, refusal, unknown_site};
use crate::routing::intent::Given;
use crate::routing::plan::Plan;

/// The order that makes the route of a site what it is.
pub fn present(site: &str, plan: &Plan, now: Timestamp) -> SetRoute {
    let route = plan.intents.of(site).route;
    let route = route.filter(|route| route.is_in_force(now));
    SetRoute {
        site: site.to_owned(),
        route: route.as_ref().map_or(Route::Auto, |route| route.what),
        until: route.and_then(|route| route.until),
    }
}

/// The plan with a route ordered, not yet decided.
pub fn ordered(set: &SetRoute, given: &Giver, before: &Plan, generation: u64) -> Plan {
    let route = Given {
        what: set.route,
        until: set.until,
        at: given.at,
        who: given.who.clone(),
        reason: given.reason.clone(),
    };
    let intents = before.intents.with_route(&set.site, route);
    before.with_intents(generation, intents)
}

pub fn check(set: &SetRoute, plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    let site = plan
        .site_named(&set.site)
        .ok_or_else(|| unknown_site(&set.site, plan))?;
    let invalid = |what: String, hint: &str| Err(refusal(RefusalCode::Invalid, what, hint));
    if let Some(until) = set.until.filter(|until| *until <= now) {
        return invalid(format!("{until} is over"), "give a time to come");
    }
    match set.route {
        Route::Standby(number) if number == 0 || usize::from(number) >= site.upstreams.len() => {
            let what = format!("the site \"{}\" has no standby {number}", set.site);
            let hint = match site.upstreams.len() {
                1 => "add `standby = [...]` to the site and reload".to_owned(),
                upstreams => format!("it has standbys 1 to {}", upstreams - 1),
            };
            invalid(what, &hint)
        }
        Route::LastGood if !site.cache.stores => {
            let what = format!("the site \"{}\" stores nothing to answer with", set.site);
            invalid(what, "order `notice`, or another upstream")
        }
        _ => Ok(()),
    }
}
