//! Who brought a version, when and how: `about.json` beside it, and the records of its use.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use yagura_control::Timestamp;

/// How a certificate came into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The local authority issued it.
    Local,
    /// Ordered by ACME.
    Acme,
    /// Installed by a person.
    Hand,
    /// Another edge handed it over.
    Edge,
    /// An older version was taken again.
    Rollback,
}

impl How {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Local => "local authority",
            Self::Acme => "ACME",
            Self::Hand => "by hand",
            Self::Edge => "another edge",
            Self::Rollback => "rollback",
        }
    }
}

/// Who did something, when and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// How it came.
    pub how: How,
    /// Who brought it: a user, an authority, an edge.
    pub by: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
}

/// What `about.json` says of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Who brought it, when and how; nothing is known of versions saved without it.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub brought: Option<Brought>,
    /// SHA-256 of the leaf's DER, as hexadecimal digits; empty when the chain could not be read.
    #[serde(default)]
    pub sha256: String,
}

/// One line of `rollbacks.jsonl`: which version took whose place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledBack {
    /// The version that was in use.
    pub from: u32,
    /// The version that is in use since.
    pub to: u32,
    /// Who did it, and when.
    #[serde(flatten)]
    pub brought: Brought,
}

/// Instants as people read them, to the second.
pub(crate) mod rfc3339 {
    use super::{OffsetDateTime, Rfc3339, Timestamp};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.rfc3339())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        let read = OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)?;
        Ok(read.into())
    }
}
