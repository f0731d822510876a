//! The plan in force: which sites there are, by host, with everything a request needs to know of
//! each. Immutable; a change makes a new plan with the next generation, and one pointer is swapped.

use std::collections::HashMap;
use std::sync::Arc;

use yagura_config::Settings;
use yagura_config::settings::{HostPattern, SiteSettings};
use yagura_control::{Clock, Timestamp};

use super::redirects::{Found, Redirects};
use crate::cache::fetcher::Fetcher;
use crate::cache::warm::SharedStatus;
use crate::cache::{Cache, Origin, OriginHealth, SiteCache};
use crate::counters::Counters;
use crate::redirect_hits::Tally;

/// What requests are decided by.
#[derive(Debug)]
pub struct Plan {
    /// Counts changes, from 1.
    pub generation: u64,
    sites: Arc<Sites>,
}

#[derive(Debug)]
struct Sites {
    all: Vec<Arc<Site>>,
    by_host: HashMap<String, Arc<Site>, ahash::RandomState>,
    any_host: Option<Arc<Site>>,
}

/// One site.
pub struct Site {
    /// Its settings.
    pub settings: SiteSettings,
    /// What the cache knows of it.
    pub cache: SiteCache,
    /// Its redirects.
    pub redirects: Arc<Redirects>,
    /// Asks its origin.
    pub fetcher: Arc<Fetcher>,
    /// What is known of it while it runs; outlives the plan.
    pub seen: Arc<Seen>,
}

impl Site {
    /// Where a request leads, if anywhere. `host` is lower case without port, `target` path and
    /// query as received.
    #[must_use]
    pub fn redirect_of(&self, host: &str, target: &str, now: Timestamp) -> Option<Found<'_>> {
        self.redirects.find(host, target, &self.cache.rules, now)
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("name", &self.settings.name)
            .finish_non_exhaustive()
    }
}

/// What was seen of a site.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whether its origin answers.
    pub origin: Arc<OriginHealth>,
    /// How far its warmer is.
    pub warmer: SharedStatus,
    /// What became of its requests.
    pub counters: Arc<Counters>,
    /// What tables of redirects had counted when they were replaced.
    pub redirect_hits: Arc<Tally>,
}

impl Plan {
    /// The plan for these settings. Redirects and what was seen are carried over from `before`, by
    /// the sites' names.
    #[must_use]
    pub fn new(
        generation: u64,
        settings: &Settings,
        cache: &Arc<Cache>,
        clock: &Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> Self {
        let sites = settings.sites.iter().map(|settings| {
            let present = before.and_then(|plan| plan.site_named(&settings.name));
            let site_cache = SiteCache::new(settings);
            let seen: Arc<Seen> = present.map(|site| site.seen.clone()).unwrap_or_default();
            Arc::new(Site {
                settings: settings.clone(),
                fetcher: Fetcher::new(
                    cache.clone(),
                    site_cache.clone(),
                    Origin::new(settings),
                    clock.clone(),
                    (seen.origin.clone(), seen.counters.clone()),
                    settings.origin_requests,
                ),
                cache: site_cache,
                redirects: present
                    .map(|site| site.redirects.clone())
                    .unwrap_or_default(),
                seen,
            })
        });
        Self {
            generation,
            sites: Arc::new(Sites::new(sites.collect())),
        }
    }

    /// The same plan as the next generation.
    #[must_use]
    pub fn renumbered(&self, generation: u64) -> Self {
        Self {
            generation,
            sites: self.sites.clone(),
        }
    }

    /// The plan with another table of redirects for one site.
    #[must_use]
    pub fn with_redirects(&self, generation: u64, name: &str, redirects: Redirects) -> Self {
        let tally = |site: &Arc<Site>| site.seen.redirect_hits.clone();
        let redirects = match self.site_named(name).map(tally) {
            Some(tally) => Arc::new(redirects.counted_by(tally)),
            None => Arc::new(redirects),
        };
        let sites = self.sites.all.iter().map(|site| {
            if site.settings.name != name {
                return site.clone();
            }
            Arc::new(Site {
                settings: site.settings.clone(),
                cache: site.cache.clone(),
                redirects: redirects.clone(),
                fetcher: site.fetcher.clone(),
                seen: site.seen.clone(),
            })
        });
        Self {
            generation,
            sites: Arc::new(Sites::new(sites.collect())),
        }
    }

    /// The site of a host (lower case, without port).
    #[must_use]
    pub fn site_of(&self, host: &str) -> Option<&Arc<Site>> {
        self.sites
            .by_host
            .get(host)
            .or(self.sites.any_host.as_ref())
    }

    /// The site of that name.
    #[must_use]
    pub fn site_named(&self, name: &str) -> Option<&Arc<Site>> {
        self.sites
            .all
            .iter()
            .find(|site| site.settings.name == name)
    }

    /// Every site, in the order of the configuration.
    #[must_use]
    pub fn sites(&self) -> &[Arc<Site>] {
        &self.sites.all
    }
}

impl Sites {
    fn new(all: Vec<Arc<Site>>) -> Self {
        let mut by_host = HashMap::default();
        let mut any_host = None;
        for site in &all {
            for host in &site.settings.hosts {
                match host {
                    HostPattern::Exact(name) => {
                        by_host.insert(name.clone(), site.clone());
                    }
                    HostPattern::Any => any_host = Some(site.clone()),
                }
            }
        }
        Self {
            all,
            by_host,
            any_host,
        }
    }
}

/// Host of an authority, without port.
#[must_use]
pub fn without_port(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority
            .find(']')
            .and_then(|end| authority.get(..=end))
            .unwrap_or(authority);
    }
    authority.split(':').next().unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_no_part_of_the_host() {
        assert_eq!(without_port("a.example:8443"), "a.example");
        assert_eq!(without_port("[::1]:8443"), "[::1]");
        assert_eq!(without_port("a.example"), "a.example");
    }
}
