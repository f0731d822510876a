//! A request as it is inspected, and what came of it.

use serde::{Deserialize, Serialize};

/// A request, or its inspected copy (`copy.rs`). Of its reader nothing is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The site's name; exclusions are by site.
    pub site: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: Vec<u8>,
    /// Version of HTTP, as in `1.1`.
    pub version: String,
    /// Names and values of the fields.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// Whether more of the body follows.
    pub cut: bool,
}

impl Request {
    /// The first value of a field.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.headers.iter();
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.target
            .split(|byte| *byte == b'?')
            .next()
            .unwrap_or_default()
    }

    /// The query, where there is one.
    #[must_use]
    pub fn query(&self) -> Option<&[u8]> {
        let mark = self.target.iter().position(|byte| *byte == b'?')?;
        self.target.get(mark + 1..)
    }
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Match {
    /// The rule's number.
    pub rule: u32,
    /// Where it matched: the name of a variable, such as `ARGS:q`; never what stood there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// What the rule looks for, in its own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
}

/// What the rules say of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether they would refuse it.
    pub refused: bool,
    /// Those that matched, without the ones that only add up.
    pub matches: Vec<Match>,
    /// CPU time that it took, in microseconds.
    pub cpu_us: u64,
}
