//! What every connection, stage and errand of a running edge shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use yagura_config::settings::HostPattern;
use yagura_control::order::{
    AnswerCounts, CacheStats, EdgeStatus, Outcome, Reply, ShowWaf, SiteStats, SiteStatus,
    TrafficShown,
};
use yagura_control::{Clock, Timestamp};

use crate::access_log::{AccessLog, Line};
use crate::admin::gate::Gate;
use crate::bypass::told::Bypasses;
use crate::cache::Cache;
use crate::certificates::Certificates;
use crate::counters::Event;
use crate::counters::failures::Failure;
use crate::counters::sent::Sent;
use crate::disaster::hand_over;
use crate::hooks::Hooks;
use crate::ingress::shown;
use crate::limits::Limits;
use crate::limits::refused::Limit;
use crate::probes::{self, Probes};
use crate::redirect_hits::HitStore;
use crate::routing::{Plan, Site, Switchboard};
use crate::traces::Traces;
use crate::upgrade::Desk;
use crate::upstream;
use crate::waf::Waf;

/// The running edge.
pub struct Edge {
    /// The plan in force, and the door to it.
    pub switchboard: Arc<Switchboard>,
    /// Who may give orders.
    pub gate: Gate,
    /// Both levels.
    pub cache: Arc<Cache>,
    /// What readers may ask.
    pub limits: Arc<Limits>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// One line a request.
    pub access_log: AccessLog,
    /// What requests are inspected with.
    pub waf: Arc<Waf>,
    /// Spans of some requests.
    pub traces: Traces,
    /// How often redirects were answered; not kept without a folder.
    pub redirect_hits: Option<HitStore>,
    /// What readers are shown in handshakes.
    pub certificates: Arc<Certificates>,
    /// Both ways to each site that is behind a cloud.
    pub probes: Probes,
    /// Who is told what must not go unnoticed.
    pub hooks: Hooks,
    /// What is told of ways around clouds.
    pub bypasses: Bypasses,
    /// Requests under way.
    pub traffic: Arc<Traffic>,
    /// Where a process that is to replace this one is asked for.
    pub upgrades: Desk,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// Addresses it listens on, as status tells them.
    pub listeners: Vec<String>,
}

/// Counts requests under way, so that stopping can wait for them.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections that were accepted and not yet looked at.
    waiting: AtomicUsize,
    under_way: AtomicUsize,
    /// Those of them that are connections over which orders come.
    orders: AtomicUsize,
    draining: AtomicBool,
}

/// One request under way, until dropped.
#[derive(Debug)]
pub struct UnderWay {
    traffic: Arc<Traffic>,
    is_order: bool,
}

