//! Under what a response is stored: the site, the host where it matters, and the target.
//!
//! Sites with named hosts share one copy for all their hosts. A site that answers for every host
//! (`*`) must keep them apart, or one host's pages would be served under another's name.

use std::sync::Arc;

use yagura_config::settings::{HostPattern, SiteSettings};

/// What the cache knows of a site.
#[derive(Clone, Debug)]
pub struct SiteCache {
    /// The site's name.
    pub name: Arc<str>,
    /// Whether anything may be stored.
    pub stores: bool,
    /// Whether copies are kept as last-good.
    pub last_good: bool,
    /// Whether a reader's `Cache-Control: no-cache` reaches the origin. A site with a feed is told
    /// of every change, and is spared the reload storm of a disaster.
    pub honours_reload: bool,
    /// Seconds beyond freshness in which copies are shown while a new one is fetched, where the
    /// origin does not say.
    pub window_s: u64,
    /// Whether responses are given in several content codings, made here.
    pub encodes: bool,
    keyed_by_host: bool,
}

impl SiteCache {
    /// What the settings of a site mean for the cache.
    #[must_use]
    pub fn new(site: &SiteSettings) -> Self {
        Self {
            name: site.name.as_str().into(),
            stores: site.cache,
            last_good: site.last_good,
            honours_reload: site.feed_socket.is_none(),
            window_s: site.stale_while_revalidate.as_secs(),
            encodes: site.compress,
            keyed_by_host: site.hosts.contains(&HostPattern::Any),
        }
    }

    /// Writes the key of a request into `key`, which keeps its memory from request to request.
    pub fn write_key(&self, host: &str, target: &str, key: &mut String) {
        key.clear();
        key.push_str(&self.name);
        key.push('\n');
        if self.keyed_by_host {
            key.push_str(host);
        }
        key.push('\n');
        key.push_str(target);
    }

    /// The key of a request.
    #[must_use]
    pub fn key(&self, host: &str, target: &str) -> String {
        let mut key = String::with_capacity(self.name.len() + host.len() + target.len() + 2);
        self.write_key(host, target, &mut key);
        key
    }
}

/// Site and target of a key.
#[must_use]
pub fn site_and_target(key: &str) -> (&str, &str) {
    let mut parts = key.splitn(3, '\n');
    (parts.next().unwrap_or(""), parts.nth(1).unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(keyed_by_host: bool) -> SiteCache {
        SiteCache {
            name: "town".into(),
            stores: true,
            last_good: true,
            honours_reload: false,
            window_s: 0,
            encodes: false,
            keyed_by_host,
        }
    }

    #[test]
    fn named_hosts_share_a_copy_and_other_hosts_do_not() {
        assert_eq!(
            site(false).key("a.example", "/x"),
            site(false).key("b.example", "/x")
        );
        assert_ne!(
            site(true).key("a.example", "/x"),
            site(true).key("b.example", "/x")
        );
    }

    #[test]
    fn a_key_gives_its_parts_back() {
        assert_eq!(
            site_and_target(&site(true).key("a.example", "/x?y=1")),
            ("town", "/x?y=1")
        );
    }
}
