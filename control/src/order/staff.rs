//! Staff sites from outside city hall in a disaster (clause 7(2)).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// An order to admit everybody to a staff site; the CMS then asks for a second factor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenStaff {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// An order to admit city hall alone again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseStaff {
    /// The site's name.
    pub site: String,
}
