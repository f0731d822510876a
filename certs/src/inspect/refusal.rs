//! Why a certificate is not taken, each with what to do about it.

use std::fmt;

use yagura_control::Timestamp;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing to install.
    #[error(
        "there is no certificate in what was given\n  give the file the authority sent; a key alone is not enough"
    )]
    NoCertificate,
    /// No private key.
    #[error(
        "there is no private key\n  make the request with `yagura certs csr new`, which keeps the key, or give the key's file along"
    )]
    NoKey,
    /// No certificate has the key.
    #[error("no certificate belongs to the private key; there are: {}\n  give the certificate issued for this request, or the key that was used for it", found.join("; "))]
    NoLeafForKey {
        /// The subjects of those that are there.
        found: Vec<String>,
    },
    /// The issuer's certificate is missing.
    #[error("the intermediate certificate \"{issuer}\" is missing\n  get it from the authority{}, and give it along", at(url.as_deref()))]
    IntermediateMissing {
        /// Whose certificate.
        issuer: String,
        /// Where it can be had.
        url: Option<String>,
    },
    /// Somebody of the issuer's name did not sign it.
    #[error(
        "\"{subject}\" was not signed by the \"{issuer}\" at hand\n  ask the authority for the intermediates that belong to this certificate"
    )]
    NotSignedByIssuer {
        /// What is not signed.
        subject: String,
        /// By whom.
        issuer: String,
    },
    /// Nobody but itself vouches for it.
    #[error(
        "\"{subject}\" signed itself, and no reader's browser believes it\n  have it issued by an authority; `yagura certs csr new` makes the request"
    )]
    SelfSigned {
        /// Whose certificate.
        subject: String,
    },
    /// Its time is over.
    #[error(
        "\"{subject}\" expired at {at}\n  order a new one; when that is the intermediate, ask the authority for the present one"
    )]
    Expired {
        /// Whose certificate.
        subject: String,
        /// When.
        at: Timestamp,
    },
    /// Its time has not come.
    #[error(
        "\"{subject}\" is valid from {at} only\n  install it then; when that is past already, set this machine's clock"
    )]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// From when.
        at: Timestamp,
    },
    /// The key is too short or of an odd kind.
    #[error(
        "\"{subject}\" has {key}, which is not taken\n  make a new request with RSA of 2048 bits or more, P-256 or P-384"
    )]
    WeakKey {
        /// Whose certificate.
        subject: String,
        /// What key it has.
        key: String,
    },
    /// A broken hash.
    #[error(
        "\"{subject}\" is signed with {hash}, which is broken\n  have it issued anew; authorities sign with SHA-256"
    )]
    WeakSignature {
        /// Whose certificate.
        subject: String,
        /// Which hash.
        hash: &'static str,
    },
    /// It names no host.
    #[error(
        "\"{subject}\" names no host\n  have it issued with the site's names as subject alternative names (SAN)"
    )]
    NoNames {
        /// Whose certificate.
        subject: String,
    },
    /// It lacks a name.
    #[error("the certificate lacks {}; it carries {}\n  have it issued for every name of the site, or name another certificate", missing.join(", "), carried.join(", "))]
    NamesMissing {
        /// What is wanted.
        missing: Vec<String>,
        /// What is there.
        carried: Vec<String>,
    },
    /// It is an authority's.
    #[error(
        "\"{subject}\" is an authority's certificate and not a server's\n  give the certificate that was issued for the site"
    )]
    IsAuthority {
        /// Whose certificate.
        subject: String,
    },
    /// It is for something else.
    #[error(
        "\"{subject}\" is not for servers (extended key usage)\n  have it issued as a TLS server certificate"
    )]
    NotForServers {
        /// Whose certificate.
        subject: String,
    },
}

fn at(url: Option<&str>) -> String {
    url.map_or_else(String::new, |url| format!(" ({url})"))
}

/// Every reason there is, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals(pub Vec<Refusal>);

impl From<Refusal> for Refusals {
    fn from(one: Refusal) -> Self {
        Self(vec![one])
    }
}

impl std::error::Error for Refusals {}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, refusal) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{refusal}")?;
        }
        Ok(())
    }
}
