//! What comes next, and what is to be done meanwhile: two pure functions of the stage that is kept,
//! the terms, what is seen, and the time.
//!
//! The machine goes by levels, not by events: nothing is remembered but the stage. Whoever dies at any
//! point, also between an act and its record, looks again after the next start and finds out the same.
//! The rules that hold whatever happens stand in `docs/decisions/bypass.md`; `simulation/` tries them.

use std::fmt;
use std::time::Duration;

use yagura_control::Timestamp;

use super::seen::{Hand, Leads, Seen, Terms, minutes};
use super::stage::{Ingress, Stage};

/// A step to be recorded, and then taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What is kept from then on.
    pub to: Ingress,
    /// Why.
    pub why: Why,
}

/// Why a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The approval was not used in time.
    PermitOver,
    /// The time of a break-glass bypass is over, and nobody has reviewed it.
    GlassOver,
    /// Nothing is missing.
    Ready,
    /// Every direct door is open.
    DoorsOpen,
    /// Another edge changes the DNS.
    OthersChange,
    /// The server that takes changes leads here.
    Changed,
    /// Every server leads here.
    Verified,
    /// The server that takes changes leads to the cloud.
    ChangedBack,
    /// Every server leads to the cloud.
    ReturnVerified,
    /// A server leads here again.
    Astray,
    /// The time is over, and direct traffic has ceased.
    Drained(Duration),
    /// Direct records have a longer TTL than was known.
    LongerTtl(u32),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PermitOver => f.write_str("the approval was not used in time"),
            Self::GlassOver => f.write_str("the time for a bypass without a second person is over"),
            Self::Ready => f.write_str("nothing is missing"),
            Self::DoorsOpen => f.write_str("every direct door is open"),
            Self::OthersChange => f.write_str("another edge changes the DNS"),
            Self::Changed => f.write_str("the DNS server leads here"),
            Self::Verified => f.write_str("every DNS server of the zone leads here"),
            Self::ChangedBack => f.write_str("the DNS server leads to the cloud"),
            Self::ReturnVerified => f.write_str("every DNS server of the zone leads to the cloud"),
            Self::Astray => f.write_str("a DNS server leads here again"),
            Self::Drained(waited) => write!(
                f,
                "every DNS server has led to the cloud for {}, and direct traffic has ceased",
                minutes(*waited)
            ),
            Self::LongerTtl(ttl_s) => write!(f, "direct records have a TTL of {ttl_s} s"),
        }
    }
}

/// The step to take now; none when the stage goes on.
#[must_use]
pub fn step(ingress: &Ingress, terms: &Terms, seen: &Seen, now: Timestamp) -> Option<Transition> {
    let next = next(ingress, terms, seen, now);
    let longer = ingress.stage.admits_direct() && seen.dns.longest_ttl_s > ingress.longest_ttl_s;
    let (stage, why) = match next {
        Some(next) => next,
        // The wait before the door closes is measured by it, and must not be lost with the process.
        None if longer => (ingress.stage, Why::LongerTtl(seen.dns.longest_ttl_s)),
        None => return None,
    };
    if stage == ingress.stage {
        let longest_ttl_s = seen.dns.longest_ttl_s;
        let to = Ingress {
            longest_ttl_s,
            ..ingress.clone()
        };
        return Some(Transition { to, why });
    }
    let mut to = ingress.at(stage, now);
    if stage.admits_direct() {
        let peak = seen.traffic.map_or(0, |traffic| traffic.peak);
        to.peak = to.peak.max(peak);
        to.longest_ttl_s = to.longest_ttl_s.max(seen.dns.longest_ttl_s);
    }
    if matches!(ingress.stage, Stage::Armed | Stage::Open)
        && let Some(cloud) = &seen.dns.cloud
    {
        // The one to come back to.
        to.cloud = Some(cloud.as_ref().to_owned());
    }
    if ingress.stage == Stage::Armed {
        to.background = seen.traffic.map_or(0, |traffic| traffic.requests);
    }
    Some(Transition { to, why })
}

