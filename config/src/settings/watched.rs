//! Certificates that live elsewhere and that the site depends on all the same.

use std::path::PathBuf;

/// `[[watched_certificate]]`: a certificate on a server that is not ours to configure, such as the
/// security cloud's; it is looked at from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedCertificateSettings {
    /// What it is called in lists and warnings.
    pub name: String,
    /// Where the server answers, as `host:port`.
    pub address: String,
    /// The host name that readers ask for.
    pub server_name: String,
    /// PEM file with the authorities that are believed there; `None`: those the system trusts.
    pub trust: Option<PathBuf>,
}
