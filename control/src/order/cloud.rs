//! Leaving the security cloud and coming back to it (clause 6(11)): what is ordered, and what an
//! edge tells of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An order to publish a site directly, without the cloud that it is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartBypass {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// When it was asked for, on the clock of who asks; so each asking is a request of its own, and
    /// the same one at every edge.
    pub asked_at: Timestamp,
    /// Do it at once, because nobody can be reached who could approve it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

/// An order to go back behind a cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartReturn {
    /// The site's name.
    pub site: String,
    /// Behind which cloud: one of the site's `behind`. Left out: the one that it was behind before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<String>,
    /// As in [`StartBypass`].
    pub asked_at: Timestamp,
    /// As in [`StartBypass`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

/// An order about a site's way around its cloud, without anything further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudOf {
    /// The site's name.
    pub site: String,
}

/// An order that says that the change of the DNS was done by hand. What the DNS servers say counts
/// all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmDns {
    /// The site's name.
    pub site: String,
    /// Who did it, ticket numbers and the like.
    pub note: String,
}

/// How far a site is on its way around the cloud, or back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BypassStage {
    /// Behind the cloud; direct traffic is refused.
    #[default]
    Cloud,
    /// The bypass was approved; it is looked whether all is ready.
    Armed,
    /// Direct traffic is admitted; the DNS still names the cloud.
    Open,
    /// The DNS is being changed to the direct addresses.
    DnsChanging,
    /// It is changed, and not yet seen at every authoritative server.
    Verifying,
    /// Readers come directly.
    Bypass,
    /// The DNS is being changed back to the cloud.
    DnsReturning,
    /// It is, and not yet seen at every authoritative server.
    ReturnVerifying,
    /// Direct traffic is admitted until no reader can come directly any more.
    Draining,
}

impl BypassStage {
    /// All of them, in the order in which they are gone through.
    pub const ALL: [Self; 9] = [
        Self::Cloud,
        Self::Armed,
        Self::Open,
        Self::DnsChanging,
        Self::Verifying,
        Self::Bypass,
        Self::DnsReturning,
        Self::ReturnVerifying,
        Self::Draining,
    ];

    /// Whether direct traffic is admitted.
    #[must_use]
    pub const fn admits_direct(self) -> bool {
        !matches!(self, Self::Cloud | Self::Armed)
    }

    /// Whether direct traffic is admitted and is meant to stay so: then the DNS may name the edge. It
    /// takes longer to refuse it again from here than a change of the DNS may take.
    #[must_use]
    pub const fn stands_by(self) -> bool {
        matches!(
            self,
            Self::Open | Self::DnsChanging | Self::Verifying | Self::Bypass
        )
    }

    /// Whether it is on the way back.
    #[must_use]
    pub const fn returns(self) -> bool {
        matches!(
            self,
            Self::DnsReturning | Self::ReturnVerifying | Self::Draining
        )
    }

    /// The same for people.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Cloud => "behind the cloud",
            Self::Armed => "approved, and looking whether all is ready",
            Self::Open => "direct traffic is admitted, the DNS names the cloud",
            Self::DnsChanging => "the DNS is being changed to the direct addresses",
            Self::Verifying => "the change of the DNS is being verified",
            Self::Bypass => "readers come directly",
            Self::DnsReturning => "the DNS is being changed back to the cloud",
            Self::ReturnVerifying => "the change back is being verified",
            Self::Draining => "waiting for the last direct readers",
        }
    }

    /// The word in records and replies.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Armed => "armed",
            Self::Open => "open",
            Self::DnsChanging => "dns_changing",
            Self::Verifying => "verifying",
            Self::Bypass => "bypass",
            Self::DnsReturning => "dns_returning",
            Self::ReturnVerifying => "return_verifying",
            Self::Draining => "draining",
        }
    }
}

impl std::fmt::Display for BypassStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// Something that stands in the way of a switch, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// What is missing.
    pub what: String,
    /// How to get it.
    pub hint: String,
    /// Whether the door is not opened, or the DNS not changed, before it is there; what does not stop
    /// a bypass makes it worse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stops: bool,
}

impl Missing {
    /// Something that makes a bypass worse, or that somebody has to know of.
    #[must_use]
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
            stops: false,
        }
    }

    /// Something before which a bypass does not go on.
    #[must_use]
    pub fn stopping(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            stops: true,
            ..Self::new(what, hint)
        }
    }
}

/// How one site stands towards its cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SiteCloudShown {
    /// Its name.
    pub site: String,
    /// The clouds that it is behind.
    pub behind: Vec<String>,
    /// How far it is.
    pub stage: BypassStage,
    /// Since when.
    pub since: Timestamp,
    /// What stands in the way of a switch now; nothing: it is ready.
    pub missing: Vec<Missing>,
    /// What a bypass goes without by decision of the configuration, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// The facts in one line.
    pub facts: String,
    /// What a person is asked to change in the DNS, word for word, while that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_request: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_is_open_from_before_the_change_until_after_the_change_back() {
        let open = BypassStage::ALL.map(BypassStage::admits_direct);
        assert_eq!(open.iter().position(|open| *open), Some(2));
        assert!(open.iter().skip(2).all(|open| *open));
        for stage in BypassStage::ALL {
            assert!(!(stage.stands_by() && stage.returns()), "{stage}");
            let either = stage.stands_by() || stage.returns();
            assert_eq!(stage.admits_direct(), either, "{stage}");
            let json = serde_json::to_value(stage).unwrap();
            assert_eq!(json, stage.word());
        }
    }
}
