//! An address and ports that no other test uses.
//!
//! Every town has a loopback address of its own, so that no outgoing connection (those come from
//! 127.0.0.1) can take a port between its choice and its use.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where one town listens.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub address: IpAddr,
    pub http: u16,
    pub https: u16,
}

impl Place {
    /// A place on a loopback address of its own.
    pub fn claim() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let process = std::process::id();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let octet = |value: u32| u8::try_from(value % 254 + 1).unwrap();
        let address = Ipv4Addr::new(127, octet(process / 254), octet(process), octet(number));
        Self {
            address: address.into(),
            http: 8080,
            https: 8443,
        }
    }

    /// A place on the address that browsers know as localhost, with ports below those the system
    /// gives to outgoing connections.
    pub fn for_browsers() -> Self {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let begin = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
        let mut free = (begin..32_000).filter(|port| TcpListener::bind((address, *port)).is_ok());
        Self {
            address,
            http: free.next().unwrap(),
            https: free.next().unwrap(),
        }
    }

    /// The address that speaks TLS.
    pub fn https(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.https)
    }

    /// The address that speaks plain HTTP.
    pub fn http(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.http)
    }
}
