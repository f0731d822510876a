//! `[edge.tls]` and `hsts` of a site: how TLS is spoken with readers.

use std::time::Duration;

/// How TLS is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// The oldest version that is spoken.
    pub least: LeastTls,
    /// What becomes of a client that names a host of no certificate.
    pub unknown_names: UnknownNames,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeastTls {
    /// For readers with devices from before 2019 too.
    #[default]
    V1_2,
    /// TLS 1.3 alone.
    V1_3,
}

/// What becomes of a client that names a host of no certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownNames {
    /// It gets the first certificate, and warns its reader.
    #[default]
    First,
    /// It gets no handshake.
    Refuse,
}

/// `hsts`: for how long browsers ask this host over TLS alone (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HstsSettings {
    /// For so long after each answer.
    pub max_age: Duration,
    /// Hosts below this one too.
    pub subdomains: bool,
    /// It may stand in the lists that browsers come with.
    pub preload: bool,
}

impl HstsSettings {
    /// The field's value (RFC 6797, section 6.1).
    #[must_use]
    pub fn value(&self) -> String {
        let subdomains = if self.subdomains {
            "; includeSubDomains"
        } else {
            ""
        };
        let preload = if self.preload { "; preload" } else { "" };
        format!("max-age={}{subdomains}{preload}", self.max_age.as_secs())
    }
}
