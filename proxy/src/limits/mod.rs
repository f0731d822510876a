//! What readers may ask: how many connections and requests from each network, how large, how
//! slowly, from where not at all. The decisions are pure, one a file; this file holds what they
//! are about, and is asked by the front, the stages and pingora's hooks.
//!
//! A limit never stands between a reader and what is answered from memory or disk: connections of
//! networks that many people share can be exempt, and requests that reach no origin are counted
//! but not refused.

pub mod bans;
pub mod body;
pub mod connections;
pub mod network;
pub mod pace;
pub mod path;
pub mod rate;
pub mod refused;
pub mod requests;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use yagura_config::settings::LimitSettings;
use yagura_control::{Clock, Timestamp};

use crate::ingress::{Caller, Known};
use bans::Bans;
use connections::{Connections, Full};
use network::Network;
use rate::{PARTS, Quota};
use refused::{Limit, Refusals};
use requests::Requests;

/// Hits of a connection that are counted together: one addition to shared memory for so many.
const TOGETHER: u64 = PARTS;

/// Everything that is limited.
pub struct Limits {
    settings: ArcSwap<LimitSettings>,
    bans: ArcSwap<Bans>,
    known: ArcSwap<Known>,
    /// Counts changes of the three above, so that an open connection sees them for one load.
    changes: AtomicU64,
    connections: Connections,
    requests: Requests,
    /// How often each of them was met.
    pub refused: Refusals,
    /// Connections that were let in since the start.
    pub admitted: AtomicU64,
    /// TLS handshakes that were done, and that were not.
    pub handshakes: [AtomicU64; 2],
    clock: Arc<dyn Clock>,
}

