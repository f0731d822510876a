//! Who the reader is, where a security cloud stands between him and the edge, and whether he may come
//! the way he came.
//!
//! Decided for each connection, and for each request where it is the cloud's X-Forwarded-For that
//! says it: `known.rs` knows whom to believe, `identity.rs` reads the hops, `proxy_protocol.rs` the
//! beginning of a connection, `announced.rs` takes it from the socket. Everything that asks who the
//! reader is (limits, bans, `allow_from`, access log, what the origin is told) asks [`Caller`].
//!
//! What a connection is (`class.rs`) is compared with the site's [`Door`] (`door.rs`), by the front
//! for what is in memory and by `stages/ingress.rs` for everything else; `comings.rs` counts how
//! readers came, and `shown.rs` tells of it.

pub mod announced;
mod class;
pub mod comings;
mod door;
pub(crate) mod identity;
mod known;
pub mod proxy_protocol;
pub mod remembered;
pub mod shown;

use std::net::IpAddr;
use std::sync::Arc;

pub use class::Class;
pub use door::{Access, Door, Entry};
pub use known::Known;

use crate::cache::Fields;

/// The field in which proxies name who they speak for.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Where an edge says how a site's door stands, to those whom it always admits.
pub const DOOR_PATH: &str = "/.well-known/yagura-ingress";

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The peer's address, as the socket has it.
    peer: Option<IpAddr>,
    /// The same, or the one that PROXY protocol names in its place.
    address: Option<IpAddr>,
    /// What the connection is.
    class: Class,
    /// Whom to believe; there only when this caller is believed about others.
    known: Option<Arc<Known>>,
}

impl Caller {
    /// Who has this address.
    #[must_use]
    pub fn new(address: Option<IpAddr>, known: &Arc<Known>) -> Self {
        Self::of(address, address, known)
    }

    /// Whom a peer named by PROXY protocol.
    #[must_use]
    pub fn announced(by: Option<IpAddr>, address: IpAddr, known: &Arc<Known>) -> Self {
        Self::of(by, Some(address), known)
    }

    /// The same caller where other addresses are known.
    #[must_use]
    pub fn again(&self, known: &Arc<Known>) -> Self {
        Self::of(self.peer, self.address, known)
    }

    fn of(peer: Option<IpAddr>, address: Option<IpAddr>, known: &Arc<Known>) -> Self {
        let canonical = |address: Option<IpAddr>| address.map(|address| address.to_canonical());
        let (peer, mut address) = (canonical(peer), canonical(address));
        // Nobody else is believed about another, nor one who is a cloud no longer.
        if peer != address && !peer.is_some_and(|peer| known.begins_with_proxy(peer)) {
            address = peer;
        }
        let speaks = address.is_some_and(|address| known.speaks_in_fields(address));
        let class = match (peer, address) {
            (Some(peer), Some(address)) => known.class(peer, address),
            _ => Class::STRANGER,
        };
        Self {
            peer,
            address,
            class,
            known: speaks.then(|| known.clone()),
        }
    }

    /// Its own address, whoever it speaks for.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The peer, where it named another in its place.
    #[must_use]
    pub fn announced_by(&self) -> Option<IpAddr> {
        self.peer.filter(|_| self.peer != self.address)
    }

    /// What the connection is.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Whether each of its requests may be of another reader.
    #[must_use]
    pub const fn speaks_for_others(&self) -> bool {
        self.known.is_some()
    }

