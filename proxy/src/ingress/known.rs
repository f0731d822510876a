//! Whom the edge knows by address: the clouds that readers come through, the city hall, monitors and
//! the edges themselves. Pure; made of the configuration, replaced at a reload.

use std::net::IpAddr;

use ipnet::IpNet;
use yagura_config::Settings;
use yagura_config::settings::{CloudSettings, CloudWord, DnsRecord};

use super::class::Class;

/// The addresses that mean something, and what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    clouds: Vec<Cloud>,
    city_hall: Vec<IpNet>,
    monitors: Vec<IpNet>,
}

/// One cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Its name in the configuration.
    pub name: String,
    /// Its bit.
    pub class: Class,
    number: u8,
    ranges: Vec<IpNet>,
    word: CloudWord,
}

impl Known {
    /// Whom these settings name, after those of the settings before. A cloud keeps its class as long
    /// as it is configured, and a new one gets none that a former one had: while a reload puts other
    /// settings in force, a connection that was judged by the former ones is never taken for one of
    /// another cloud.
    #[must_use]
    pub fn after(before: &Self, settings: &Settings) -> Self {
        let mut clouds: Vec<Cloud> = Vec::new();
        for cloud in &settings.clouds {
            let same = before.clouds.iter().find(|one| one.name == cloud.name);
            let taken = |number: &u8| {
                let mut all = clouds.iter().chain(&before.clouds);
                all.any(|one| one.number == *number)
            };
            let free = || (0..Class::CLOUDS).find(|number| !taken(number));
            // There are twice as many as may be configured; without one it would be a stranger.
            let number = same.map(|one| one.number).or_else(free);
            clouds.push(Cloud::of(cloud, number));
        }
        let own = own_addresses(settings).map(IpNet::from);
        let monitors = settings.ingress.monitors.iter().copied();
        Self {
            clouds,
            city_hall: settings.ingress.city_hall.clone(),
            monitors: monitors.chain(own).collect(),
        }
    }

    /// These clouds alone.
    #[cfg(test)]
    #[must_use]
    pub fn of_clouds(clouds: &[CloudSettings]) -> Self {
        let numbered = (0..).zip(clouds);
        Self {
            clouds: numbered
                .map(|(number, cloud)| Cloud::of(cloud, Some(number)))
                .collect(),
            ..Self::default()
        }
    }

    /// What a connection is: of its peer, and of the one whom PROXY protocol names in its place.
    /// Addresses are canonical here: no IPv4 in the form of IPv6.
    #[must_use]
    pub fn class(&self, peer: IpAddr, address: IpAddr) -> Class {
        // Of a cloud behind another one, both count.
        let through = self.cloud_class(peer) | self.cloud_class(address);
        if through == Class::NONE {
            return self.person(address).unwrap_or(Class::STRANGER);
        }
        through
    }

    /// What a reader is, whatever he comes through. A cloud's address is of everybody who comes
    /// through it and is not named, and so of nobody here, also where a wider range holds it.
    #[must_use]
    pub fn person(&self, address: IpAddr) -> Option<Class> {
        if self.is_trusted(address) {
            None
        } else if is_in(&self.city_hall, address) {
            Some(Class::CITY_HALL)
        } else {
            is_in(&self.monitors, address).then_some(Class::MONITOR)
        }
    }

    /// Whether a reader sits in the city hall.
    #[must_use]
    pub fn is_city_hall(&self, address: IpAddr) -> bool {
        self.person(address) == Some(Class::CITY_HALL)
    }

    /// The cloud of that name.
    #[must_use]
    pub fn cloud(&self, name: &str) -> Option<&Cloud> {
        self.clouds.iter().find(|cloud| cloud.name == name)
    }

    /// Whether an address is one of a cloud's.
    #[must_use]
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        self.clouds.iter().any(|cloud| cloud.has(address))
    }

    /// Whether it says in X-Forwarded-For who the reader is.
    #[must_use]
    pub fn speaks_in_fields(&self, address: IpAddr) -> bool {
        self.says(address, CloudWord::XForwardedFor)
    }

    /// Whether its connections must begin with PROXY protocol.
    #[must_use]
    pub fn begins_with_proxy(&self, address: IpAddr) -> bool {
        self.says(address, CloudWord::ProxyProtocol)
    }

    /// Every range of every cloud.
    pub fn cloud_ranges(&self) -> impl Iterator<Item = &IpNet> {
        self.clouds.iter().flat_map(|cloud| &cloud.ranges)
    }

    fn says(&self, address: IpAddr, word: CloudWord) -> bool {
        let mut clouds = self.clouds.iter().filter(|cloud| cloud.word == word);
        clouds.any(|cloud| cloud.has(address))
    }

    fn cloud_class(&self, address: IpAddr) -> Class {
        let found = self.clouds.iter().find(|cloud| cloud.has(address));
        found.map_or(Class::NONE, |cloud| cloud.class)
    }
}

impl Cloud {
    fn of(settings: &CloudSettings, number: Option<u8>) -> Self {
        Self {
            name: settings.name.clone(),
            class: number.map_or(Class::NONE, Class::cloud),
            number: number.unwrap_or(u8::MAX),
            ranges: settings.ranges.clone(),
            word: settings.word,
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        is_in(&self.ranges, address)
    }
}

/// The addresses that edges of these settings have: where this one listens, and where its sites are
/// published directly, which may be another edge's.
fn own_addresses(settings: &Settings) -> impl Iterator<Item = IpAddr> {
    let listen = settings.edge.iter().flat_map(|edge| &edge.listen);
    let listen = listen.map(|listen| listen.address.ip());
    // Everybody on this machine has a loopback address, a proxy of readers too.
    let listen = listen.filter(|address| !address.is_unspecified() && !address.is_loopback());
    let bypasses = settings
        .sites
        .iter()
        .filter_map(|site| site.bypass.as_ref());
    let direct = bypasses.flat_map(|bypass| &bypass.direct);
    let direct = direct.filter_map(DnsRecord::address);
    listen.chain(direct).map(|address| address.to_canonical())
}

fn is_in(ranges: &[IpNet], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(&address))
}

#[cfg(test)]
mod tests;
