//! `[[cloud]]`.

use std::collections::HashSet;
use std::net::IpAddr;

use ipnet::IpNet;
use toml::de::DeValue;

use crate::section::{FromValue, Section};
use crate::settings::{CloudSettings, CloudWord};

/// A range shorter than this is no cloud's: whoever is in it may name any address as its own. The
/// private ranges of both kinds, 10.0.0.0/8 and fc00::/7, are just small enough.
const SHORTEST: [u8; 2] = [8, 7];

pub(super) fn read(table: &Section<'_>) -> Option<CloudSettings> {
    let name = name(table);
    let ranges: Vec<IpNet> = table.list("ranges");
    if table.is_empty("ranges") {
        let hint = "add ranges = [\"192.0.2.0/24\"]: the addresses that it connects from";
        table.fault("ranges", "nobody knows which connections it makes", hint);
    }
    for range in &ranges {
        check_range(table, *range);
    }
    let header: Option<Header> = table.optional("header");
    let proxy_protocol = table.or("proxy_protocol", false);
    let word = match (header, proxy_protocol) {
        (Some(Header::XForwardedFor), true) => {
            let hint = "leave `header` out; where PROXY names a proxy of another cloud, give that \
                        one a [[cloud]] of its own, and its header is read";
            table.fault("header", "the reader would be named in two ways", hint);
            CloudWord::ProxyProtocol
        }
        (_, true) => CloudWord::ProxyProtocol,
        (Some(Header::Nothing), false) => CloudWord::Nothing,
        (Some(Header::XForwardedFor) | None, false) => CloudWord::XForwardedFor,
    };
    let probe: Option<String> = table.optional("probe");
    if let Some(url) = &probe
        && !is_url(url)
    {
        let hint = "write it whole, as in \"https://www.city.example/\"";
        table.fault("probe", format!("\"{url}\" is no URL"), hint);
    }
    table.end();
    Some(CloudSettings {
        name: name?,
        ranges: ranges.iter().map(IpNet::trunc).collect(),
        word,
        probe,
    })
}

/// Most clouds at a time: how readers came is counted for each, and each is a bit of what a
/// connection is.
const MOST: usize = 16;

/// Names of their own, and no address of two.
pub(super) fn check(
    top: &Section<'_>,
    clouds: &[(Section<'_>, Option<CloudSettings>)],
    has_edge: bool,
) {
    if !has_edge && !clouds.is_empty() {
        let hint = "add [edge], or leave the clouds out";
        top.fault(
            "cloud",
            "clouds stand before an edge, and there is none",
            hint,
        );
    }
    if clouds.len() > MOST {
        let message = format!("{} clouds are too many", clouds.len());
        top.fault("cloud", message, format!("write at most {MOST}"));
    }
    let mut names = HashSet::new();
    let mut taken: Vec<(IpNet, &str)> = Vec::new();
    for (table, cloud) in clouds {
        let Some(cloud) = cloud else { continue };
        if !names.insert(cloud.name.as_str()) {
            let message = format!("two clouds are called \"{}\"", cloud.name);
            table.fault("name", message, "give each a name of its own");
        }
        for range in &cloud.ranges {
            let overlaps = |other: &IpNet| other.contains(range) || range.contains(other);
            if let Some((other, of)) = taken.iter().find(|(other, _)| overlaps(other)) {
                let message = format!("{range} overlaps {other} of the cloud \"{of}\"");
                table.fault("ranges", message, "write every address once, in one cloud");
            }
            taken.push((*range, &cloud.name));
        }
    }
}

fn check_range(table: &Section<'_>, range: IpNet) {
    let [v4, v6] = SHORTEST;
    let shortest = if range.addr().is_ipv4() { v4 } else { v6 };
    if range.prefix_len() < shortest {
        let hint = format!("write the cloud's own addresses, at least a /{shortest}");
        let message = format!("with {range}, strangers could pass for anybody");
        table.fault("ranges", message, hint);
    }
    // Peers are compared in the form of IPv4, and would never be found in such a range.
    let mapped = matches!(range.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    if mapped {
        let hint = "write it as IPv4, such as \"192.0.2.0/24\"";
        table.fault(
            "ranges",
            format!("{range} is IPv4 in the form of IPv6"),
            hint,
        );
    }
}

/// Names stand in logs and orders, and so are short and plain.
fn name(table: &Section<'_>) -> Option<String> {
    let name: String = table.required("name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.is_empty() && name.len() <= 40 && name.chars().all(plain) {
        return Some(name);
    }
    let message = format!("\"{name}\" cannot be a cloud's name");
    table.fault("name", message, "use a-z, 0-9 and -, at most 40");
    None
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `header`.
#[derive(Clone, Copy)]
enum Header {
    XForwardedFor,
    Nothing,
}

impl FromValue for Header {
    const EXPECTED: &'static str = "\"x-forwarded-for\" or \"none\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        let word = value.as_str()?;
        if word.eq_ignore_ascii_case("x-forwarded-for") {
            Some(Self::XForwardedFor)
        } else {
            (word == "none").then_some(Self::Nothing)
        }
    }
}