impl Traffic {
    /// Counts a request in.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay {
            traffic: self.clone(),
            is_order: false,
        }
    }

    /// Counts a connection in over which orders come.
    pub fn begin_order(self: &Arc<Self>) -> UnderWay {
        self.orders.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay {
            traffic: self.clone(),
            is_order: true,
        }
    }

    /// Counts a connection that was accepted.
    pub fn accepted(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts it as looked at: let in, or not.
    pub fn looked_at(&self) {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// How many connections wait to be looked at.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// How many are under way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// How many of readers are.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.count()
            .saturating_sub(self.orders.load(Ordering::Relaxed))
    }

    /// Connections are to end after the request they are at.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether connections are to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.is_order {
            self.traffic.orders.fetch_sub(1, Ordering::Relaxed);
        }
        self.traffic.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Edge {
    /// How the edge stands.
    #[must_use]
    pub fn status(&self) -> Reply {
        let plan = self.switchboard.plan();
        let (hot, last_good) = self.cache.status();
        let status = EdgeStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: self.started_at,
            listeners: self.listeners.clone(),
            sites: plan
                .sites()
                .iter()
                .map(|site| site_status(site, &plan, self.clock.now()))
                .collect(),
            hot,
            last_good,
            warnings: self.warnings(&plan),
            waf: self.waf.status(plan.sites()),
            certificates: self.certificates.status(),
            journal: self.switchboard.journal(),
        };
        self.switchboard.reply(
            plan.generation,
            self.clock.now(),
            Outcome::Status(Box::new(status)),
        )
    }

    /// Whether somebody wants to know of each request; ask before making a line.
    #[must_use]
    pub const fn tells(&self) -> bool {
        self.access_log.is_on() || self.traces.is_on()
    }

    /// Whether it matters who asks for what is in memory.
    #[must_use]
    pub fn minds_readers_of_hits(&self) -> bool {
        self.tells() || self.limits.bans_anybody()
    }

    /// Tells of a request that ended.
    pub fn tell(&self, line: Line) {
        if self.traces.tells_of(line.id) {
            self.traces.add(line.clone());
        }
        self.access_log.add(line);
    }

    /// What of the edge itself needs somebody, in words.
    fn warnings(&self, plan: &Plan) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.access_log.counts().is_some_and(|log| log.failing) {
            warnings.push("the access log cannot be written; lines are lost".to_owned());
        }
        let now = self.clock.now();
        warnings.extend(self.hooks.warnings(now));
        warnings.extend(shown::warnings(&self.switchboard.plan(), now));
        warnings.extend(self.switchboard.warnings_of_requests(now));
        let settings = self.switchboard.settings();
        warnings.extend(probes::show::warnings(self, &settings));
        warnings.extend(self.waf.warning(plan.sites()));
        warnings.extend(self.certificates.warnings(&settings, now));
        warnings.extend(self.bypasses.warnings());
        warnings
    }

    /// Who is not let in.
    #[must_use]
    pub fn bans(&self) -> Reply {
        let now = self.clock.now();
        let bans = self.limits.bans().in_force(now).cloned().collect();
        let generation = self.switchboard.plan().generation;
        self.switchboard
            .reply(generation, now, Outcome::Bans { bans })
    }

    /// What inspection found.
    pub async fn waf_shown(&self, asked: &ShowWaf) -> Reply {
        let plan = self.switchboard.plan().clone();
        let shown = self.waf.shown(self, asked, plan.sites()).await;
        let outcome = Outcome::Waf(Box::new(shown));
        self.switchboard
            .reply(plan.generation, self.clock.now(), outcome)
    }

    /// What the cache has done.
    #[must_use]
    pub fn cache_stats(&self) -> Reply {
        let plan = self.switchboard.plan();
        let (hot, last_good) = self.cache.status();
        let stats = CacheStats {
            since: self.started_at,
            sites: plan.sites().iter().map(|site| site_stats(site)).collect(),
            hot,
            last_good,
            traffic: self.traffic_now(),
        };
        self.switchboard.reply(
            plan.generation,
            self.clock.now(),
            Outcome::CacheStats(Box::new(stats)),
        )
    }

    fn traffic_now(&self) -> TrafficShown {
        let limits = &self.limits;
        let refused = Limit::ALL.into_iter().map(|limit| limits.refused.of(limit));
        TrafficShown {
            under_way: self.traffic.readers() as u64,
            connections: limits.open() as u64,
            admitted: limits.admitted.load(Ordering::Relaxed),
            refused: refused.sum(),
            handshakes_failed: limits
                .handshakes
                .last()
                .map_or(0, |failed| failed.load(Ordering::Relaxed)),
        }
    }
}

fn site_stats(site: &Site) -> SiteStats {
    let counters = &site.seen.counters;
    SiteStats {
        name: site.settings.name.clone(),
        requests: counters.requests(),
        coalesced: counters.count(Event::Coalesced),
        fetching: counters.fetching_now(),
        answers: answers(&counters.sent()),
        origin_errors: Failure::ALL
            .into_iter()
            .map(|failure| counters.failures.of(failure))
            .sum(),
    }
}

const fn answers(sent: &Sent) -> AnswerCounts {
    let [
        informational,
        successful,
        redirection,
        client_error,
        server_error,
    ] = sent.by_class;
    AnswerCounts {
        informational,
        successful,
        redirection,
        client_error,
        server_error,
        bytes: sent.bytes,
    }
}

fn site_status(site: &Site, plan: &Plan, now: Timestamp) -> SiteStatus {
    let hosts = site.settings.hosts.iter().map(|host| match host {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Any => "*".to_owned(),
    });
    let warmer = || {
        site.seen
            .warmer
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    };
    let is_warmed = site.settings.feed_socket.is_some() || site.settings.sitemap.is_some();
    SiteStatus {
        name: site.settings.name.clone(),
        hosts: hosts.collect(),
        origin_up: site.seen.upstreams.answered_last(),
        way: site.decided.shown(),
        door: shown::door(site, plan),
        outside: shown::outside(site, plan, now),
        disaster: hand_over::status(site, plan, now),
        upstreams: upstream::shown(&site.upstreams),
        redirects: site.redirects.len(),
        warmer: is_warmed.then(warmer),
    }
}
