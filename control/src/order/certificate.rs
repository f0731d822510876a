//! Orders among edges about certificates: one that is handed over, and proofs shown for another.
//!
//! Neither goes through the journal, which many may read: a certificate lies in the store of the edge
//! that took it, with who brought it, and a proof is good for minutes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Most proofs in one order.
pub const MOST_PROOFS: usize = 100;

/// A certificate that another edge holds: it is inspected, kept, and served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeCertificate {
    /// Its name in the configuration of both edges.
    pub name: String,
    /// Leaf and intermediates as PEM, leaf first.
    pub chain: String,
    /// The private key as PEM.
    pub key: SecretPem,
}

/// A private key on its way; never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SecretPem(pub String);

impl fmt::Debug for SecretPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Files to be shown to an authority below `/.well-known/acme-challenge/` (RFC 8555, section 8.3),
/// because it may ask any edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowProofs {
    /// Which; at most [`MOST_PROOFS`].
    pub files: Vec<ProofFile>,
    /// Until when, at most an hour from now; a time that is over takes them away.
    pub until: Timestamp,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// Its name.
    pub token: String,
    /// What it holds.
    pub content: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_and_never_shown() {
        let take = TakeCertificate {
            name: "town".to_owned(),
            chain: "chain".to_owned(),
            key: SecretPem("sesame".to_owned()),
        };
        assert!(!format!("{take:?}").contains("sesame"));
        let sent = serde_json::to_string(&take).unwrap();
        assert!(sent.contains("\"key\":\"sesame\""), "{sent}");
        assert_eq!(
            serde_json::from_str::<TakeCertificate>(&sent).unwrap(),
            take
        );
    }
}
