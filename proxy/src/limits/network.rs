//! The network an address belongs to, which is what is counted: a /24 of IPv4, a /48 of IPv6. One
//! reader may have as many addresses as his network has; a network costs money.

use std::net::IpAddr;

/// A network, as a number that no other network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(u64);

/// Tells IPv6 apart; no 48 bits reach so far.
const OF_IPV6: u64 = 1 << 63;

impl Network {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The network of an address. An IPv4 address in the form of IPv6 is one of IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(u32::from(address) >> 8)),
            IpAddr::V6(address) => {
                let [first, second, third, ..] = address.segments();
                let parts = [first, second, third].map(u64::from);
                Self(
                    parts
                        .into_iter()
                        .fold(0, |number, part| (number << 16) | part)
                        | OF_IPV6,
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_network_and_strangers_are_not() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("192.0.2.254"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.9"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:ffff::"));
        assert_ne!(of("2001:db8:1::"), of("2001:db8:2::"));
        assert_ne!(of("0.0.0.0"), of("::2"));
    }
}
