//! Which orders need approval, by how many and of which role, and how long a request can be decided.

use std::time::Duration;

use crate::Timestamp;
use crate::order::Order;

/// What an order needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How many have to approve it, none of them who asked.
    pub quorum: u8,
    /// The role that they need.
    pub role: &'static str,
    /// How long it can be decided, from when it was asked for.
    pub lasts: Duration,
    /// How long after it was given without approval it should have been reviewed.
    pub review_within: Duration,
}

/// What changes where a whole city's readers go: one other person, within four hours; reviewed within
/// a day where nobody could be reached.
const ONE_OTHER: Rule = Rule {
    quorum: 1,
    role: "approver",
    lasts: Duration::from_secs(4 * 3600),
    review_within: Duration::from_secs(24 * 3600),
};

/// The rule of an order; none: it is carried out when it is given. An order with a rule says itself
/// when it was asked for, so that every edge makes the same request of it ([`asked_at`]).
#[must_use]
pub const fn rule(order: &Order) -> Option<Rule> {
    match order {
        Order::Bypass(_) | Order::Return(_) => Some(ONE_OTHER),
        // Where the configuration of the backup says so.
        Order::RecordRestore(restore) if restore.waits_for_approval() => Some(ONE_OTHER),
        _ => None,
    }
}

/// When an order was asked for, as it says itself.
#[must_use]
pub const fn asked_at(order: &Order) -> Option<Timestamp> {
    match order {
        Order::Bypass(start) => Some(start.asked_at),
        Order::Return(start) => Some(start.asked_at),
        Order::RecordRestore(restore) => Some(restore.asked_at),
        _ => None,
    }
}

/// Whether who gives an order says that nobody can be reached who may approve it.
#[must_use]
pub const fn breaks_glass(order: &Order) -> bool {
    match order {
        Order::Bypass(start) => start.break_glass,
        Order::Return(start) => start.break_glass,
        Order::RecordRestore(restore) => restore.break_glass,
        _ => false,
    }
}
