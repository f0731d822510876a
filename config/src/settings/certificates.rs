//! `[certificates]`, `[[certificate]]`, `[[authority]]` and `[[dns]]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::CommandSettings;

/// Certificates from public authorities, and how they are renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatesSettings {
    /// `holder` of `[certificates]`: whether this edge orders them. Of several edges with the same
    /// certificates one does; the others are given what it gets.
    pub holder: bool,
    /// `edges`, with `certificate`, `key` and `trust`: the other edges, which the holder gives what it
    /// gets, and who show its proofs too.
    pub others: Option<CommandSettings>,
    /// `[[certificate]]`: those that are wanted. A site without one has the local authority's.
    pub wanted: Vec<CertificateSettings>,
    /// `[[authority]]`: who may be asked for them.
    pub authorities: Vec<AuthoritySettings>,
    /// `[[dns]]`: zones that proofs can be put in.
    pub dns: Vec<DnsSettings>,
}

impl Default for CertificatesSettings {
    fn default() -> Self {
        Self {
            holder: true,
            others: None,
            wanted: Vec::new(),
            authorities: Vec::new(),
            dns: Vec::new(),
        }
    }
}

/// `[[certificate]]`: one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSettings {
    /// Its name, which its folder has too.
    pub name: String,
    /// Host names in it, lower case; a wildcard has `*` as its first label.
    pub names: Vec<String>,
    /// Who is asked for it, in this order; empty when it is installed by hand.
    pub authorities: Vec<String>,
    /// The kind of its key.
    pub key: KeySetting,
}

/// `key`: the kind of a private key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySetting {
    /// `p256`
    #[default]
    P256,
    /// `p384`
    P384,
    /// `rsa2048`
    Rsa2048,
    /// `rsa3072`
    Rsa3072,
}

/// `[[authority]]`: one that issues by ACME.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySettings {
    /// Its name in this file.
    pub name: String,
    /// URL of its directory.
    pub directory: String,
    /// PEM file of the CA that the directory's TLS is checked against; `None` for what the system
    /// trusts.
    pub trust: Option<PathBuf>,
    /// Where it writes to: an address of electronic mail.
    pub contact: Option<String>,
    /// How names are proved to it.
    pub challenge: ChallengeSetting,
    /// The profile of certificates that is ordered.
    pub profile: Option<String>,
    /// `[authority.external_account]`: the key that binds the account to a contract.
    pub external_account: Option<ExternalAccountSettings>,
}

/// `challenge`, with the zone's name where it is `dns-01`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeSetting {
    /// `tls-alpn-01`
    TlsAlpn01,
    /// `http-01`
    Http01,
    /// `dns-01`
    Dns01 {
        /// The name of a `[[dns]]`.
        dns: String,
    },
}

/// `[authority.external_account]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccountSettings {
    /// The key's name, as the authority gave it.
    pub key_id: String,
    /// File with the key in Base64, that nobody else may read.
    pub key_file: PathBuf,
}

/// `[[dns]]`: a zone that is changed by dynamic updates (RFC 2136).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// Its name in this file.
    pub name: String,
    /// The server that takes updates.
    pub server: SocketAddr,
    /// The servers that answer for the zone; those of its NS records when the list is empty.
    pub servers: Vec<SocketAddr>,
    /// The zone, lower case, without the last dot.
    pub zone: String,
    /// The name of the TSIG key.
    pub key_name: String,
    /// How the key signs.
    pub algorithm: TsigAlgorithm,
    /// File with the key, that nobody else may read.
    pub secret_file: PathBuf,
}

/// `algorithm` of a TSIG key (RFC 8945, section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TsigAlgorithm {
    /// `hmac-sha256`
    #[default]
    HmacSha256,
    /// `hmac-sha384`
    HmacSha384,
    /// `hmac-sha512`
    HmacSha512,
}
