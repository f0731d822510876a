//! The hops that X-Forwarded-For names, and which of them is the reader. Pure.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Longest hop: an IPv6 address with brackets and port.
const LONGEST: usize = 64;

/// The reader for whom a trusted peer speaks: the rightmost hop that is not itself trusted.
///
/// Each proxy adds at the right whom it spoke with; what stands to the left of a hop is that hop's
/// word. So the search goes from the right through trusted hops, and ends at the first that is not.
/// It also ends at a hop that is no address (RFC 7239 calls such hops `unknown` or by a name): then
/// the hop that named it counts, which at the least is the peer.
///
/// `lines` are the field's lines in the order in which they came, which together are one list
/// (RFC 9110, section 5.3). One pass from the left finds the same, and keeps nothing.
pub fn reader<'l>(
    peer: IpAddr,
    is_trusted: impl Fn(IpAddr) -> bool,
    lines: impl Iterator<Item = &'l [u8]>,
) -> IpAddr {
    let mut found = None;
    for hop in lines.flat_map(hops) {
        match address(hop) {
            // Nothing to the left of it counts.
            None => found = None,
            Some(hop) if !is_trusted(hop) => found = Some(hop),
            Some(hop) => {
                found.get_or_insert(hop);
            }
        }
    }
    found.unwrap_or(peer)
}

/// The list's elements; empty ones are passed over (RFC 9110, section 5.6.1.2).
fn hops(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|hop| !hop.is_empty())
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(hop: &[u8]) -> Option<IpAddr> {
    // A zone (`%eth0`) means something on one machine alone.
    if hop.len() > LONGEST || hop.contains(&b'%') {
        return None;
    }
    let text = std::str::from_utf8(hop).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']');
    let plain = text.parse::<IpAddr>().ok();
    let address = plain
        .or_else(|| text.parse::<SocketAddr>().ok().map(|whole| whole.ip()))
        .or_else(|| bracketed()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.1";

    fn is_trusted(address: IpAddr) -> bool {
        let trusted = ["10.0.0.0/8", "2001:db8:c::/48"];
        let mut ranges = trusted.iter().map(|range| range.parse::<IpNet>().unwrap());
        ranges.any(|range| range.contains(&address))
    }

    fn of(lines: &[&str]) -> String {
        let lines = lines.iter().map(|line| line.as_bytes());
        reader(PEER.parse().unwrap(), is_trusted, lines).to_string()
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_reader() {
        for (lines, expected) in [
            (&[][..], PEER),
            (&[""], PEER),
            (&["192.0.2.1"], "192.0.2.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            (&["192.0.2.1, 10.0.0.2, 10.0.0.3"], "192.0.2.1"),
            (&["192.0.2.1, 2001:db8:c::2"], "192.0.2.1"),
            // All lines are one list.
            (&["192.0.2.1", "192.0.2.2"], "192.0.2.2"),
            (&["192.0.2.1", "10.0.0.2"], "192.0.2.1"),
            (&["192.0.2.1,", ",10.0.0.2", ""], "192.0.2.1"),
            // Forged: the reader wrote the left part, whatever he wrote.
            (&["127.0.0.1, 192.0.2.1"], "192.0.2.1"),
            (&["10.0.0.9, 192.0.2.1"], "192.0.2.1"),
            (&["10.0.0.9", "192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            (&["<script>, 192.0.2.1"], "192.0.2.1"),
            (&["unknown, 10.0.0.9, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            // Nobody but the cloud: the first of its hops.
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // IPv4 in the form of IPv6 is IPv4, trusted or not.
            (&["::ffff:192.0.2.1"], "192.0.2.1"),
            (&["192.0.2.1, ::ffff:10.0.0.2"], "192.0.2.1"),
            (&["[::ffff:192.0.2.1]:80"], "192.0.2.1"),
            // With ports and brackets.
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["192.0.2.1, 10.0.0.2:80"], "192.0.2.1"),
            (&["192.0.2.1, [2001:db8:c::2]:443"], "192.0.2.1"),
        ] {
            assert_eq!(of(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_search() {
        for hop in [
            "unknown",
            "_hidden",
            "192.0.2.256",
            "192.0.2",
            "192.0.2.1:port",
            "192.0.2.1:99999",
            "192.0.2.1 192.0.2.2",
            "192.0.2.1;192.0.2.2",
            "\"192.0.2.1\"",
            "for=192.0.2.1",
            "[192.0.2.1]",
            "[2001:db8::1",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "0x7f.1",
            "127.1",
            "0300.0.2.1",
            "2001:db8::1::2",
        ] {
            assert_eq!(of(&[hop]), PEER, "{hop}");
            assert_eq!(of(&[&format!("192.0.2.1, {hop}")]), PEER, "{hop}");
            let named = format!("192.0.2.1, {hop}, 10.0.0.3, 10.0.0.2");
            assert_eq!(of(&[&named]), "10.0.0.3", "{hop}");
            assert_eq!(of(&[&format!("{hop}, 192.0.2.1")]), "192.0.2.1", "{hop}");
        }
        assert_eq!(of(&[&"1".repeat(100_000)]), PEER);
    }

    /// The rule as it is said: from the right, hop by hop.
    fn as_it_is_said(lines: &[String]) -> IpAddr {
        let mut last = PEER.parse().unwrap();
        let joined = lines.join(",");
        for hop in joined.rsplit(',').map(str::trim) {
            if hop.is_empty() {
                continue;
            }
            match address(hop.as_bytes()) {
                None => return last,
                Some(hop) if !is_trusted(hop) => return hop,
                Some(hop) => last = hop,
            }
        }
        last
    }

    fn hop() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<IpAddr>().prop_map(|address| address.to_string()),
            any::<u8>().prop_map(|last| format!("10.0.0.{last}")),
            any::<SocketAddr>().prop_map(|address| address.to_string()),
            Just(" ".to_owned()),
            "[ -~]{0,12}",
        ]
    }

    proptest! {
        #[test]
        fn one_pass_from_the_left_finds_what_the_way_from_the_right_finds(
            lines in prop::collection::vec(
                prop::collection::vec(hop(), 0..5).prop_map(|hops| hops.join(",")),
                0..4,
            ),
        ) {
            let bytes = lines.iter().map(String::as_bytes);
            let found = reader(PEER.parse().unwrap(), is_trusted, bytes);
            prop_assert_eq!(found, as_it_is_said(&lines));
        }

        #[test]
        fn whatever_a_reader_wrote_the_clouds_own_word_wins(
            forged in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..4),
            reader_address in any::<IpAddr>(),
        ) {
            let reader_address = reader_address.to_canonical();
            prop_assume!(!is_trusted(reader_address));
            let own = reader_address.to_string();
            let lines = forged.iter().map(Vec::as_slice).chain([own.as_bytes()]);
            let found = reader(PEER.parse().unwrap(), is_trusted, lines);
            prop_assert_eq!(found, reader_address);
        }
    }
}
