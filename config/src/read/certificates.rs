//! `[certificates]`, `[[certificate]]`, `[[authority]]` and `[[dns]]`.

use std::collections::HashMap;

use toml::de::DeValue;

use crate::section::{FromValue, Section};
use crate::settings::{
    AuthoritySettings, CertificateSettings, CertificatesSettings, ChallengeSetting,
    CommandSettings, DnsSettings, EdgeSettings, ExternalAccountSettings, HostPattern, KeySetting,
    SiteSettings, TsigAlgorithm,
};

/// The name that the local authority's certificate is kept under.
const LOCAL: &str = "local";

/// The tables as they were read, each with what it says.
pub(super) struct Tables<'a> {
    holder: bool,
    others: Option<CommandSettings>,
    wanted: Vec<(Section<'a>, Option<CertificateSettings>)>,
    authorities: Vec<(Section<'a>, Option<AuthoritySettings>)>,
    dns: Vec<(Section<'a>, Option<DnsSettings>)>,
}

/// Reads the tables.
pub(super) fn read<'a>(top: &Section<'a>) -> Tables<'a> {
    let (mut holder, mut others) = (true, None);
    if let Some(table) = top.table("certificates") {
        holder = table.or("holder", true);
        others = super::operators::addressed(&table);
        if let (false, Some(_)) = (holder, &others) {
            let hint = "the edge that orders certificates hands them over: let `holder` be true here, or take `edges` out";
            table.fault("edges", "this edge is not the holder", hint);
        }
        table.end();
    }
    Tables {
        holder,
        others,
        wanted: each(top, "certificate", certificate),
        authorities: each(top, "authority", authority),
        dns: each(top, "dns", dns),
    }
}

fn each<'a, T>(
    top: &Section<'a>,
    key: &'static str,
    read: fn(&Section<'a>) -> Option<T>,
) -> Vec<(Section<'a>, Option<T>)> {
    let tables = top.tables(key).into_iter();
    let read = tables.map(|table| {
        let settings = read(&table);
        (table, settings)
    });
    read.collect()
}

fn certificate(table: &Section<'_>) -> Option<CertificateSettings> {
    let name: Option<PlainName> = table.required("name");
    let names: Vec<CertifiedName> = table.list("names");
    let authorities = table.list("authorities");
    let key = table.or("key", KeySetting::default());
    if table.is_empty("names") {
        let hint = "add names = [\"www.town.example\"]";
        table.fault("names", "the certificate has no name in it", hint);
    }
    if name.as_ref().is_some_and(|name| name.0 == LOCAL) {
        let hint = "give it another name";
        table.fault(
            "name",
            "the local authority's certificate is called so",
            hint,
        );
    }
    table.end();
    Some(CertificateSettings {
        name: name?.0,
        names: names.into_iter().map(|name| name.0).collect(),
        authorities,
        key,
    })
}

fn authority(table: &Section<'_>) -> Option<AuthoritySettings> {
    let name: Option<PlainName> = table.required("name");
    let directory: Option<HttpsUrl> = table.required("directory");
    let trust = table.path("trust");
    let contact: Option<Contact> = table.optional("contact");
    let challenge: Option<ChallengeWord> = table.required("challenge");
    let dns: Option<String> = table.optional("dns");
    let profile = table.optional("profile");
    let external_account = table.table("external_account").map(|table| {
        let key_id = table.required("key_id");
        let key_file = table.required_path("key_file");
        table.end();
        Some(ExternalAccountSettings {
            key_id: key_id?,
            key_file: key_file?,
        })
    });
    table.end();
    let challenge = match (challenge?, dns) {
        (ChallengeWord::Dns01, Some(dns)) => ChallengeSetting::Dns01 { dns },
        (ChallengeWord::Dns01, None) => {
            let hint = "add `dns = \"...\"`, the name of a [[dns]] that holds the zone";
            table.fault(
                "challenge",
                "dns-01 needs a zone to put its proofs in",
                hint,
            );
            return None;
        }
        (_, Some(_)) => {
            let hint = "remove `dns`, or write challenge = \"dns-01\"";
            table.fault("dns", "this challenge is not put in the DNS", hint);
            return None;
        }
        (ChallengeWord::TlsAlpn01, None) => ChallengeSetting::TlsAlpn01,
        (ChallengeWord::Http01, None) => ChallengeSetting::Http01,
    };
    Some(AuthoritySettings {
        name: name?.0,
        directory: directory?.0,
        trust,
        contact: contact.map(|contact| contact.0),
        challenge,
        profile,
        external_account: match external_account {
            None => None,
            Some(whole) => Some(whole?),
        },
    })
}

