//! What is kept of a site's bypass in the journal: the stage, and by what right. Which stage follows
//! which is decided in `step.rs`; what orders make of it in `ordered.rs`.

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;
pub use yagura_control::order::BypassStage as Stage;

/// By what right a bypass is begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// The request that was approved; none where somebody broke the glass, and in a drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Who asked for it.
    pub asked_by: String,
    /// Who approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// Since when.
    pub at: Timestamp,
    /// Until when the door may be opened by it. Where the glass was broken, until when the bypass is
    /// to be reviewed.
    pub until: Timestamp,
    /// Whether it has no second person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

impl Permit {
    /// Whether a door may be opened by it.
    #[must_use]
    pub fn allows(&self, now: Timestamp) -> bool {
        let second = !self.approved_by.is_empty() && !self.approved_by.contains(&self.asked_by);
        (self.break_glass || second) && self.at <= now && now < self.until
    }
}

/// Somebody's word that a change of the DNS was made by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// Who.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// What they say: who at the vendor, under which number.
    pub note: String,
}

/// What is kept of a site's bypass. The stage is all that the machine goes by; the rest are figures
/// that would be lost with the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ingress {
    /// Where it stands.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// The cloud that is left, and later the one that is returned to; none until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// By what right; none behind the cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<Permit>,
    /// The longest TTL that direct records were seen with since the door was opened, in seconds.
    #[serde(default)]
    pub longest_ttl_s: u32,
    /// The most direct requests in a minute since then.
    #[serde(default)]
    pub peak: u64,
    /// Direct requests in the minute before the door was opened: those of programs that never asked
    /// the DNS, and come whatever it says.
    #[serde(default)]
    pub background: u64,
    /// Who said that the present change of the DNS was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
}

impl Ingress {
    /// Whether it was never anywhere but behind the cloud.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The same at another stage, from a time on.
    #[must_use]
    pub fn at(&self, stage: Stage, since: Timestamp) -> Self {
        let mut next = Self {
            stage,
            since,
            ..self.clone()
        };
        match stage {
            // The next bypass begins with nothing of this one.
            Stage::Cloud => {
                next = Self {
                    stage,
                    since,
                    ..Self::default()
                }
            }
            Stage::DnsChanging | Stage::DnsReturning => next.confirmed = None,
            _ => {}
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_permits_himself_and_no_permit_lasts_for_ever() {
        let permit = |approved_by: &[&str], break_glass| Permit {
            request: Some("r1".into()),
            asked_by: "sato".into(),
            approved_by: approved_by.iter().map(|who| (*who).to_owned()).collect(),
            at: Timestamp(10),
            until: Timestamp(20),
            break_glass,
        };
        let allows = |permit: Permit| [9, 10, 19, 20].map(|now| permit.allows(Timestamp(now)));
        let (in_time, never) = ([false, true, true, false], [false; 4]);
        assert_eq!(allows(permit(&["suzuki"], false)), in_time);
        assert_eq!(allows(permit(&[], true)), in_time);
        assert_eq!(allows(permit(&[], false)), never);
        assert_eq!(allows(permit(&["sato"], false)), never);
        assert_eq!(allows(permit(&["suzuki", "sato"], false)), never);
    }
}