impl Limits {
    /// Limits of these settings; nobody is banned.
    #[must_use]
    pub fn new(settings: LimitSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            settings: ArcSwap::from_pointee(settings),
            bans: ArcSwap::default(),
            known: ArcSwap::default(),
            changes: AtomicU64::new(0),
            connections: Connections::default(),
            requests: Requests::default(),
            refused: Refusals::default(),
            admitted: AtomicU64::new(0),
            handshakes: Default::default(),
            clock,
        })
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<LimitSettings> {
        self.settings.load_full()
    }

    /// Puts other settings in force, for open connections too.
    pub fn set(&self, settings: LimitSettings) {
        self.settings.store(Arc::new(settings));
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The bans.
    #[must_use]
    pub fn bans(&self) -> Arc<Bans> {
        self.bans.load_full()
    }

    /// Puts other bans in force, for open connections too: they end with their next request.
    pub fn set_bans(&self, bans: Bans) {
        self.bans.store(Arc::new(bans));
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether anybody at all is banned.
    #[must_use]
    pub fn bans_anybody(&self) -> bool {
        !self.bans.load().is_empty()
    }

    /// Whether a reader is banned; counts him when he is.
    #[must_use]
    pub fn refuses(&self, reader: Option<IpAddr>) -> bool {
        let refuses = self.is_banned(reader);
        if refuses {
            self.refused.count(Limit::Ban);
        }
        refuses
    }

    /// Whether a reader is banned.
    #[must_use]
    pub fn is_banned(&self, reader: Option<IpAddr>) -> bool {
        let now = self.clock.now();
        reader.is_some_and(|address| self.bans.load().covers(address, now))
    }

    /// Whose addresses are known: clouds, the city hall, monitors.
    #[must_use]
    pub fn known(&self) -> Arc<Known> {
        self.known.load_full()
    }

    /// Whether connections from an address must begin with PROXY protocol.
    #[must_use]
    pub fn begins_with_proxy(&self, address: Option<IpAddr>) -> bool {
        let canonical = address.map(|address| address.to_canonical());
        canonical.is_some_and(|address| self.known.load().begins_with_proxy(address))
    }

    /// Knows others from now on, on open connections too: with their next request.
    pub fn set_known(&self, known: Known) {
        self.known.store(Arc::new(known));
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Lets a connection in, before anything is read from it.
    ///
    /// # Errors
    /// The limit it meets; the connection is to be closed.
    pub fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Admitted, Limit> {
        let changes = self.changes.load(Ordering::Acquire);
        let settings = self.settings.load_full();
        if self.refuses(address) {
            return Err(Limit::Ban);
        }
        let known = self.known();
        let caller = Caller::new(address, &known);
        let network = self.counted(&settings, &known, address);
        let entered = self.connections.enter(
            network,
            settings.connections,
            settings.connections_per_network,
        );
        entered.map_err(|full| {
            self.refused.count(match full {
                Full::Edge => Limit::Connections,
                Full::Network => Limit::ConnectionsOfNetwork,
            })
        })?;
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Ok(Admitted {
            limits: self.clone(),
            settings,
            changes,
            caller,
            network,
            counts: network,
            hits: 0,
        })
    }

    /// Whether a request may reach an origin; counts it.
    ///
    /// # Errors
    /// Its network asks too much; seconds until it may ask again.
    pub fn ask(&self, address: Option<IpAddr>) -> Result<(), u64> {
        let settings = self.settings.load();
        let Some(network) = self.counted(&settings, &self.known.load(), address) else {
            return Ok(());
        };
        let asked = self
            .requests
            .ask(network, quota(&settings), ns(self.clock.now()));
        if asked.is_err() {
            self.refused.count(Limit::Requests);
        }
        asked
    }

    /// Counts a request as many. Nobody is refused for it here; what its network asks next may be.
    pub fn charge(&self, address: Option<IpAddr>, requests: u64) {
        let settings = self.settings.load();
        if let Some(network) = self.counted(&settings, &self.known.load(), address) {
            self.count(network, &settings, requests.saturating_mul(PARTS));
        }
    }

    /// Counts a TLS handshake.
    pub fn shook_hands(&self, done: bool) {
        let [succeeded, failed] = &self.handshakes;
        let count = if done { succeeded } else { failed };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.connections.open()
    }

    /// The network that is counted for an address; none where it is exempt, and for the clouds'
    /// own: all readers would share what one network may ask.
    fn counted(
        &self,
        settings: &LimitSettings,
        known: &Known,
        address: Option<IpAddr>,
    ) -> Option<Network> {
        let canonical = address?.to_canonical();
        let mut exempt = settings.exempt.iter().chain(known.cloud_ranges());
        let is_exempt = exempt.any(|range| range.contains(&canonical));
        (!is_exempt).then(|| Network::of(canonical))
    }

    fn count(&self, network: Network, settings: &LimitSettings, hits: u64) {
        let now = ns(self.clock.now());
        self.requests.count(network, quota(settings), now, hits);
    }
}

/// A connection that was let in, until dropped.
pub struct Admitted {
    limits: Arc<Limits>,
    /// The settings in force.
    pub settings: Arc<LimitSettings>,
    changes: u64,
    /// Who is at the other end.
    pub caller: Caller,
    /// Whose connections it counts among.
    network: Option<Network>,
    /// Whose answers from memory are counted.
    counts: Option<Network>,
    hits: u64,
}

impl Admitted {
    /// Takes the word of PROXY protocol about who is at the other end. The connection stays counted
    /// where it was, what is asked over it is counted for that reader.
    ///
    /// # Errors
    /// He is banned; the connection is to be closed.
    pub fn announce(&mut self, address: IpAddr) -> Result<(), Limit> {
        if self.limits.refuses(Some(address)) {
            return Err(Limit::Ban);
        }
        let known = self.limits.known();
        self.caller = Caller::announced(self.caller.address(), address, &known);
        self.counts = self.limits.counted(&self.settings, &known, Some(address));
        Ok(())
    }

    /// Counts an answer that reached no origin.
    pub fn hit(&mut self) {
        self.hits += 1;
        if self.hits >= TOGETHER {
            self.tell();
        }
    }

    /// Whether the connection may go on; sees settings and bans that changed meanwhile.
    pub fn may_go_on(&mut self) -> bool {
        let changes = self.limits.changes.load(Ordering::Acquire);
        if changes == self.changes {
            return true;
        }
        self.changes = changes;
        self.settings = self.limits.settings.load_full();
        self.caller = self.caller.again(&self.limits.known());
        !self.limits.refuses(self.caller.address())
    }

    /// Whether silent connections are to make room.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        connections::is_crowded(self.limits.open(), self.settings.connections)
    }

    fn tell(&mut self) {
        let hits = std::mem::take(&mut self.hits);
        if let (Some(network), 1..) = (self.counts, hits) {
            self.limits.count(network, &self.settings, hits);
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.tell();
        self.limits.connections.leave(self.network);
    }
}

fn quota(settings: &LimitSettings) -> Quota {
    Quota::new(settings.requests_per_network, settings.requests_burst)
}

const fn ns(now: Timestamp) -> u64 {
    now.0.saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use yagura_control::SystemClock;
    use yagura_control::order::{Ban, BanInForce};

    use super::*;

    fn limits(change: impl FnOnce(&mut LimitSettings)) -> Arc<Limits> {
        let mut settings = LimitSettings::default();
        change(&mut settings);
        Limits::new(settings, Arc::new(SystemClock))
    }

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    fn ban(range: &str) -> Bans {
        let ban = Ban {
            range: range.parse().unwrap(),
            until: None,
        };
        let entry = BanInForce {
            ban,
            since: Timestamp(0),
            who: "test".into(),
            reason: None,
        };
        Bans::default().with(entry, Timestamp(0))
    }

    #[test]
    fn a_full_network_is_kept_out_and_an_exempt_one_is_not() {
        let limits = limits(|settings| settings.connections_per_network = 1);
        let inside = limits.admit(address("192.0.2.1")).unwrap();
        let refused = limits.admit(address("192.0.2.2")).err();
        assert_eq!(refused, Some(Limit::ConnectionsOfNetwork));
        assert_eq!(limits.refused.of(Limit::ConnectionsOfNetwork), 1);
        let exempt: Vec<_> = (0..5).map(|_| limits.admit(address("127.0.0.1"))).collect();
        assert!(exempt.iter().all(Result::is_ok));
        drop(inside);
        assert!(limits.admit(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn a_ban_reaches_open_connections_and_a_lifted_one_lets_in_again() {
        let limits = limits(|_| {});
        let mut inside = limits.admit(address("192.0.2.1")).unwrap();
        let mut other = limits.admit(address("198.51.100.1")).unwrap();
        limits.set_bans(ban("192.0.2.0/24"));
        assert!(!inside.may_go_on() && other.may_go_on());
        assert_eq!(limits.admit(address("192.0.2.9")).err(), Some(Limit::Ban));
        limits.set_bans(Bans::default());
        assert!(limits.admit(address("192.0.2.9")).is_ok());
    }

    #[test]
    fn a_cloud_is_not_counted_and_the_reader_it_names_is() {
        let limits = limits(|settings| {
            settings.connections_per_network = 1;
            settings.requests_per_network = 1;
            settings.requests_burst = 10;
        });
        let cloud = |range: &str, word| yagura_config::settings::CloudSettings {
            name: "cloud".to_owned(),
            ranges: vec![range.parse().unwrap()],
            word,
            probe: None,
        };
        limits.set_known(Known::of_clouds(&[cloud(
            "192.0.2.0/24",
            yagura_config::settings::CloudWord::ProxyProtocol,
        )]));
        limits.set_bans(ban("203.0.113.0/24"));
        let mut open: Vec<_> = (0..5)
            .map(|_| limits.admit(address("::ffff:192.0.2.1")).unwrap())
            .collect();
        let banned = address("203.0.113.9").unwrap();
        assert_eq!(open[0].announce(banned), Err(Limit::Ban));
        let reader = address("198.51.100.1");
        open[1].announce(reader.unwrap()).unwrap();
        (0..9 * PARTS).for_each(|_| open[1].hit());
        limits.set_bans(ban("198.51.100.0/24"));
        assert!(!open[1].may_go_on() && open[2].may_go_on());
        open.clear();
        assert_eq!(limits.ask(reader), Ok(()));
        assert!(limits.ask(reader).is_err());
        assert!((0..50).all(|_| limits.ask(address("192.0.2.1")).is_ok()));
    }

    #[test]
    fn hits_are_counted_and_leave_less_for_the_origin() {
        let limits = limits(|settings| {
            settings.requests_per_network = 1;
            settings.requests_burst = 10;
        });
        let reader = address("192.0.2.1");
        let mut inside = limits.admit(reader).unwrap();
        (0..9 * PARTS).for_each(|_| inside.hit());
        drop(inside);
        assert_eq!(limits.ask(reader), Ok(()));
        assert!(limits.ask(reader).is_err());
        assert_eq!(limits.ask(address("192.0.3.1")), Ok(()));
        assert_eq!(limits.ask(address("127.0.0.1")), Ok(()));
    }

    #[test]
    fn open_connections_see_new_settings() {
        let limits = limits(|_| {});
        let mut inside = limits.admit(address("192.0.2.1")).unwrap();
        let new = LimitSettings {
            head_bytes: 1000,
            ..LimitSettings::default()
        };
        limits.set(new);
        assert!(inside.may_go_on());
        assert_eq!(inside.settings.head_bytes, 1000);
    }
}
