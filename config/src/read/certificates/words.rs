//! Values of single keys of certificates, authorities and zones.

use toml::de::DeValue;

use crate::section::FromValue;
use crate::settings::{KeySetting, TsigAlgorithm};

/// Stands in file names, orders and logs.
pub(super) struct PlainName(pub(super) String);

impl FromValue for PlainName {
    const EXPECTED: &'static str = "a name of a-z, 0-9 and -, at most 40 characters";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let usable = !text.is_empty() && text.len() <= 40 && text.chars().all(plain);
        usable.then(|| Self(text.to_owned()))
    }
}

/// A host name, maybe with `*.` before it.
pub(super) struct CertifiedName(pub(super) String);

impl FromValue for CertifiedName {
    const EXPECTED: &'static str =
        "a host name such as \"www.town.example\" or \"*.town.example\" (in Punycode, no address)";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?.to_ascii_lowercase();
        let host = text.strip_prefix("*.").unwrap_or(&text);
        (is_host(host) && host.contains('.')).then_some(Self(text))
    }
}

/// The name of a zone or of a key, which is a name of the DNS too.
pub(super) struct ZoneName(pub(super) String);

impl FromValue for ZoneName {
    const EXPECTED: &'static str = "a name of the DNS, such as \"town.example\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?.to_ascii_lowercase();
        let text = text.strip_suffix('.').unwrap_or(&text);
        is_host(text).then(|| Self(text.to_owned()))
    }
}

/// Letters, digits and hyphens in labels (RFC 952, RFC 1123); underscores are in names of keys.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.len() <= 63 && label.chars().all(plain)
    };
    // An IP address is no name; its last label has no letter.
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(label) && last.chars().any(|c| c.is_ascii_alphabetic())
}

/// The URL of a directory (RFC 8555, section 6.1).
pub(super) struct HttpsUrl(pub(super) String);

impl FromValue for HttpsUrl {
    const EXPECTED: &'static str =
        "a URL, such as \"https://acme-v02.api.letsencrypt.org/directory\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let rest = text.strip_prefix("https://")?;
        let usable = !rest.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        usable.then(|| Self(text.to_owned()))
    }
}

/// An address of electronic mail.
pub(super) struct Contact(pub(super) String);

impl FromValue for Contact {
    const EXPECTED: &'static str = "an address of electronic mail, such as \"web@town.example\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let text = value.as_str()?;
        let text = text.strip_prefix("mailto:").unwrap_or(text);
        let (user, host) = text.split_once('@')?;
        let usable =
            !user.is_empty() && is_host(host) && text.chars().all(|c| c.is_ascii_graphic());
        usable.then(|| Self(text.to_owned()))
    }
}

/// `challenge`, before it is known whether its zone is named.
pub(super) enum ChallengeWord {
    TlsAlpn01,
    Http01,
    Dns01,
}

impl FromValue for ChallengeWord {
    const EXPECTED: &'static str = "\"tls-alpn-01\" (at port 443), \"http-01\" (at port 80) or \"dns-01\" (in the DNS; also behind a security cloud)";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "tls-alpn-01" => Some(Self::TlsAlpn01),
            "http-01" => Some(Self::Http01),
            "dns-01" => Some(Self::Dns01),
            _ => None,
        }
    }
}

impl FromValue for KeySetting {
    const EXPECTED: &'static str = "\"p256\", \"p384\", \"rsa2048\" or \"rsa3072\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "p256" => Some(Self::P256),
            "p384" => Some(Self::P384),
            "rsa2048" => Some(Self::Rsa2048),
            "rsa3072" => Some(Self::Rsa3072),
            _ => None,
        }
    }
}

impl FromValue for TsigAlgorithm {
    const EXPECTED: &'static str = "\"hmac-sha256\", \"hmac-sha384\" or \"hmac-sha512\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "hmac-sha256" => Some(Self::HmacSha256),
            "hmac-sha384" => Some(Self::HmacSha384),
            "hmac-sha512" => Some(Self::HmacSha512),
            _ => None,
        }
    }
}
