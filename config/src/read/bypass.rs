//! `behind` of `[[site]]` and `[site.bypass]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use toml::de::DeValue;

use crate::section::{FromValue, Section};
use crate::settings::{
    BypassSettings, CloudSettings, DnsChanger, DnsRecord, DnsSettings, HostPattern, Share, Without,
};

/// The times that records of switchable names may live in caches: longer, and a switch takes too
/// long; shorter, and resolvers ask all the time.
const TTL: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

/// What is written about the site's cloud.
pub(super) struct Ingress {
    pub(super) behind: Vec<String>,
    pub(super) bypass: Option<BypassSettings>,
}

pub(super) fn read(site: &Section<'_>, hosts: &[HostPattern]) -> Ingress {
    let behind: Vec<String> = site.list("behind");
    if site.is_written_empty("behind") {
        let hint = "leave it out where readers come directly";
        site.fault("behind", "it names no cloud", hint);
    }
    let bypass = site.table("bypass").and_then(|table| {
        if behind.is_empty() {
            let hint = "add `behind = [\"...\"]`, the name of a [[cloud]]";
            site.fault("bypass", "the site is behind no cloud", hint);
        }
        bypass(&table, hosts, &behind)
    });
    Ingress { behind, bypass }
}

fn bypass(table: &Section<'_>, hosts: &[HostPattern], behind: &[String]) -> Option<BypassSettings> {
    let dns = match table.required::<String>("dns")?.as_str() {
        "manual" => DnsChanger::Manual,
        "elsewhere" => DnsChanger::Elsewhere,
        name => DnsChanger::Update(name.to_owned()),
    };
    let names = names(table, hosts);
    let direct = records(table, "direct");
    if direct.is_empty() {
        let hint = "add direct = [\"A 203.0.113.5\"]: the addresses of the edges";
        table.fault("direct", "nobody could come directly", hint);
    }
    let behind = by_cloud(table, behind);
    let ttl = table.or("ttl", Duration::from_secs(60));
    let [shortest, longest] = TTL;
    if ttl < shortest || ttl > longest {
        let hint = "write \"60s\"; at most \"300s\": it must be short before it is needed";
        table.fault("ttl", "readers would be moved too slowly", hint);
    }
    let servers: Vec<SocketAddr> = table.list("servers");
    if servers.is_empty() && !matches!(dns, DnsChanger::Update(_)) {
        let hint = "add servers = [\"198.51.100.53:53\"]: those that answer for the names";
        table.fault("servers", "nobody could see whether the DNS changed", hint);
    }
    let direct_port = table.or("direct_port", 443);
    let quiet = table.or("quiet", Share(10));
    let drill_name: Option<String> = table.optional("drill_name");
    if drill_name.as_ref().is_some_and(|name| names.contains(name)) {
        let hint = "name one that nobody reads, such as \"drill.town.example\"";
        table.fault("drill_name", "readers use this name", hint);
    }
    let without = Without {
        waf: reason(table, "without_waf"),
        limits: reason(table, "without_limits"),
    };
    table.end();
    Some(BypassSettings {
        dns,
        names,
        direct,
        behind,
        ttl,
        servers,
        direct_port,
        quiet,
        drill_name: drill_name.map(|name| name.trim_end_matches('.').to_ascii_lowercase()),
        without,
    })
}

/// One line of words: whoever approves reads it.
fn reason(table: &Section<'_>, key: &'static str) -> Option<String> {
    let written: String = table.optional(key)?;
    let words = written.trim();
    if words.is_empty() || words.chars().any(char::is_control) {
        let hint = format!("write {key} = \"the reason, in one line\", or leave it out");
        table.fault(key, "it does not say why", hint);
    }
    Some(words.to_owned())
}

fn names(table: &Section<'_>, hosts: &[HostPattern]) -> Vec<String> {
    let written: Option<Vec<String>> = table.optional_list("names");
    let own = || {
        let exact = hosts.iter().filter_map(|host| match host {
            HostPattern::Exact(name) => Some(name.clone()),
            HostPattern::Any => None,
        });
        exact.collect::<Vec<_>>()
    };
    let names: Vec<String> = written.map_or_else(own, |names| {
        let plain = names.iter();
        plain
            .map(|name| name.trim_end_matches('.').to_ascii_lowercase())
            .collect()
    });
    if names.is_empty() {
        let hint = "add names = [\"www.town.example\"]";
        table.fault("names", "there is no name to be switched", hint);
    }
    names
}

/// What stands in for the cloud, as the rest of the file has it.
#[derive(Clone, Copy)]
pub(super) struct Stands {
    pub(super) waf: bool,
    pub(super) limits: bool,
}

