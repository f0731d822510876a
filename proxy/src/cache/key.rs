//! Under what a response is stored: the site, the host where it matters, and the target without
//! what makes no difference (`normalise.rs`).
//!
//! Sites with named hosts share one copy for all their hosts. A site that answers for every host
//! (`*`) must keep them apart, or one host's pages would be served under another's name.

use std::borrow::Cow;
use std::sync::Arc;

use yagura_config::settings::{HostPattern, PathRules, SiteSettings};
use yagura_control::order::{Purge, Target};

use super::normalise::Rules;
use crate::limits::path;

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
    /// What of a request makes no difference.
    pub rules: Arc<Rules>,
    /// How paths are spelled.
    pub paths: PathRules,
    keyed_by_host: bool,
}

impl SiteCache {
    /// What the settings of a site mean for the cache.
    #[must_use]
    pub fn new(site: &SiteSettings) -> Self {
        Self {
            name: site.name.as_str().into(),
            // Who asks from outside must not be answered with what the city hall got.
            stores: site.cache && !site.staff,
            last_good: site.last_good,
            honours_reload: site.feed_socket.is_none(),
            window_s: site.stale_while_revalidate.as_secs(),
            encodes: site.compress,
            rules: Arc::new(Rules::new(site)),
            paths: site.requests.paths,
            keyed_by_host: site.hosts.contains(&HostPattern::Any),
        }
    }

    /// A target in its one spelling; as it is where it has none, and is never asked for.
    #[must_use]
    pub fn spelled<'t>(&self, target: &'t str) -> Cow<'t, str> {
        path::normalised(target, self.paths).unwrap_or(Cow::Borrowed(target))
    }

    /// Whether every host has copies of its own.
    #[must_use]
    pub const fn is_keyed_by_host(&self) -> bool {
        self.keyed_by_host
    }

    /// Writes the key of a request into `key`, which keeps its memory from request to request. The
    /// target is in its one spelling already.
    pub fn write_key(&self, host: &str, target: &str, key: &mut String) {
        key.clear();
        key.push_str(&self.name);
        key.push('\n');
        if self.keyed_by_host {
            key.push_str(host);
        }
        key.push('\n');
        self.rules.write_target(target, key);
    }

    /// The key of a request, however its target is spelled.
    #[must_use]
    pub fn key(&self, host: &str, target: &str) -> String {
        let target = &self.spelled(target);
        let mut key = String::with_capacity(self.name.len() + host.len() + target.len() + 2);
        self.write_key(host, target, &mut key);
        key
    }
}

/// A purge of a site as the keys of what it stores are written.
#[must_use]
pub fn as_keyed(purge: &Purge, site: &SiteCache) -> Purge {
    let keyed = |target: &Target| match target {
        Target::Path(path) => Target::Path(site.rules.target(&site.spelled(path)).into_owned()),
        Target::Prefix(path) => Target::Prefix(site.spelled(path).into_owned()),
        other => other.clone(),
    };
    Purge {
        site: purge.site.clone(),
        refresh: purge.refresh.iter().map(keyed).collect(),
        withdraw: purge.withdraw.iter().map(keyed).collect(),
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
            rules: Arc::default(),
            paths: PathRules::default(),
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
    fn one_page_has_one_key_however_it_is_spelled() {
        let site = site(false);
        let key = site.key("", "/a~/%E3%81%82");
        assert_eq!(site.key("", "/x/../a%7e/%e3%81%82"), key);
        let purge = Purge {
            refresh: vec![
                Target::Path("/%61".into()),
                Target::Prefix("/b/%2e/".into()),
            ],
            ..Purge::default()
        };
        let keyed = as_keyed(&purge, &site).refresh;
        assert_eq!(
            keyed,
            [Target::Path("/a".into()), Target::Prefix("/b/".into())]
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