    /// The reader whose request has these fields. Nothing is read of them unless this caller
    /// [speaks for others](Self::speaks_for_others).
    #[must_use]
    pub fn reader(&self, fields: &impl Fields) -> Option<IpAddr> {
        match (&self.known, self.address) {
            (Some(known), Some(address)) => {
                let lines = fields.lines(X_FORWARDED_FOR);
                let is_trusted = |hop| known.is_trusted(hop);
                Some(identity::reader(address, is_trusted, lines))
            }
            (_, address) => address,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;
    use yagura_config::settings::{CloudSettings, CloudWord};

    use super::*;

    fn known() -> Arc<Known> {
        let cloud = |name: &str, ranges: &[&str], word| CloudSettings {
            name: name.to_owned(),
            ranges: ranges.iter().map(|range| range.parse().unwrap()).collect(),
            word,
            probe: None,
        };
        Arc::new(Known::of_clouds(&[
            cloud(
                "old",
                &["192.0.2.0/24", "2001:db8:c::/48"],
                CloudWord::XForwardedFor,
            ),
            cloud("new", &["198.51.100.0/24"], CloudWord::ProxyProtocol),
            cloud("mute", &["203.0.113.0/24"], CloudWord::Nothing),
        ]))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn reader(peer: &str, lines: &[&str]) -> IpAddr {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let caller = Caller::new(Some(address(peer)), &known());
        caller.reader(&fields).unwrap()
    }

    #[test]
    fn only_a_cloud_that_speaks_in_fields_is_believed_about_them() {
        for (peer, lines, expected) in [
            // The cloud's own, by IPv4, by IPv4 in the form of IPv6, by IPv6.
            ("192.0.2.7", &["100.64.1.1"][..], "100.64.1.1"),
            ("::ffff:192.0.2.7", &["100.64.1.1"], "100.64.1.1"),
            ("2001:db8:c::7", &["2001:db8:ffff::1"], "2001:db8:ffff::1"),
            // What the reader wrote himself stands to the left of what the cloud wrote.
            ("192.0.2.7", &["127.0.0.1, 100.64.1.1"], "100.64.1.1"),
            ("192.0.2.7", &["192.0.2.9, 100.64.1.1"], "100.64.1.1"),
            // From one cloud through another: both are trusted hops.
            ("192.0.2.7", &["100.64.1.1, 198.51.100.3"], "100.64.1.1"),
            ("192.0.2.7", &["100.64.1.1, 203.0.113.3"], "100.64.1.1"),
            // Strangers, and clouds that say it otherwise or not at all.
            ("100.64.9.9", &["127.0.0.1"], "100.64.9.9"),
            ("::ffff:100.64.9.9", &["127.0.0.1"], "100.64.9.9"),
            ("198.51.100.3", &["127.0.0.1"], "198.51.100.3"),
            ("203.0.113.3", &["127.0.0.1"], "203.0.113.3"),
            ("192.0.2.7", &[], "192.0.2.7"),
        ] {
            assert_eq!(
                reader(peer, lines),
                address(expected),
                "{peer} with {lines:?}"
            );
        }
    }

    #[test]
    fn whom_a_former_cloud_named_is_believed_no_longer() {
        let (cloud, named) = (address("198.51.100.3"), address("192.0.2.7"));
        let caller = Caller::announced(Some(cloud), named, &known());
        assert_eq!(caller.address(), Some(named));
        assert_eq!(caller.announced_by(), Some(cloud));
        assert!(caller.speaks_for_others());
        // A reload has taken the cloud out.
        let later = caller.again(&Arc::default());
        assert_eq!(
            (later.address(), later.class()),
            (Some(cloud), Class::STRANGER)
        );
        assert!(!later.speaks_for_others() && later.announced_by().is_none());
        let nobody = Caller::announced(None, named, &known());
        assert_eq!((nobody.address(), nobody.class()), (None, Class::STRANGER));
    }

    #[test]
    fn without_a_cloud_nobody_speaks_for_others() {
        let none = Arc::new(Known::of_clouds(&[]));
        let caller = Caller::new(Some(address("192.0.2.7")), &none);
        assert!(!caller.speaks_for_others());
        assert!(!Caller::new(None, &known()).speaks_for_others());
    }

    proptest! {
        #[test]
        fn no_field_of_a_stranger_ever_changes_who_he_is(
            peer in any::<IpAddr>(),
            lines in prop::collection::vec("[ -~]{0,40}", 0..4),
            hops in prop::collection::vec(any::<IpAddr>(), 0..4),
        ) {
            let known = known();
            prop_assume!(!known.speaks_in_fields(peer.to_canonical()));
            let mut fields = HeaderMap::new();
            let hops = hops.iter().map(ToString::to_string);
            for line in lines.into_iter().chain(hops) {
                for name in [X_FORWARDED_FOR, "forwarded", "x-real-ip"] {
                    fields.append(name, HeaderValue::from_str(&line).unwrap());
                }
            }
            let caller = Caller::new(Some(peer), &known);
            prop_assert_eq!(caller.reader(&fields), Some(peer.to_canonical()));
        }
    }
}