/// Here the names of clouds are keys.
fn by_cloud(table: &Section<'_>, behind: &[String]) -> BTreeMap<String, Vec<DnsRecord>> {
    let Some(by_cloud) = table.table("cloud") else {
        let hint = "add [site.bypass.cloud] with `NAME = [\"A 198.51.100.7\"]`";
        table.fault("cloud", "nobody knows the way back behind the cloud", hint);
        return BTreeMap::new();
    };
    let found: BTreeMap<String, Vec<DnsRecord>> = by_cloud.lists().into_iter().collect();
    for (cloud, records) in &found {
        check_set(&by_cloud, cloud, records);
        if !behind.contains(cloud) {
            let hint = format!("clouds of `behind`: {}", behind.join(", "));
            by_cloud.fault(cloud, format!("the site is not behind \"{cloud}\""), hint);
        }
    }
    if found.values().all(Vec::is_empty) {
        let hint = "write `NAME = [\"A 198.51.100.7\"]` for a cloud of `behind`";
        table.fault("cloud", "nobody knows the way back behind a cloud", hint);
    }
    found
}

fn records(table: &Section<'_>, key: &'static str) -> Vec<DnsRecord> {
    let records: Vec<DnsRecord> = table.list(key);
    check_set(table, key, &records);
    records
}

/// RFC 1034, section 3.6.2: a CNAME is alone at its name.
fn check_set(table: &Section<'_>, key: &str, records: &[DnsRecord]) {
    let aliases = records
        .iter()
        .filter(|record| matches!(record, DnsRecord::Cname(_)));
    if aliases.count() > 0 && records.len() > 1 {
        let hint = "write the CNAME alone, or the addresses";
        table.fault(key, "a name with a CNAME holds nothing else", hint);
    }
}

/// What the table needs of others; `stands` is what stands in for the cloud.
pub(super) fn check(
    table: &Section<'_>,
    behind: &[String],
    bypass: Option<&BypassSettings>,
    clouds: &[&CloudSettings],
    dns: &[DnsSettings],
    stands: Stands,
) {
    for name in behind {
        if !clouds.iter().any(|cloud| cloud.name == *name) {
            let known: Vec<&str> = clouds.iter().map(|cloud| cloud.name.as_str()).collect();
            let hint = format!("clouds of this file: {}", known.join(", "));
            table.fault("behind", format!("there is no [[cloud]] \"{name}\""), hint);
        }
    }
    if let Some(DnsChanger::Update(name)) = bypass.map(|bypass| &bypass.dns)
        && !dns.iter().any(|dns| dns.name == *name)
    {
        let hint = "write the name of a [[dns]], or \"manual\" or \"elsewhere\"";
        table.fault("bypass", format!("there is no [[dns]] \"{name}\""), hint);
    }
    // Who approves must not be told that something is not there which is.
    let Some(without) = bypass.map(|bypass| &bypass.without) else {
        return;
    };
    if without.waf.is_some() && stands.waf {
        let hint = "take without_waf out; or set `waf = \"off\"` of this site";
        table.fault(
            "bypass",
            "[waf] stands in the bypass, and without_waf says that it goes without",
            hint,
        );
    }
    if without.limits.is_some() && stands.limits {
        let hint = "take without_limits out, or [edge.limits]";
        table.fault(
            "bypass",
            "[edge.limits] stands in the bypass, and without_limits says that it goes without",
            hint,
        );
    }
}

impl FromValue for DnsRecord {
    const EXPECTED: &'static str = "a record as in a zone file: \"A 192.0.2.1\", \"AAAA 2001:db8::1\", \"CNAME cloud.example.\", \"HTTPS 1 . alpn=h2\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let mut words = value.as_str()?.split_ascii_whitespace();
        let kind = words.next()?.to_ascii_uppercase();
        let first = words.next()?;
        let record = match kind.as_str() {
            "A" => Self::A(first.parse().ok()?),
            "AAAA" => Self::Aaaa(first.parse().ok()?),
            "CNAME" => Self::Cname(dns_name(first).filter(|name| !name.is_empty())?),
            "HTTPS" => Self::Https {
                priority: first.parse().ok()?,
                target: dns_name(words.next()?)?,
                parameters: words.by_ref().map(str::to_owned).collect(),
            },
            _ => return None,
        };
        words.next().is_none().then_some(record)
    }
}

/// A name as it is compared: lower case, without the last dot. `.` is the empty one.
fn dns_name(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let usable = text.len() <= 254 && text.chars().all(plain) && !text.contains("..");
    usable.then(|| text.trim_end_matches('.').to_ascii_lowercase())
}

impl FromValue for Share {
    const EXPECTED: &'static str = "a share such as \"1%\" or \"0.5%\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let number = value.as_str()?.strip_suffix('%')?.trim();
        let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
        if tenth.len() != 1 {
            return None;
        }
        let thousandths =
            whole.parse::<u16>().ok()?.checked_mul(10)? + tenth.parse::<u16>().ok()?;
        (thousandths <= 1000).then_some(Self(thousandths))
    }
}
