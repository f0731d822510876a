//! A notice put up or taken down.

use yagura_control::Timestamp;
use yagura_control::order::{NoticeOf, Order, RaiseNotice, Refusal, RefusalCode};

use super::{Giver, refusal, unknown_site};
use crate::notice;
use crate::routing::intent::Given;
use crate::routing::plan::Plan;

/// The plan with a notice for a site, or without one, not yet decided.
pub fn raised(
    notice: Option<&RaiseNotice>,
    site: &str,
    given: &Giver,
    before: &Plan,
    generation: u64,
) -> Plan {
    let notice = notice.map(|notice| Given {
        what: notice.clone(),
        until: notice.until,
        at: given.at,
        who: given.who.clone(),
        reason: given.reason.clone(),
    });
    before.with_intents(generation, before.intents.with_notice(site, notice))
}

/// The order that makes the notice of a site what it is.
pub fn present(site: &str, plan: &Plan, now: Timestamp) -> Order {
    let notice = plan.intents.of(site).notice;
    match notice.filter(|notice| notice.is_in_force(now)) {
        Some(notice) => Order::RaiseNotice(notice.what),
        None => Order::LowerNotice(NoticeOf {
            site: site.to_owned(),
        }),
    }
}

pub fn check(notice: &RaiseNotice, plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    plan.site_named(&notice.site)
        .ok_or_else(|| unknown_site(&notice.site, plan))?;
    if let Some(until) = notice.until.filter(|until| *until <= now) {
        let what = format!("{until} is over");
        return Err(refusal(RefusalCode::Invalid, what, "give a time to come"));
    }
    notice::check(notice).map_err(|(what, hint)| refusal(RefusalCode::Invalid, what, &hint))
}
