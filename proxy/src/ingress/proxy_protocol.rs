//! PROXY protocol, versions 1 and 2, as HAProxy defines it ("The PROXY protocol", sections 2.1 and
//! 2.2): whom the sender of a connection speaks for. Pure; `announced.rs` reads it from a socket.
//!
//! It is read strictly: a header that could be taken in two ways is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest line of version 1, with its end.
const LONGEST_LINE: usize = 107;
/// Shortest line of version 1: `PROXY UNKNOWN` with its end.
const SHORTEST_LINE: usize = 15;
const LINE: &[u8] = b"PROXY ";

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;
/// Most bytes after them that are read. Senders put certificates' names and the like there; 536
/// bytes in all is what the definition calls enough.
const MOST_FOLLOWING: usize = 4096;

/// How far the beginning of a connection has been understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// At least so many bytes more belong to it; no fewer than one.
    Needs(usize),
    /// It is whole, and names this sender; none where the sender speaks for itself (a check of
    /// health) or does not know.
    Whole(Option<SocketAddr>),
    /// It is no PROXY protocol.
    Other,
}

/// Looks at the bytes that a connection began with. Who reads as many as it needs and asks again
/// never reads a byte of what follows.
#[must_use]
pub fn understand(bytes: &[u8]) -> Beginning {
    if begins(bytes, LINE) {
        version_1(bytes)
    } else if begins(bytes, SIGNATURE) {
        version_2(bytes)
    } else {
        Beginning::Other
    }
}

/// Whether the bytes begin like that, as far as they go.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let both = bytes.len().min(with.len());
    bytes.get(..both) == with.get(..both)
}

fn version_1(bytes: &[u8]) -> Beginning {
    if bytes.len() < SHORTEST_LINE {
        return Beginning::Needs(SHORTEST_LINE - bytes.len());
    }
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        let missing = if bytes.ends_with(b"\r") { 1 } else { 2 };
        return if bytes.len() + missing > LONGEST_LINE {
            Beginning::Other
        } else {
            Beginning::Needs(missing)
        };
    };
    let line = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r"));
    let is_all = end + 1 == bytes.len() && end < LONGEST_LINE;
    let text = line.filter(|_| is_all).and_then(|line| {
        let rest = line.strip_prefix(LINE)?;
        std::str::from_utf8(rest).ok()
    });
    match text {
        None => Beginning::Other,
        // What follows is to be ignored.
        Some(text) if text == "UNKNOWN" || text.starts_with("UNKNOWN ") => Beginning::Whole(None),
        Some(text) => {
            sender(text).map_or(Beginning::Other, |sender| Beginning::Whole(Some(sender)))
        }
    }
}