fn next(ingress: &Ingress, terms: &Terms, seen: &Seen, now: Timestamp) -> Option<(Stage, Why)> {
    let dns = &seen.dns;
    let everywhere = dns.everywhere.map(|(leads, _)| leads);
    let glass_over = glass_is_over(ingress, seen, now);
    match ingress.stage {
        // An order alone leads out of it.
        Stage::Cloud => None,
        Stage::Armed => {
            if !ingress.permit.as_ref().is_some_and(|it| it.allows(now)) {
                return Some((Stage::Cloud, Why::PermitOver));
            }
            // Whether direct traffic has ceased is judged, later, by what came before the door was open.
            (seen.ready && seen.traffic.is_some()).then_some((Stage::Open, Why::Ready))
        }
        // Readers lose nothing yet: the DNS leads to the cloud.
        Stage::Open | Stage::DnsChanging if glass_over && dns.primary == Some(Leads::Cloud) => {
            Some((Stage::DnsReturning, Why::GlassOver))
        }
        Stage::Open if dns.primary == Some(Leads::Direct) => Some((Stage::Verifying, Why::Changed)),
        Stage::Open if terms.hand == Hand::Elsewhere => {
            Some((Stage::DnsChanging, Why::OthersChange))
        }
        Stage::Open => (seen.ready && seen.doors.may_be_led_to(terms))
            .then_some((Stage::DnsChanging, Why::DoorsOpen)),
        Stage::DnsChanging => {
            (dns.primary == Some(Leads::Direct)).then_some((Stage::Verifying, Why::Changed))
        }
        // Back to a cloud that does not answer would be worse than a bypass that nobody reviewed; of
        // that there is an alarm.
        Stage::Verifying | Stage::Bypass if glass_over && seen.cloud_is_sound => {
            Some((Stage::DnsReturning, Why::GlassOver))
        }
        Stage::Verifying => {
            (everywhere == Some(Leads::Direct)).then_some((Stage::Bypass, Why::Verified))
        }
        // Whoever led the DNS away meanwhile had a reason, and it is not fought about: both doors
        // are open. `trouble` tells of it.
        Stage::Bypass => None,
        Stage::DnsReturning => (dns.primary == Some(Leads::Cloud))
            .then_some((Stage::ReturnVerifying, Why::ChangedBack)),
        Stage::ReturnVerifying | Stage::Draining if dns.primary == Some(Leads::Direct) => {
            Some((Stage::DnsReturning, Why::Astray))
        }
        Stage::ReturnVerifying => {
            (everywhere == Some(Leads::Cloud)).then_some((Stage::Draining, Why::ReturnVerified))
        }
        Stage::Draining if dns.astray => Some((Stage::ReturnVerifying, Why::Astray)),
        Stage::Draining => {
            let (leads, held) = dns.everywhere?;
            let wait = terms.drain(ingress.longest_ttl_s.max(dns.longest_ttl_s));
            let ceased = seen.traffic.is_some_and(|it| it.has_ceased(ingress, terms));
            (leads == Leads::Cloud && held >= wait && ceased)
                .then_some((Stage::Cloud, Why::Drained(held)))
        }
    }
}

/// Whether a bypass that nobody approved and nobody reviewed has lasted as long as it may.
fn glass_is_over(ingress: &Ingress, seen: &Seen, now: Timestamp) -> bool {
    let permit = ingress.permit.as_ref();
    permit.is_some_and(|permit| permit.break_glass && !seen.reviewed && now >= permit.until)
}

/// Something to be done while a stage lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Ask the servers of the zone where they lead.
    LookAtDns,
    /// Ask every direct door whether it is open.
    AskDoors,
    /// Look whether anything is missing.
    CheckReadiness,
    /// Have the DNS lead there, if it leads where it is expected to.
    Lead(Leads),
    /// Have a person do it.
    AskPerson(Leads),
}

/// What is to be done now.
#[must_use]
pub fn duties(ingress: &Ingress, terms: &Terms, seen: &Seen) -> Vec<Duty> {
    let mut duties = vec![Duty::LookAtDns];
    let mut lead = |to, from| match terms.hand {
        Hand::Ours if seen.dns.primary == Some(from) => duties.push(Duty::Lead(to)),
        Hand::Manual if seen.dns.primary == Some(from) => duties.push(Duty::AskPerson(to)),
        _ => {}
    };
    match ingress.stage {
        Stage::Armed => duties.push(Duty::CheckReadiness),
        Stage::Open => duties.extend([Duty::AskDoors, Duty::CheckReadiness]),
        Stage::DnsChanging => {
            // At the very time of the change, not when this stage began.
            if seen.ready && seen.doors.may_be_led_to(terms) {
                lead(Leads::Direct, Leads::Cloud);
            }
            duties.extend([Duty::AskDoors, Duty::CheckReadiness]);
        }
        // The cloud is admitted whatever the door does: nothing need hold for the way back.
        Stage::DnsReturning => lead(Leads::Cloud, Leads::Direct),
        Stage::Cloud
        | Stage::Verifying
        | Stage::Bypass
        | Stage::ReturnVerifying
        | Stage::Draining => {}
    }
    duties
}

/// What somebody must know of how the stage stands, with what to do about it; none when all goes by
/// itself.
#[must_use]
pub fn trouble(
    ingress: &Ingress,
    terms: &Terms,
    seen: &Seen,
    now: Timestamp,
) -> Option<&'static str> {
    let primary = seen.dns.primary;
    let changes = matches!(
        ingress.stage,
        Stage::Open | Stage::DnsChanging | Stage::DnsReturning | Stage::ReturnVerifying
    );
    match ingress.stage {
        Stage::Cloud | Stage::Armed if primary == Some(Leads::Direct) => Some(
            "the DNS leads here and the door is closed: have the records changed back, or order the \
             bypass",
        ),
        _ if changes && primary == Some(Leads::Elsewhere) => Some(
            "the DNS holds records that are neither the cloud's nor the direct ones, and is left as \
             it is: look who changed them, and set one of the two",
        ),
        Stage::Verifying | Stage::Bypass if primary.is_some_and(|leads| leads != Leads::Direct) => {
            Some(
                "somebody led the DNS away from here, and it is left so: order the bypass again, or the \
                 return (before the bypass was verified: the abort)",
            )
        }
        Stage::Verifying | Stage::Bypass if glass_is_over(ingress, seen, now) => Some(
            "the time for a bypass without a second person is over and the cloud is not sound: have \
             it reviewed",
        ),
        Stage::DnsChanging if terms.hand != Hand::Elsewhere && !seen.doors.may_be_led_to(terms) => {
            Some("a direct door is not open any more, and the DNS is not changed before it is")
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
