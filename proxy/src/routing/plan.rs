//! The plan in force: which sites there are, by host, with everything a request needs to know of
//! each. Immutable; a change makes a new plan with the next generation, and one pointer is swapped.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;
use yagura_config::Settings;
use yagura_config::settings::{HostPattern, SiteSettings};
use yagura_control::order::RaiseDisaster;
use yagura_control::{Clock, Timestamp};

use super::decide::{Decided, Sight, decide};
use super::intent::{Intents, SiteIntent};
use super::redirects::{Found, Redirects};
use crate::bypass::stage::Ingress;
use crate::cache::fetcher::Fetcher;
use crate::cache::warm::SharedStatus;
use crate::cache::{Cache, SiteCache};
use crate::counters::Counters;
use crate::disaster;
use crate::hsts::Hsts;
use crate::ingress::comings::Comings;
use crate::ingress::{Door, Known};
use crate::notice::Raised;
use crate::redirect_hits::Tally;
use crate::upstream::{self, Upstream, Upstreams};

/// What requests are decided by.
#[derive(Debug)]
pub struct Plan {
    /// Counts orders that changed something, from 1.
    pub generation: u64,
    /// What operators want.
    pub intents: Arc<Intents>,
    sites: Arc<Sites>,
}

#[derive(Debug)]
struct Sites {
    all: Vec<Arc<Site>>,
    by_host: HashMap<String, Arc<Site>, ahash::RandomState>,
    any_host: Option<Arc<Site>>,
}

/// One site.
#[derive(Clone)]
pub struct Site {
    /// Its settings.
    pub settings: SiteSettings,
    /// What its readers over TLS are told about that.
    pub hsts: Option<Hsts>,
    /// What the cache knows of it.
    pub cache: SiteCache,
    /// Its redirects.
    pub redirects: Arc<Redirects>,
    /// Asks its upstreams, for the cache.
    pub fetcher: Arc<Fetcher>,
    /// Where its pages come from, the primary first.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Who is let in.
    pub door: Door,
    /// How it is answered.
    pub decided: Decided,
    /// The notice in place of it.
    pub notice: Option<Arc<Raised>>,
    /// The disaster page in place of its home page.
    pub disaster: Option<Arc<disaster::Raised>>,
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

    /// Whether the site is shown, and not a notice in place of it.
    #[must_use]
    pub const fn shows_site(&self) -> bool {
        self.decided.shows_site()
    }

    /// Whether the disaster page has to do with a target.
    #[must_use]
    pub fn covers(&self, target: &str) -> bool {
        let disaster = self.disaster.as_ref();
        disaster.is_some_and(|raised| raised.covers(target).is_some())
    }

    /// The site as it is answered by these wishes at a time; the same where nothing changes.
    fn decided(self: &Arc<Self>, intent: &SiteIntent, now: Timestamp) -> Arc<Self> {
        let decided = decide(intent, &self.sight(), now);
        let wanted = intent.notice.as_ref().filter(|one| one.is_in_force(now));
        let present = self.notice.as_ref();
        let same = wanted.map(|one| one.at) == present.map(|one| one.at);
        let disaster = self.disaster_of(intent, now);
        let kept = match (&disaster, &self.disaster) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let outside = intent.outside.as_ref();
        let outside = outside.filter(|outside| outside.is_in_force(now));
        let outside_until = outside.and_then(|outside| outside.until);
        let admits = intent.ingress.stage.admits_direct();
        let door = self.door.set(admits, outside_until);
        if same && kept && decided == self.decided && door.is_as(&self.door) {
            return self.clone();
        }
        let look = &self.settings.look;
        let raised = || wanted.map(|one| Arc::new(Raised::new(&one.what, look, one.at)));
        Arc::new(Self {
            decided,
            disaster,
            door,
            notice: if same { self.notice.clone() } else { raised() },
            ..(**self).clone()
        })
    }

    /// The disaster page that is wanted, the present one if that is it.
    fn disaster_of(&self, intent: &SiteIntent, now: Timestamp) -> Option<Arc<disaster::Raised>> {
        let wanted = intent.disaster.as_ref();
        let wanted = wanted.filter(|page| page.is_in_force(now))?;
        let what = RaiseDisaster {
            posts: intent.shown_posts(),
            ..wanted.what.clone()
        };
        let present = self.disaster.as_ref();
        if let Some(present) = present.filter(|one| one.is_of(&what, wanted.at)) {
            return Some(present.clone());
        }
        let look = &self.settings.look;
        Some(Arc::new(disaster::Raised::new(what, look, wanted.at)))
    }

