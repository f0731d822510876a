//! The networks that are banned. Pure; changed by orders alone (`routing/switchboard.rs`), asked at
//! every accept.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use yagura_control::Timestamp;
use yagura_control::order::{Ban, BanInForce};

/// Most bans in force.
pub const MOST: usize = 10_000;
/// A network larger than this would ban whole countries by a slip of the finger.
const SHORTEST: [u8; 2] = [8, 16];

/// Every ban, by its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bans {
    by_range: BTreeMap<IpNet, BanInForce>,
    /// Lengths of the networks that are there, IPv4 and IPv6.
    lengths: [Vec<u8>; 2],
}

/// Why a ban cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The network is too large.
    TooWide,
    /// It holds an address that is exempt from limits.
    Exempt(IpNet),
    /// It is over before it begins.
    Over,
    /// There are too many already.
    TooMany,
}

impl Bans {
    /// Whether there is none, in force or over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_range.is_empty()
    }

    /// Whether a ban may be added.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, ban: &Ban, exempt: &[IpNet], now: Timestamp) -> Result<(), Unfit> {
        let [v4, v6] = SHORTEST;
        let shortest = if ban.range.addr().is_ipv4() { v4 } else { v6 };
        if ban.range.prefix_len() < shortest {
            return Err(Unfit::TooWide);
        }
        let range = ban.range.trunc();
        let overlaps = |exempt: &&IpNet| exempt.contains(&range) || range.contains(*exempt);
        if let Some(exempt) = exempt.iter().find(overlaps) {
            return Err(Unfit::Exempt(*exempt));
        }
        if ban.until.is_some_and(|until| until <= now) {
            return Err(Unfit::Over);
        }
        let others = self.in_force(now).filter(|other| other.ban.range != range);
        if others.count() >= MOST {
            return Err(Unfit::TooMany);
        }
        Ok(())
    }

    /// With one more, or another in place of the one of that network. What is over goes.
    #[must_use]
    pub fn with(&self, mut entry: BanInForce, now: Timestamp) -> Self {
        entry.ban.range = entry.ban.range.trunc();
        let kept = self
            .in_force(now)
            .filter(|other| other.ban.range != entry.ban.range);
        kept.cloned().chain([entry.clone()]).collect()
    }

    /// Without the ban of that network.
    #[must_use]
    pub fn without(&self, range: IpNet) -> Self {
        let kept = self.by_range.values();
        kept.filter(|entry| entry.ban.range != range.trunc())
            .cloned()
            .collect()
    }

    /// Whether that network, exactly, is banned.
    #[must_use]
    pub fn holds(&self, range: IpNet) -> bool {
        self.by_range.contains_key(&range.trunc())
    }

    /// Whether nobody is to be let in from an address now.
    #[must_use]
    pub fn covers(&self, address: IpAddr, now: Timestamp) -> bool {
        let address = address.to_canonical();
        let [v4, v6] = &self.lengths;
        let lengths = if address.is_ipv4() { v4 } else { v6 };
        lengths.iter().any(|length| {
            let range = IpNet::new(address, *length).map(|range| range.trunc());
            let entry = range.ok().and_then(|range| self.by_range.get(&range));
            entry.is_some_and(|entry| is_in_force(entry, now))
        })
    }

    /// The bans that are not over.
    pub fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &BanInForce> {
        self.by_range
            .values()
            .filter(move |entry| is_in_force(entry, now))
    }
}

impl FromIterator<BanInForce> for Bans {
    fn from_iter<I: IntoIterator<Item = BanInForce>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let by_range: BTreeMap<_, _> = entries.map(|entry| (entry.ban.range, entry)).collect();
        let lengths = |v4: bool| {
            let mut lengths: Vec<u8> = by_range
                .keys()
                .filter(|range| range.addr().is_ipv4() == v4)
                .map(IpNet::prefix_len)
                .collect();
            lengths.sort_unstable();
            lengths.dedup();
            lengths
        };
        Self {
            lengths: [lengths(true), lengths(false)],
            by_range,
        }
    }
}

fn is_in_force(entry: &BanInForce, now: Timestamp) -> bool {
    entry.ban.until.is_none_or(|until| now < until)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ban(range: &str, until: Option<u64>) -> Ban {
        Ban {
            range: range.parse().unwrap(),
            until: until.map(Timestamp),
        }
    }

    fn entry(range: &str, until: Option<u64>) -> BanInForce {
        BanInForce {
            ban: ban(range, until),
            since: Timestamp(0),
            who: "test".into(),
            reason: None,
        }
    }

    fn covers(bans: &Bans, address: &str, now: u64) -> bool {
        bans.covers(address.parse().unwrap(), Timestamp(now))
    }

    #[test]
    fn a_ban_covers_its_network_until_it_is_over() {
        let bans = Bans::default()
            .with(entry("192.0.2.77/24", Some(10)), Timestamp(0))
            .with(entry("2001:db8::/32", None), Timestamp(0));
        assert!(covers(&bans, "192.0.2.1", 9) && covers(&bans, "::ffff:192.0.2.1", 9));
        assert!(!covers(&bans, "192.0.2.1", 10) && !covers(&bans, "192.0.3.1", 0));
        assert!(covers(&bans, "2001:db8:ffff::1", 10) && !covers(&bans, "2001:db9::1", 10));
        assert!(bans.holds("192.0.2.0/24".parse().unwrap()));
        let lifted = bans.without("2001:db8::1/32".parse().unwrap());
        assert!(!covers(&lifted, "2001:db8::1", 0) && covers(&lifted, "192.0.2.1", 0));
        let later = bans.with(entry("198.51.100.7/32", None), Timestamp(10));
        assert_eq!(later.in_force(Timestamp(0)).count(), 2, "what is over goes");
    }

    #[test]
    fn what_would_lock_out_too_many_is_refused() {
        let bans = Bans::default();
        let exempt = ["127.0.0.0/8".parse().unwrap()];
        let check = |ban: &Ban| bans.check(ban, &exempt, Timestamp(5));
        for (range, unfit) in [
            ("0.0.0.0/0", Unfit::TooWide),
            ("10.0.0.0/7", Unfit::TooWide),
            ("2000::/8", Unfit::TooWide),
            ("127.0.0.1/32", Unfit::Exempt(exempt[0])),
            ("127.1.0.0/16", Unfit::Exempt(exempt[0])),
        ] {
            assert_eq!(check(&ban(range, None)), Err(unfit), "{range}");
        }
        assert_eq!(check(&ban("10.0.0.0/8", Some(5))), Err(Unfit::Over));
        assert_eq!(check(&ban("10.0.0.0/8", Some(6))), Ok(()));
    }

    proptest! {
        #[test]
        fn a_table_covers_what_one_of_its_networks_contains(
            ranges in proptest::collection::vec((any::<u32>(), 8_u8..=32), 0..20), address: u32,
        ) {
            let nets: Vec<IpNet> = ranges
                .iter()
                .map(|(address, length)| IpNet::new(IpAddr::from(address.to_be_bytes()), *length).unwrap())
                .collect();
            let bans = nets.iter().fold(Bans::default(), |bans, net| {
                bans.with(entry(&net.to_string(), None), Timestamp(0))
            });
            let address = IpAddr::from(address.to_be_bytes());
            let expected = nets.iter().any(|net| net.contains(&address));
            prop_assert_eq!(bans.covers(address, Timestamp(0)), expected);
            for net in &nets {
                prop_assert!(bans.covers(net.addr(), Timestamp(0)));
            }
        }
    }
}
