//! How the edge proves that a name is its own: what is to be shown, and who shows it.

use std::sync::Arc;

use async_trait::async_trait;
use rustls::sign::CertifiedKey;

use super::failure::Failure;

/// `challenge` of an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeKind {
    /// A certificate at port 443 (RFC 8737).
    TlsAlpn01,
    /// A file at port 80 (RFC 8555, section 8.3).
    Http01,
    /// A TXT record (RFC 8555, section 8.4).
    Dns01,
}

/// What is shown to an authority.
#[derive(Clone)]
pub enum Proof {
    /// In handshakes of `acme-tls/1` for the name.
    Certificate {
        /// The name that is proved.
        name: String,
        /// A certificate of its own with the digest in it.
        certificate: Arc<CertifiedKey>,
    },
    /// Below `/.well-known/acme-challenge/`.
    File {
        /// The file's name.
        token: String,
        /// What it holds.
        content: String,
    },
    /// At `_acme-challenge` of the name.
    Record {
        /// The name that is proved, without `*.`.
        name: String,
        /// The record's text.
        value: String,
    },
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, of) = match self {
            Self::Certificate { name, .. } => ("Certificate", name),
            Self::File { token, .. } => ("File", token),
            Self::Record { name, .. } => ("Record", name),
        };
        f.debug_tuple(kind).field(of).finish()
    }
}

/// Who shows proofs.
#[async_trait]
pub trait Solver: Send + Sync {
    /// Shows these from now on; returns when the authority can see all of them.
    ///
    /// # Errors
    /// One cannot be shown.
    async fn show(&self, proofs: &[Proof]) -> Result<(), Failure>;

    /// Shows them no more.
    async fn withdraw(&self, proofs: &[Proof]);
}
