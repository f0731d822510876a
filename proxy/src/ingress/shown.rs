//! What is told of doors: in the status, and as warnings.

use yagura_control::Timestamp;
use yagura_control::order::{DoorStatus, OutsideStatus};

use crate::routing::{Plan, Site};

/// The door of a site that is behind clouds.
#[must_use]
pub fn door(site: &Site, plan: &Plan) -> Option<DoorStatus> {
    if !site.door.is_behind() {
        return None;
    }
    let direct = site.seen.comings.direct();
    Some(DoorStatus {
        behind: site.settings.behind.clone(),
        open: site.door.is_open(),
        stage: plan.intents.of(&site.settings.name).ingress.stage,
        direct_last_minute: direct.last_minute,
        direct_last_at: direct.last_at,
        refused: site.seen.comings.refused(),
    })
}

/// The outside, where it is admitted to a site for staff.
#[must_use]
pub fn outside(site: &Site, plan: &Plan, now: Timestamp) -> Option<OutsideStatus> {
    let until = site.door.outside_until().filter(|_| site.settings.staff)?;
    let given = plan.intents.of(&site.settings.name).outside?;
    (now < until).then_some(OutsideStatus {
        until,
        since: given.at,
        who: given.who,
        reason: given.reason,
    })
}

/// What nobody is to forget.
pub fn warnings(plan: &Plan, now: Timestamp) -> impl Iterator<Item = String> {
    let sites = plan.sites().iter();
    sites.filter_map(move |site| {
        let outside = outside(site, plan, now)?;
        let (name, until, who) = (&site.settings.name, outside.until, outside.who);
        Some(format!(
            "{name}: everybody is admitted to the staff site until {until}, by {who}"
        ))
    })
}