fn dns(table: &Section<'_>) -> Option<DnsSettings> {
    let name: Option<PlainName> = table.required("name");
    let server = table.required("server");
    let servers = table.list("servers");
    let zone: Option<ZoneName> = table.required("zone");
    let key_name: Option<ZoneName> = table.required("key_name");
    let algorithm = table.or("algorithm", TsigAlgorithm::default());
    let secret_file = table.required_path("secret_file");
    table.end();
    Some(DnsSettings {
        name: name?.0,
        server: server?,
        servers,
        zone: zone?.0,
        key_name: key_name?.0,
        algorithm,
        secret_file: secret_file?,
    })
}

/// What these tables need of each other and of the edge; the settings when every one was read.
pub(super) fn check(
    top: &Section<'_>,
    tables: Tables<'_>,
    edge: Option<&EdgeSettings>,
    sites: &[Option<SiteSettings>],
) -> Option<CertificatesSettings> {
    unlike(&tables.wanted, |certificate| &certificate.name);
    unlike(&tables.authorities, |authority| &authority.name);
    unlike(&tables.dns, |dns| &dns.name);
    if let (Some((table, _)), None) = (tables.wanted.first(), edge) {
        let hint = "an edge orders and serves them: add [edge]";
        table.fault("name", "there is no edge for certificates", hint);
    }
    if let (Some(_), Some(edge)) = (tables.wanted.first(), edge)
        && edge.data.is_none()
    {
        let hint = "add `data = \"data\"` to [edge]: certificates are kept there";
        top.fault("certificate", "certificates need a data folder", hint);
    }
    for (table, authority) in &tables.authorities {
        if let Some(authority) = authority {
            authority_needs(table, authority, &tables, edge);
        }
    }
    let all_sites: Option<Vec<&SiteSettings>> = sites.iter().map(Option::as_ref).collect();
    let mut taken: HashMap<&str, &str> = HashMap::new();
    for (table, certificate) in &tables.wanted {
        let Some(certificate) = certificate else {
            continue;
        };
        for name in &certificate.names {
            if let Some(other) = taken.insert(name, &certificate.name) {
                let message = format!("\"{name}\" already stands in the certificate \"{other}\"");
                table.fault("names", message, "leave every name to one certificate");
            }
            if all_sites
                .as_ref()
                .is_some_and(|sites| !is_answered(name, sites))
            {
                let message = format!("no site answers for \"{name}\"");
                let hint = "take it out, or add it to `hosts` of a [[site]]";
                table.fault("names", message, hint);
            }
        }
        asked(table, certificate, &tables);
    }
    fn whole<T>(read: Vec<(Section<'_>, Option<T>)>) -> Option<Vec<T>> {
        read.into_iter().map(|(_, settings)| settings).collect()
    }
    Some(CertificatesSettings {
        holder: tables.holder,
        others: tables.others,
        wanted: whole(tables.wanted)?,
        authorities: whole(tables.authorities)?,
        dns: whole(tables.dns)?,
    })
}

fn unlike<T>(read: &[(Section<'_>, Option<T>)], name: fn(&T) -> &String) {
    let mut seen = HashMap::new();
    for (table, settings) in read {
        let Some(name) = settings.as_ref().map(name) else {
            continue;
        };
        if seen.insert(name, ()).is_some() {
            let message = format!("another one is named \"{name}\"");
            table.fault("name", message, "give each a name of its own");
        }
    }
}

fn authority_needs(
    table: &Section<'_>,
    authority: &AuthoritySettings,
    tables: &Tables<'_>,
    edge: Option<&EdgeSettings>,
) {
    let listens = |tls: bool| edge.is_none_or(|edge| edge.listen.iter().any(|it| it.tls == tls));
    match &authority.challenge {
        ChallengeSetting::TlsAlpn01 if !listens(true) => {
            let hint = "add a listener with tls = true that port 443 leads to, or use dns-01";
            table.fault("challenge", "no listener of the edge speaks TLS", hint);
        }
        ChallengeSetting::Http01 if !listens(false) => {
            let hint = "add a listener without tls that port 80 leads to, or use dns-01";
            table.fault(
                "challenge",
                "no listener of the edge speaks plain HTTP",
                hint,
            );
        }
        ChallengeSetting::Dns01 { dns } => {
            // One with faults may be the one that is meant.
            let mut known = tables.dns.iter().map(|(_, it)| it.as_ref());
            if known.all(|it| it.is_some_and(|it| it.name != *dns)) {
                let message = format!("there is no [[dns]] named \"{dns}\"");
                table.fault("dns", message, "add it, or correct the name");
            }
        }
        _ => {}
    }
}

/// Whether a site answers for a name of a certificate.
fn is_answered(name: &str, sites: &[&SiteSettings]) -> bool {
    let hosts = || sites.iter().flat_map(|site| &site.hosts);
    hosts().any(|host| match host {
        HostPattern::Any => true,
        HostPattern::Exact(host) => match name.strip_prefix("*.") {
            None => host == name,
            // RFC 6125, section 6.4.3: a wildcard stands for the whole leftmost label.
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        },
    })
}

/// What a certificate needs of those who are asked for it.
fn asked(table: &Section<'_>, certificate: &CertificateSettings, tables: &Tables<'_>) {
    let wildcard = certificate.names.iter().find(|name| name.starts_with("*."));
    for (index, name) in certificate.authorities.iter().enumerate() {
        if certificate
            .authorities
            .iter()
            .take(index)
            .any(|other| other == name)
        {
            table.fault(
                "authorities",
                format!("\"{name}\" is named twice"),
                "name each once",
            );
        }
        let mut known = tables.authorities.iter().map(|(_, it)| it.as_ref());
        let Some(authority) = known.clone().flatten().find(|it| it.name == *name) else {
            if known.all(|it| it.is_some()) {
                let message = format!("there is no [[authority]] named \"{name}\"");
                table.fault("authorities", message, "add it, or correct the name");
            }
            continue;
        };
        match (&authority.challenge, wildcard) {
            (ChallengeSetting::Dns01 { dns }, _) => {
                let zone = tables.dns.iter().filter_map(|(_, it)| it.as_ref());
                let mut zone = zone.filter(|it| it.name == *dns).map(|it| it.zone.as_str());
                let Some(zone) = zone.next() else { continue };
                let outside = certificate.names.iter().find(|name| !lies_in(name, zone));
                if let Some(outside) = outside {
                    let message =
                        format!("\"{outside}\" does not lie in the zone {zone} of \"{dns}\"");
                    let hint = "use an authority with another `dns` for this certificate";
                    table.fault("names", message, hint);
                }
            }
            (_, Some(wildcard)) => {
                let message = format!("\"{name}\" cannot prove \"{wildcard}\"");
                let hint = "a wildcard needs an authority with challenge = \"dns-01\"";
                table.fault("authorities", message, hint);
            }
            _ => {}
        }
    }
}

fn lies_in(name: &str, zone: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.strip_suffix(zone)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Stands in file names, orders and logs.
struct PlainName(String);

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
struct CertifiedName(String);

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
struct ZoneName(String);

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
struct HttpsUrl(String);

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
struct Contact(String);

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

enum ChallengeWord {
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
