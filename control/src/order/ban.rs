//! Bans: networks whose connections an edge closes at once.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Let nobody in from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// The network, or one address.
    #[schemars(with = "String")]
    pub range: IpNet,
    /// Until when; without it until the ban is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Let them in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftBan {
    /// The network as it was banned.
    #[schemars(with = "String")]
    pub range: IpNet,
}

/// A ban in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BanInForce {
    /// What is banned, until when.
    #[serde(flatten)]
    pub ban: Ban,
    /// Since when.
    pub since: Timestamp,
    /// Who ordered it.
    pub who: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