    fn sight(&self) -> Sight {
        upstream::sight(&self.upstreams, self.cache.stores)
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
pub struct Seen {
    /// Its upstreams, and which of them is asked.
    pub upstreams: Arc<Upstreams>,
    /// How far its warmer is.
    pub warmer: SharedStatus,
    /// What became of its requests.
    pub counters: Arc<Counters>,
    /// How they came, where it is behind a cloud.
    pub comings: Arc<Comings>,
    /// What tables of redirects had counted when they were replaced.
    pub redirect_hits: Arc<Tally>,
}

impl Plan {
    /// The plan for these settings, in which nothing is decided yet. Redirects, intents and what was
    /// seen are carried over from `before`, by the sites' names. `known` is whom the settings name,
    /// `moved` is told when an upstream rises or falls.
    #[must_use]
    pub fn new(
        generation: u64,
        settings: &Settings,
        (cache, known): (&Arc<Cache>, &Known),
        clock: &Arc<dyn Clock>,
        moved: &Arc<Notify>,
        before: Option<&Self>,
    ) -> Self {
        let intents = before.map_or_else(Arc::default, |plan| plan.intents.clone());
        let sites = settings.sites.iter().map(|settings| {
            let present = before.and_then(|plan| plan.site_named(&settings.name));
            let site_cache = SiteCache::new(settings);
            let unseen = || {
                Arc::new(Seen {
                    upstreams: Upstreams::new(settings, moved.clone()),
                    warmer: SharedStatus::default(),
                    counters: Arc::default(),
                    comings: Arc::default(),
                    redirect_hits: Arc::default(),
                })
            };
            let seen = present.map_or_else(unseen, |site| site.seen.clone());
            let upstreams = seen.upstreams.configured(settings);
            let nothing_seen = upstream::sight(&upstreams, site_cache.stores);
            Arc::new(Site {
                settings: settings.clone(),
                hsts: settings.hsts.as_ref().and_then(Hsts::of),
                fetcher: Fetcher::new(
                    cache.clone(),
                    site_cache.clone(),
                    settings,
                    clock.clone(),
                    (seen.upstreams.clone(), seen.counters.clone()),
                ),
                cache: site_cache,
                redirects: present
                    .map(|site| site.redirects.clone())
                    .unwrap_or_default(),
                upstreams,
                door: Door::of(settings, known),
                decided: decide(&SiteIntent::default(), &nothing_seen, Timestamp::ZERO),
                notice: None,
                disaster: None,
                seen,
            })
        });
        Self {
            generation,
            intents,
            sites: Arc::new(Sites::new(sites.collect())),
        }
    }

    /// The same plan as the next generation.
    #[must_use]
    pub fn renumbered(&self, generation: u64) -> Self {
        Self {
            generation,
            intents: self.intents.clone(),
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
                redirects: redirects.clone(),
                ..(**site).clone()
            })
        });
        Self {
            generation,
            intents: self.intents.clone(),
            sites: Arc::new(Sites::new(sites.collect())),
        }
    }

    /// The plan with a site elsewhere on its way around its cloud, not yet decided by.
    #[must_use]
    pub fn with_ingress(&self, generation: u64, site: &str, ingress: Ingress) -> Self {
        self.with_intents(generation, self.intents.with_ingress(site, ingress))
    }

    /// The plan with other wishes, not yet decided by.
    #[must_use]
    pub fn with_intents(&self, generation: u64, intents: Intents) -> Self {
        Self {
            generation,
            intents: Arc::new(intents),
            sites: self.sites.clone(),
        }
    }

    /// The plan with every site decided anew by what is wanted and what is seen; the sites of which
    /// nothing changes are kept as they are.
    #[must_use]
    pub fn decided(&self, now: Timestamp) -> Self {
        let decided = |site: &Arc<Site>| {
            let intent = self.intents.of(&site.settings.name);
            site.decided(&intent, now)
        };
        Self {
            generation: self.generation,
            intents: self.intents.clone(),
            sites: Arc::new(Sites::new(self.sites.all.iter().map(decided).collect())),
        }
    }

    /// Tells the upstreams who is asked from now on.
    pub fn choose_upstreams(&self) {
        for site in self.sites() {
            let upstreams = &site.seen.upstreams;
            upstreams.choose(&site.upstreams, site.decided.ask);
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
    use std::path::Path;

    use yagura_control::SystemClock;
    use yagura_control::order::BypassStage;

    use super::*;
    use crate::ingress::Class;

    #[test]
    fn the_stage_opens_and_closes_the_door() {
        let text = "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n[[site]]\n\
                    name = \"a\"\nhosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n\
                    behind = [\"cloud\"]\n\
                    [[cloud]]\nname = \"cloud\"\nranges = [\"192.0.2.0/24\"]\n";
        let settings = yagura_config::parse(text, Path::new("/edge.toml")).unwrap();
        let cache = Cache::open(1 << 20, 1 << 20, None).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let known = Known::after(&Known::default(), &settings);
        let parts = (&cache, &known);
        let mut plan = Plan::new(1, &settings, parts, &clock, &Arc::default(), None);
        for stage in BypassStage::ALL.into_iter().chain([BypassStage::Cloud]) {
            let intents = plan.intents.with_stage("a", stage);
            plan = plan.with_intents(1, intents).decided(Timestamp(1));
            let door = &plan.sites()[0].door;
            let open = !matches!(stage, BypassStage::Cloud | BypassStage::Armed);
            assert_eq!(door.is_open(), open, "{stage}");
            assert_eq!(door.answers_at_once(Class::STRANGER), open, "{stage}");
            assert!(door.answers_at_once(Class::cloud(0)), "{stage}");
        }
    }

    #[test]
    fn ports_are_no_part_of_the_host() {
        assert_eq!(without_port("a.example:8443"), "a.example");
        assert_eq!(without_port("[::1]:8443"), "[::1]");
        assert_eq!(without_port("a.example"), "a.example");
    }
}
