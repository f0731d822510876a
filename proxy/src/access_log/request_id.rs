//! A name of the edge's own for each request: in the log, for the origin, and for readers who are
//! given something that they may ask about. None is taken from a reader, who could choose another's.

use std::fmt;

use http::{HeaderName, HeaderValue};
use rand::Rng;

/// The field in which the origin and readers are told.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The name of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub u128);

impl RequestId {
    /// Another one than all before.
    #[must_use]
    pub fn new(dice: &mut impl Rng) -> Self {
        Self(dice.random())
    }

    /// As a field's value.
    #[must_use]
    pub fn value(self) -> HeaderValue {
        let text = self.to_string();
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
