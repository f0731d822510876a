//! What is written of a reader's address (docs/decisions/access-log.md).

use std::net::IpAddr;

use time::Date;
use yagura_config::settings::AddressPolicy;
use yagura_control::Timestamp;

/// A key that nobody but this process ever has.
type Key = [u8; 32];

/// Turns addresses into what may be written of them.
pub struct Veil {
    policy: AddressPolicy,
    /// The key of the day. It is never written, and the one before is forgotten.
    key: Option<(Date, Key)>,
}

impl Veil {
    /// A veil of this policy.
    #[must_use]
    pub const fn new(policy: AddressPolicy) -> Self {
        Self { policy, key: None }
    }

    /// What is written of an address seen at that time; `new_key` makes the key of a day.
    #[must_use]
    pub fn shown(
        &mut self,
        address: Option<IpAddr>,
        at: Timestamp,
        new_key: impl FnOnce() -> Key,
    ) -> Option<String> {
        let address = address?.to_canonical();
        match self.policy {
            AddressPolicy::Full => Some(address.to_string()),
            AddressPolicy::Truncated => Some(network(address)),
            AddressPolicy::Omitted => None,
            AddressPolicy::Hashed => {
                let day = at.in_japan().date();
                // A line that began before midnight and is written after it has the new key too:
                // going back to the old one would mean to keep it.
                let key = match self.key {
                    Some((of, key)) if of >= day => key,
                    _ => {
                        let key = new_key();
                        self.key = Some((day, key));
                        key
                    }
                };
                let bytes = match address {
                    IpAddr::V4(address) => address.octets().to_vec(),
                    IpAddr::V6(address) => address.octets().to_vec(),
                };
                let hash = blake3::keyed_hash(&key, &bytes).to_hex();
                hash.get(..16).map(str::to_owned)
            }
        }
    }
}

/// The network of an address: the first 24 bits of IPv4, the first 48 of IPv6.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            format!("{first}.{second}.{third}.0/24")
        }
        IpAddr::V6(address) => {
            let [first, second, third, ..] = address.segments();
            let cut = std::net::Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0);
            format!("{cut}/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn shown(veil: &mut Veil, text: &str, day: u64) -> Option<String> {
        let key = || [u8::try_from(day).unwrap(); 32];
        veil.shown(text.parse().ok(), Timestamp(day * DAY), key)
    }

    #[test]
    fn an_address_is_cut_to_its_network() {
        let mut veil = Veil::new(AddressPolicy::Truncated);
        for (address, network) in [
            ("192.0.2.77", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.77", Some("192.0.2.0/24")),
            ("2001:db8:1:2::9", Some("2001:db8:1::/48")),
            ("", None),
        ] {
            assert_eq!(shown(&mut veil, address, 1).as_deref(), network);
        }
    }

    #[test]
    fn all_of_it_or_nothing_where_that_is_wanted() {
        let mut full = Veil::new(AddressPolicy::Full);
        assert_eq!(
            shown(&mut full, "::ffff:192.0.2.7", 1).unwrap(),
            "192.0.2.7"
        );
        let mut omitted = Veil::new(AddressPolicy::Omitted);
        assert_eq!(shown(&mut omitted, "192.0.2.7", 1), None);
    }

    #[test]
    fn a_hash_is_good_for_a_day() {
        let mut veil = Veil::new(AddressPolicy::Hashed);
        let mut of = |address, day| shown(&mut veil, address, day).unwrap();
        let first = of("192.0.2.7", 1);
        assert_eq!(first.len(), 16);
        assert_eq!(of("192.0.2.7", 1), first);
        assert_ne!(of("192.0.2.8", 1), first);
        let second = of("192.0.2.7", 2);
        assert_ne!(second, first);
        // A late line of yesterday.
        assert_eq!(of("192.0.2.7", 1), second);
    }
}
