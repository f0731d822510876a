//! A network banned, or let in again.

use yagura_control::Timestamp;
use yagura_control::order::{Ban, BanInForce, LiftBan, Order, Refusal, RefusalCode};

use super::{Giver, refusal};
use crate::limits::bans::{self, Bans, Unfit};

/// The bans with one more.
///
/// # Errors
/// Why it cannot be.
pub fn added(
    ban: &Ban,
    given: &Giver,
    present: &Bans,
    exempt: &[ipnet::IpNet],
) -> Result<Bans, Refusal> {
    let fit = present.check(ban, exempt, given.at);
    fit.map_err(|unfit| unfit_ban(ban, unfit))?;
    Ok(present.with(in_force(ban, given), given.at))
}

/// The bans without one.
///
/// # Errors
/// There is none of that network.
pub fn lifted(LiftBan { range }: &LiftBan, present: &Bans) -> Result<Bans, Refusal> {
    if !present.holds(*range) {
        let hint = "look at `yagura ban list`; a ban is lifted as it was given";
        let what = format!("{range} is not banned");
        return Err(refusal(RefusalCode::Invalid, what, hint));
    }
    Ok(present.without(*range))
}

/// The order that makes the ban of a network what it is.
#[must_use]
pub fn present(range: ipnet::IpNet, bans: &Bans, now: Timestamp) -> Order {
    let mut in_force = bans.in_force(now);
    match in_force.find(|entry| entry.ban.range == range.trunc()) {
        Some(entry) => Order::Ban(entry.ban.clone()),
        None => Order::LiftBan(LiftBan { range }),
    }
}

/// A ban as it is kept.
#[must_use]
pub fn in_force(ban: &Ban, given: &Giver) -> BanInForce {
    BanInForce {
        ban: ban.clone(),
        since: given.at,
        who: given.who.clone(),
        reason: given.reason.clone(),
    }
}

fn unfit_ban(ban: &Ban, unfit: Unfit) -> Refusal {
    let range = ban.range;
    let (what, hint) = match unfit {
        Unfit::TooWide => (
            format!("{range} is too large a network to ban"),
            "ban smaller ones: at least /8 of IPv4, /16 of IPv6".to_owned(),
        ),
        Unfit::Exempt(exempt) => (
            format!("{range} overlaps {exempt}, which is exempt from limits"),
            "take it out of `exempt` in [edge.limits] or out of its [[cloud]] first, and reload; \
             a cloud's readers are banned by their own addresses"
                .to_owned(),
        ),
        Unfit::Over => (
            "the ban would be over already".to_owned(),
            "give a time to come, or none".to_owned(),
        ),
        Unfit::TooMany => (
            format!("{} bans are in force, and no more are kept", bans::MOST),
            "ban larger networks, and lift what they cover".to_owned(),
        ),
    };
    refusal(RefusalCode::Invalid, what, &hint)
}
