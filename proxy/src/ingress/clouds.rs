//! Whom to believe about who the reader is. Pure; made of the configuration, replaced at a reload.

use std::net::IpAddr;

use ipnet::IpNet;
use yagura_config::settings::{CloudSettings, CloudWord};

/// The addresses of all clouds, by how they say who the reader is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clouds {
    in_fields: Vec<IpNet>,
    by_proxy_protocol: Vec<IpNet>,
    in_silence: Vec<IpNet>,
}

impl Clouds {
    /// The clouds of these settings, whose ranges do not overlap.
    #[must_use]
    pub fn new(settings: &[CloudSettings]) -> Self {
        let mut clouds = Self::default();
        for cloud in settings {
            let ranges = match cloud.word {
                CloudWord::XForwardedFor => &mut clouds.in_fields,
                CloudWord::ProxyProtocol => &mut clouds.by_proxy_protocol,
                CloudWord::Nothing => &mut clouds.in_silence,
            };
            ranges.extend_from_slice(&cloud.ranges);
        }
        clouds
    }

    /// Whether an address is one of a cloud's. Addresses are canonical here: no IPv4 in the form of
    /// IPv6.
    #[must_use]
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        self.ranges().any(|range| range.contains(&address))
    }

    /// Whether it says in X-Forwarded-For who the reader is.
    #[must_use]
    pub fn speaks_in_fields(&self, address: IpAddr) -> bool {
        is_in(&self.in_fields, address)
    }

    /// Whether its connections must begin with PROXY protocol.
    #[must_use]
    pub fn begins_with_proxy(&self, address: IpAddr) -> bool {
        is_in(&self.by_proxy_protocol, address)
    }

    /// Every range of every cloud.
    pub fn ranges(&self) -> impl Iterator<Item = &IpNet> {
        let spoken = self.in_fields.iter().chain(&self.by_proxy_protocol);
        spoken.chain(&self.in_silence)
    }
}

fn is_in(ranges: &[IpNet], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(&address))
}
