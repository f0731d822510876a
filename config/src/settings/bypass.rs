//! `[site.bypass]`: how a site is published without its security cloud (clause 6(11)).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// `[site.bypass]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BypassSettings {
    /// Who changes the DNS.
    pub dns: DnsChanger,
    /// The names that are switched, lower case, without the last dot; at least one.
    pub names: Vec<String>,
    /// What the names hold when readers come directly.
    pub direct: Vec<DnsRecord>,
    /// What they hold behind each cloud, by the cloud's name; one entry at the least.
    pub behind: BTreeMap<String, Vec<DnsRecord>>,
    /// For how long caches may keep the records that the edge writes.
    pub ttl: Duration,
    /// The servers that answer for the names; those that [`DnsChanger`] knows when it is empty.
    pub servers: Vec<SocketAddr>,
    /// The port of the direct way.
    pub direct_port: u16,
    /// Direct traffic counts as ceased below this share of its peak, from 0 to 1.
    pub quiet: Share,
    /// A name on which the whole sequence is rehearsed; nobody reads it.
    pub drill_name: Option<String>,
    /// What does not stand in for the cloud meanwhile, by decision.
    pub without: Without,
}

/// What the bypass goes without, each with the reason for it. Without a reason it does not begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// `without_waf`: nothing inspects what readers send.
    pub waf: Option<String>,
    /// `without_limits`: nobody decided how much readers may ask.
    pub limits: Option<String>,
}

impl Without {
    /// A line each, for whoever approves it and for the record.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let each = [("the WAF", &self.waf), ("limits", &self.limits)];
        let lines = each.map(|(what, why)| Some(format!("{what}: {}", why.as_ref()?)));
        lines.into_iter().flatten()
    }
}

/// A share in thousandths, from 0 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u16);

/// `dns` of `[site.bypass]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsChanger {
    /// This edge, by dynamic updates, in the zone of this `[[dns]]`.
    Update(String),
    /// A person, who is given the exact change request.
    Manual,
    /// Another edge; this one looks until it is done.
    Elsewhere,
}

/// One record of a switchable name, as in a zone file, without name, time and class.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DnsRecord {
    /// `A 192.0.2.1`
    A(Ipv4Addr),
    /// `AAAA 2001:db8::1`
    Aaaa(Ipv6Addr),
    /// `CNAME town.cloud.example.`; alone at its name. Lower case, without the last dot.
    Cname(String),
    /// `HTTPS 1 . alpn=h2` (RFC 9460).
    Https {
        /// The priority; 0 is an alias.
        priority: u16,
        /// The target, without the last dot; empty for the name itself (`.`).
        target: String,
        /// The parameters as they are written, one each.
        parameters: Vec<String>,
    },
}

impl BypassSettings {
    /// The addresses that readers come to directly, at their port.
    pub fn direct_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let addresses = self.direct.iter().filter_map(DnsRecord::address);
        addresses.map(|address| SocketAddr::new(address, self.direct_port))
    }
}

impl DnsRecord {
    /// The address that it names, if it names one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::A(address) => Some(IpAddr::V4(*address)),
            Self::Aaaa(address) => Some(IpAddr::V6(*address)),
            Self::Cname(_) | Self::Https { .. } => None,
        }
    }
}

impl fmt::Display for DnsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => write!(f, "A {address}"),
            Self::Aaaa(address) => write!(f, "AAAA {address}"),
            Self::Cname(name) => write!(f, "CNAME {name}."),
            Self::Https {
                priority,
                target,
                parameters,
            } => {
                write!(f, "HTTPS {priority} {target}.")?;
                parameters.iter().try_for_each(|one| write!(f, " {one}"))
            }
        }
    }
}