/// `TCP4 192.0.2.1 198.51.100.1 56324 443`.
fn sender(text: &str) -> Option<SocketAddr> {
    let mut words = text.split(' ');
    let family = words.next()?;
    let (source, destination) = (words.next()?, words.next()?);
    let (source_port, _destination_port) = (port(words.next()?)?, port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    let address: IpAddr = match family {
        "TCP4" => {
            let _is_one: Ipv4Addr = destination.parse().ok()?;
            source.parse::<Ipv4Addr>().ok()?.into()
        }
        "TCP6" => {
            let _is_one: Ipv6Addr = destination.parse().ok()?;
            source.parse::<Ipv6Addr>().ok()?.into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, source_port))
}

/// A decimal number without zeros before it.
fn port(word: &str) -> Option<u16> {
    let is_plain =
        word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    is_plain.then(|| word.parse().ok()).flatten()
}

fn version_2(bytes: &[u8]) -> Beginning {
    let (Some(fixed), Some(following)) = (bytes.first_chunk::<FIXED>(), bytes.get(FIXED..)) else {
        return Beginning::Needs(FIXED - bytes.len());
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let is_known = matches!(command, LOCAL | PROXY) && family >> 4 <= 3 && family & 0xf <= 2;
    if !is_known || length > MOST_FOLLOWING || following.len() > length {
        return Beginning::Other;
    }
    if following.len() < length {
        return Beginning::Needs(length - following.len());
    }
    // What stands behind the addresses is passed over. Unix sockets have no address of ours.
    match (command, family >> 4) {
        (PROXY, INET) => named(ipv4(following)),
        (PROXY, INET6) => named(ipv6(following)),
        _ => Beginning::Whole(None),
    }
}

/// Version 2, and what the sender does: it speaks for itself, or for another.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// Families of addresses.
const INET: u8 = 1;
const INET6: u8 = 2;

/// Too short for the addresses that it announces is not a header.
fn named(sender: Option<SocketAddr>) -> Beginning {
    sender.map_or(Beginning::Other, |sender| Beginning::Whole(Some(sender)))
}

/// Source, destination, their ports.
fn ipv4(following: &[u8]) -> Option<SocketAddr> {
    let [a, b, c, d, _, _, _, _, high, low, _, _] = *following.first_chunk::<12>()?;
    Some((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into())
}

/// Source, destination, their ports.
fn ipv6(following: &[u8]) -> Option<SocketAddr> {
    let addresses = following.first_chunk::<36>()?;
    let source = addresses.first_chunk::<16>()?;
    let [high, low, _, _] = *addresses.last_chunk::<4>()?;
    Some((Ipv6Addr::from(*source), u16::from_be_bytes([high, low])).into())
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddrV4, SocketAddrV6};

    use proptest::prelude::*;

    use super::*;

    fn written_1(source: SocketAddr) -> Vec<u8> {
        let (family, destination) = match source {
            SocketAddr::V4(_) => ("TCP4", "198.51.100.1"),
            SocketAddr::V6(_) => ("TCP6", "2001:db8::1"),
        };
        let (address, port) = (source.ip(), source.port());
        format!("PROXY {family} {address} {destination} {port} 443\r\n").into_bytes()
    }

    fn written_2(command: u8, family: u8, following: &[u8]) -> Vec<u8> {
        let length = u16::try_from(following.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, following].concat()
    }

    fn addresses(source: SocketAddr) -> (u8, Vec<u8>) {
        let ports = [source.port().to_be_bytes(), [1, 0xbb]].concat();
        match source.ip() {
            IpAddr::V4(ip) => (0x11, [&ip.octets()[..], &[192, 0, 2, 1], &ports].concat()),
            IpAddr::V6(ip) => (0x21, [&ip.octets()[..], &[0x20; 16], &ports].concat()),
        }
    }

    /// Reads as the shell does: never more than is needed.
    fn read(bytes: &[u8]) -> (Beginning, usize) {
        let mut length = 0;
        loop {
            match understand(&bytes[..length]) {
                Beginning::Needs(more) => {
                    assert!(more > 0);
                    if length + more > bytes.len() {
                        return (Beginning::Needs(length + more - bytes.len()), length);
                    }
                    length += more;
                }
                end => return (end, length),
            }
        }
    }

    #[test]
    fn version_1_is_read_strictly() {
        let named = |text: &str| Beginning::Whole(Some(text.parse().unwrap()));
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
        let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
        assert_eq!(longest.len(), LONGEST_LINE);
        for (line, expected) in [
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
                named("192.0.2.1:56324"),
            ),
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 0 65535\r\n",
                named("192.0.2.1:0"),
            ),
            (
                "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n",
                named("[2001:db8::1]:1"),
            ),
            ("PROXY UNKNOWN\r\n", Beginning::Whole(None)),
            (
                "PROXY UNKNOWN ffff:f...f:ffff 1 2 3\r\n",
                Beginning::Whole(None),
            ),
            (&longest, Beginning::Whole(None)),
            (&too_long, Beginning::Other),
            ("PROXY UNKNOWNS\r\n", Beginning::Other),
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 056 443\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 +56 443\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 192.0.2.1 198.51.100.1 56324 65536\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 192.0.2.01 198.51.100.1 56324 443\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
                Beginning::Other,
            ),
            (
                "PROXY TCP4 192.0.2.1 example 56324 443\r\n",
                Beginning::Other,
            ),
            (
                "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
                Beginning::Other,
            ),
            (
                "proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
                Beginning::Other,
            ),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Beginning::Other),
        ] {
            let followed = format!("{line}GET /");
            assert_eq!(read(followed.as_bytes()).0, expected, "{line:?}");
        }
    }

    #[test]
    fn version_2_is_read_strictly() {
        let source: SocketAddr = "192.0.2.1:56324".parse().unwrap();
        let (family, v4) = addresses(source);
        let extended = [&v4[..], &[0x04, 0, 2, 1, 1]].concat();
        let nobody = Beginning::Whole(None);
        let named = Beginning::Whole(Some(source));
        for (what, bytes, expected) in [
            ("an address", written_2(PROXY, family, &v4), named),
            ("extensions", written_2(PROXY, family, &extended), named),
            ("datagrams", written_2(PROXY, 0x12, &v4), named),
            ("a check of health", written_2(LOCAL, family, &v4), nobody),
            ("one without anything", written_2(LOCAL, 0, &[]), nobody),
            ("no family", written_2(PROXY, 0, &[1, 2, 3]), nobody),
            ("a Unix socket", written_2(PROXY, 0x31, &[0; 216]), nobody),
            (
                "as much as is read",
                written_2(PROXY, family, &[0; MOST_FOLLOWING]),
                Beginning::Whole(Some("0.0.0.0:0".parse().unwrap())),
            ),
            (
                "more than is read",
                written_2(PROXY, family, &[0; MOST_FOLLOWING + 1]),
                Beginning::Other,
            ),
            (
                "too short for IPv4",
                written_2(PROXY, family, &v4[..11]),
                Beginning::Other,
            ),
            (
                "too short for IPv6",
                written_2(PROXY, 0x21, &[0; 35]),
                Beginning::Other,
            ),
            (
                "an unknown command",
                written_2(0x22, family, &v4),
                Beginning::Other,
            ),
            (
                "an unknown version",
                written_2(0x11, family, &v4),
                Beginning::Other,
            ),
            (
                "an unknown family",
                written_2(PROXY, 0x41, &v4),
                Beginning::Other,
            ),
            (
                "an unknown transport",
                written_2(PROXY, 0x13, &v4),
                Beginning::Other,
            ),
        ] {
            assert_eq!(read(&bytes).0, expected, "{what}");
        }
    }

    #[test]
    fn tls_and_http_are_told_at_their_first_bytes() {
        for bytes in [&b"\x16\x03\x01"[..], b"GET", b"PRI *", b"P R", b"\r\n\r\nG"] {
            assert_eq!(understand(bytes), Beginning::Other, "{bytes:?}");
        }
        assert_eq!(understand(b""), Beginning::Needs(SHORTEST_LINE));
        assert_eq!(understand(b"\r"), Beginning::Needs(FIXED - 1));
    }

    fn source() -> impl Strategy<Value = SocketAddr> {
        prop_oneof![
            any::<SocketAddrV4>().prop_map(SocketAddr::V4),
            any::<(Ipv6Addr, u16)>()
                .prop_map(|(address, port)| SocketAddrV6::new(address, port, 0, 0).into()),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_not_a_byte_more(
            source in source(),
            extensions in prop::collection::vec(any::<u8>(), 0..64),
            follows in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let (family, mut following) = addresses(source);
            following.extend_from_slice(&extensions);
            for header in [written_1(source), written_2(PROXY, family, &following)] {
                let whole = [&header[..], &follows].concat();
                let (beginning, length) = read(&whole);
                prop_assert_eq!(beginning, Beginning::Whole(Some(source)));
                prop_assert_eq!(length, header.len());
                for cut in 0..header.len() {
                    prop_assert!(matches!(read(&header[..cut]).0, Beginning::Needs(_)));
                }
            }
        }

        #[test]
        fn any_bytes_have_an_end(
            version in 0..3_usize,
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let begin: &[u8] = [&[][..], LINE, SIGNATURE][version];
            let bytes = [begin, &bytes].concat();
            let (beginning, length) = read(&bytes);
            prop_assert!(length <= FIXED + MOST_FOLLOWING);
            if let Beginning::Needs(more) = beginning {
                prop_assert!(length + more <= FIXED + MOST_FOLLOWING);
            }
        }
    }
}
