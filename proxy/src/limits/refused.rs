//! How often each limit was met. Seldom, and so counted without care for cache lines.

use std::sync::atomic::{AtomicU64, Ordering};

/// A limit that can be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The network is banned.
    Ban,
    /// The edge has as many connections as it may.
    Connections,
    /// The network has as many connections as it may.
    ConnectionsOfNetwork,
    /// The network asked too often for what reaches an origin (429).
    Requests,
    /// The connection comes from a cloud's address and does not begin with PROXY protocol, or that
    /// did not come in time.
    ProxyProtocol,
    /// The head, or the TLS handshake, did not come in time.
    HeadTime,
    /// The head is too long or has too many fields (431).
    HeadSize,
    /// The request line is too long (414).
    Line,
    /// The method is not let through (405).
    Method,
    /// The path cannot be read in one way only, or the site's rules refuse it (400).
    Path,
    /// The body is too large (413).
    BodySize,
    /// The body came too slowly (408).
    SlowSender,
    /// The answer was taken too slowly.
    SlowReader,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 13] = [
        Self::Ban,
        Self::Connections,
        Self::ConnectionsOfNetwork,
        Self::Requests,
        Self::ProxyProtocol,
        Self::HeadTime,
        Self::HeadSize,
        Self::Line,
        Self::Method,
        Self::Path,
        Self::BodySize,
        Self::SlowSender,
        Self::SlowReader,
    ];

    /// Its name in figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Connections => "connections",
            Self::ConnectionsOfNetwork => "connections_per_network",
            Self::Requests => "requests_per_network",
            Self::ProxyProtocol => "proxy_protocol",
            Self::HeadTime => "head_timeout",
            Self::HeadSize => "head",
            Self::Line => "line",
            Self::Method => "methods",
            Self::Path => "path",
            Self::BodySize => "body",
            Self::SlowSender => "slow_sender",
            Self::SlowReader => "slow_reader",
        }
    }
}

/// The counts.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Limit::ALL.len()]);

impl Refusals {
    /// Counts a limit that was met, and gives it back.
    pub fn count(&self, limit: Limit) -> Limit {
        if let Some(count) = self.0.get(limit as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        limit
    }

    /// How often it was met.
    #[must_use]
    pub fn of(&self, limit: Limit) -> u64 {
        let count = self.0.get(limit as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_for_itself_and_has_a_name_of_its_own() {
        let refusals = Refusals::default();
        for (index, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, index);
            (0..=index).for_each(|_| {
                refusals.count(limit);
            });
        }
        let counts: Vec<u64> = Limit::ALL.map(|limit| refusals.of(limit)).to_vec();
        assert_eq!(counts, (1..=13).collect::<Vec<u64>>());
        let mut names = Limit::ALL.map(Limit::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
