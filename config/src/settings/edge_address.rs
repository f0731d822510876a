//! Where an edge takes orders: a Unix socket of this machine, or host and port of another one.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One edge, as who gives orders reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EdgeAddress {
    /// Its control socket on this machine.
    Socket(PathBuf),
    /// Its `[control]` address.
    Afar {
        /// Host name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
}

/// The text is no address of an edge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no address of an edge\n  write https://HOST:PORT, as `listen` of its [control] says, or the path of its control socket"
)]
pub struct NoEdgeAddress(String);

impl EdgeAddress {
    /// A relative path of a socket resolved against `folder`.
    #[must_use]
    pub fn beneath(self, folder: &Path) -> Self {
        match self {
            Self::Socket(path) => Self::Socket(folder.join(path)),
            afar @ Self::Afar { .. } => afar,
        }
    }
}

impl FromStr for EdgeAddress {
    type Err = NoEdgeAddress;

    fn from_str(text: &str) -> Result<Self, NoEdgeAddress> {
        let no = || NoEdgeAddress(text.to_owned());
        let Some(authority) = text.strip_prefix("https://") else {
            let path = text.strip_prefix("unix:").unwrap_or(text);
            let usable = !path.is_empty() && !path.contains("://") && !path.contains('\0');
            return usable
                .then(|| Self::Socket(PathBuf::from(path)))
                .ok_or_else(no);
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = authority.rsplit_once(':').ok_or_else(no)?;
        let is_number = port.bytes().all(|digit| digit.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port > 0);
        let host = host_of(host).ok_or_else(no)?;
        let port = port.ok_or_else(no)?;
        Ok(Self::Afar { host, port })
    }
}

/// A host without the brackets of an IPv6 literal (RFC 3986, section 3.2.2).
fn host_of(text: &str) -> Option<String> {
    if let Some(literal) = text.strip_prefix('[') {
        let address: Ipv6Addr = literal.strip_suffix(']')?.parse().ok()?;
        return Some(address.to_string());
    }
    let letters = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let usable = !text.is_empty() && text.len() <= 253 && text.chars().all(letters);
    usable.then(|| text.to_ascii_lowercase())
}

impl fmt::Display for EdgeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Afar { host, port } if host.contains(':') => {
                write!(f, "https://[{host}]:{port}")
            }
            Self::Afar { host, port } => write!(f, "https://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn afar(host: &str, port: u16) -> EdgeAddress {
        let host = host.to_owned();
        EdgeAddress::Afar { host, port }
    }

    #[test]
    fn hosts_addresses_and_sockets_are_told_apart() {
        for (text, expected) in [
            ("https://10.0.0.5:9443", afar("10.0.0.5", 9443)),
            ("https://Edge.Example:1/", afar("edge.example", 1)),
            ("https://[2001:db8::1]:9443", afar("2001:db8::1", 9443)),
            ("run/edge.sock", EdgeAddress::Socket("run/edge.sock".into())),
            ("unix:/run/e", EdgeAddress::Socket("/run/e".into())),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "https://edge.example",
            "https://:9443",
            "https://edge.example:0",
            "https://edge.example:+1",
            "https://edge.example:99999",
            "https://user@edge.example:1",
            "https://edge.example:1/orders",
            "https://2001:db8::1:9443",
            "https://[::1:9443",
            "http://10.0.0.5:9443",
        ] {
            assert!(text.parse::<EdgeAddress>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(address: std::net::IpAddr, port in 1u16..) {
            let it = afar(&address.to_string(), port);
            prop_assert_eq!(it.to_string().parse(), Ok(it));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(https://)?.*") {
            let _ = text.parse::<EdgeAddress>();
        }
    }
}
