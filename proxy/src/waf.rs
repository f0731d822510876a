//! The edge's part of the WAF (crate `yagura-waf`): which pool of workers is in force, what it found,
//! and how it is. `stages/waf.rs` asks it about requests.
//!
//! - `waf/setup.rs`: from settings to a pool; puts another one in force when the configuration, the
//!   rules' exclusions or the day change.
//! - `waf/findings.rs`: the findings, in memory and on disk.
//! - `waf/tally.rs`: how many of each.

pub mod findings;
pub mod setup;
pub mod tally;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use yagura_control::order::{ShowWaf, WafMatch, WafShown, WafSite, WafStatus};
use yagura_waf::bounds;
pub use yagura_waf::policy::{Found, Mode, Ruling, mode_of};
use yagura_waf::pool::{Asked, Health, Pool};
use yagura_waf::request::Request;

use crate::limits::network::Network;
use crate::routing::Site;
use crate::state::Edge;
use findings::Findings;
use tally::Tally;

/// What inspection found about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// What.
    pub found: Found,
    /// The rules that matched.
    pub rules: Vec<WafMatch>,
}

/// What a site is inspected with.
pub struct Waf {
    /// The workers in force; none without `[waf]`.
    pool: ArcSwapOption<Pool>,
    /// What was wrong with the canaries that a worker was last asked about.
    tried: Mutex<Option<String>>,
    /// What somebody should look at although it works.
    warnings: Mutex<Vec<String>>,
    /// What was found.
    pub findings: Findings,
    /// How much of it.
    pub tally: Tally,
}

/// How the WAF can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Rules are loaded, and workers judge every canary as it must be.
    Ready {
        /// What is loaded, in words.
        says: String,
    },
    /// Something is missing.
    NotReady {
        /// What, and what to do about it.
        why: String,
    },
}

impl Waf {
    /// One without workers; `setup::run` starts them. What it finds lasts in the folder.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            pool: ArcSwapOption::empty(),
            tried: Mutex::default(),
            warnings: Mutex::default(),
            findings: Findings::of_folder(folder),
            tally: Tally::default(),
        })
    }

    /// What the bypass asks before it begins, and while it lasts.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let Some(pool) = self.pool.load_full() else {
            return Readiness::NotReady {
                why: "no WAF is configured: add [waf]; `yagura waf install` says what it needs"
                    .to_owned(),
            };
        };
        match pool.health() {
            Health::Ready(_) if let Some(why) = lock(&self.tried).clone() => {
                Readiness::NotReady { why }
            }
            Health::Ready(loaded) => Readiness::Ready {
                says: format!(
                    "{}, {} directives, {} canaries as they must be",
                    loaded.library, loaded.directives, loaded.canaries
                ),
            },
            Health::Starting => Readiness::NotReady {
                why: "the rules are being loaded; ask again in a moment".to_owned(),
            },
            Health::Failed { why } => Readiness::NotReady { why },
        }
    }

    /// Inspects a request. In shadow only when a worker is free.
    pub async fn inspect(&self, client: Option<IpAddr>, request: Request, mode: Mode) -> Inspected {
        if let Some(bound) = bounds::exceeded(&request) {
            return Inspected {
                found: Found::Beyond(bound),
                rules: Vec::new(),
            };
        }
        let Some(pool) = self.pool.load_full() else {
            return Inspected {
                found: Found::NoWorker,
                rules: Vec::new(),
            };
        };
        let client = client.map_or(0, |address| Network::of(address).number());
        let asked = match mode {
            Mode::On => pool.ask(client, request).await,
            Mode::Off | Mode::Shadow => pool.ask_if_idle(client, request).await,
        };
        let (found, matches) = match asked {
            Asked::Verdict(verdict) if verdict.refused => (Found::Attack, verdict.matches),
            Asked::Verdict(verdict) => (Found::Clean, verdict.matches),
            Asked::OverDeadline => (Found::OverDeadline, Vec::new()),
            Asked::Deadly => (Found::Deadly, Vec::new()),
            Asked::Busy => (Found::Busy, Vec::new()),
            Asked::NoWorker => (Found::NoWorker, Vec::new()),
        };
        let rules = matches.into_iter().map(|one| WafMatch {
            rule: one.rule,
            at: one.at,
            says: one.says,
        });
        Inspected {
            found,
            rules: rules.collect(),
        }
    }

    /// How it is; none without `[waf]`.
    #[must_use]
    pub fn status(&self, sites: &[Arc<Site>]) -> Option<WafStatus> {
        let pool = self.pool.load_full()?;
        let (ready, says) = match self.readiness() {
            Readiness::Ready { says } => (true, says),
            Readiness::NotReady { why } => (false, why),
        };
        let mut warnings = lock(&self.warnings).clone();
        warnings.extend(self.findings.warning());
        warnings.extend(pool.loaded().into_iter().flat_map(|loaded| loaded.open));
        let sites = sites.iter().map(|site| WafSite {
            site: site.settings.name.clone(),
            mode: mode(site).name().to_owned(),
        });
        let counts = &pool.counts;
        Some(WafStatus {
            ready,
            says,
            warnings,
            workers: pool.settings().workers,
            busy: pool.busy(),
            verdicts: counts.verdicts.load(Ordering::Relaxed),
            cpu_us: counts.cpu_us.load(Ordering::Relaxed),
            refused: self.tally.done("refuse"),
            postponed: self.tally.done("later"),
            shadow_findings: self.tally.shadow_findings(),
            deadlines: counts.deadlines.load(Ordering::Relaxed),
            forbidden: counts.forbidden.load(Ordering::Relaxed),
            lost: counts.lost.load(Ordering::Relaxed),
            recycled: counts.recycled.load(Ordering::Relaxed),
            sites: sites.collect(),
        })
    }

    /// Everything that it can tell.
    #[must_use]
    pub async fn shown(&self, edge: &Edge, asked: &ShowWaf, sites: &[Arc<Site>]) -> WafShown {
        let keep = findings::kept(edge);
        WafShown {
            status: self.status(sites),
            findings: self.findings.of(asked, edge.clock.now(), keep).await,
        }
    }

    /// What needs somebody, in words.
    #[must_use]
    pub fn warning(&self, sites: &[Arc<Site>]) -> Option<String> {
        let status = self.status(sites).filter(|status| !status.ready)?;
        let on = status.sites.iter().filter(|site| site.mode == "on");
        let on: Vec<&str> = on.map(|site| site.site.as_str()).collect();
        Some(match on.as_slice() {
            [] => format!("the WAF is not ready: {}", status.says),
            sites => format!(
                "the WAF is not ready, and only plain pages of {} go to the origin: {}",
                sites.join(", "),
                status.says
            ),
        })
    }
}

/// What holds for a site now.
#[must_use]
pub fn mode(site: &Site) -> Mode {
    mode_of(site.settings.waf, is_in_bypass(site))
}

/// Whether readers may come past the security cloud: from the moment in which the door is open.
fn is_in_bypass(site: &Site) -> bool {
    site.door.is_behind() && site.door.is_open()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
