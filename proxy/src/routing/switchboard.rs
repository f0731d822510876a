//! The only door through which the plan changes.
//!
//! An order is checked against the present plan, its effect worked out on a copy, journalled with
//! fsync, and only then put in force. A dry run stops before the journal. One order at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use yagura_config::Settings;
use yagura_config::settings::{EdgeSettings, LimitSettings, SiteSettings};
use yagura_control::order::{
    Ban, BanInForce, Envelope, ImportRedirects, LiftBan, Order, Outcome, Purge, Refusal,
    RefusalCode, Reply, Target,
};
use yagura_control::{Clock, Timestamp, redirect};

use super::journal::{Journal, Record};
use super::plan::Plan;
use super::redirects::Redirects;
use crate::cache::{Cache, key};
use crate::error::EdgeError;
use crate::limits::Limits;
use crate::limits::bans::{self, Bans, Unfit};

/// Most prefixes in the table of purges: after a purge every response is compared with all their
/// lengths once.
const MOST_PREFIXES: usize = 1_000;
/// Longest path or prefix purged, in bytes.
const LONGEST_PATH_BYTES: usize = 8 << 10;

/// Reads the configuration file again; the error holds every fault, as text.
pub type Reload = Box<dyn Fn() -> Result<Settings, String> + Send + Sync>;

/// The plan in force and the door to it.
pub struct Switchboard {
    name: String,
    plan: ArcSwap<Plan>,
    cache: Arc<Cache>,
    limits: Arc<Limits>,
    clock: Arc<dyn Clock>,
    reload: Reload,
    inner: Mutex<Inner>,
}

struct Inner {
    settings: Settings,
    /// None for an edge that keeps nothing on disk.
    journal: Option<Journal>,
}

/// An order's effect, worked out and not yet in force.
struct Effect {
    plan: Plan,
    outcome: Outcome,
    settings: Option<Settings>,
    bans: Option<Bans>,
}

impl Switchboard {
    /// Replays the journal at `journal` on the plan of these settings.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub fn open(
        settings: Settings,
        (cache, limits): (Arc<Cache>, Arc<Limits>),
        clock: Arc<dyn Clock>,
        reload: Reload,
        journal: Option<&Path>,
    ) -> Result<Self, EdgeError> {
        let name = settings
            .edge
            .as_ref()
            .map_or_else(String::new, |edge| edge.name.clone());
        let mut plan = Plan::new(1, &settings, &cache, &clock, None);
        let journal = match journal {
            None => None,
            Some(path) => {
                let (mut journal, records) = Journal::open(path)?;
                for record in records {
                    plan = replay(plan, record, &cache, &limits);
                }
                if journal.has_grown() {
                    let snapshot = snapshot(&plan, &cache, &limits, clock.now());
                    journal.replace(&snapshot).map_err(EdgeError::at(path))?;
                }
                Some(journal)
            }
        };
        let inner = Mutex::new(Inner { settings, journal });
        Ok(Self {
            name,
            plan: ArcSwap::from_pointee(plan),
            cache,
            limits,
            clock,
            reload,
            inner,
        })
    }

    /// The plan in force; one atomic load.
    #[must_use]
    pub fn plan(&self) -> arc_swap::Guard<Arc<Plan>> {
        self.plan.load()
    }

    /// Carries out an order that changes something. Blocks on the disk.
    ///
    /// # Errors
    /// Why it was refused; then nothing changed.
    pub fn carry_out(&self, envelope: &Envelope, peer: &str) -> Result<Reply, Refusal> {
        let mut inner = self
            .inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = self.plan.load_full();
        if envelope
            .if_generation
            .is_some_and(|expected| expected != before.generation)
        {
            return Err(refusal(
                RefusalCode::StaleGeneration,
                format!("the edge is at generation {}", before.generation),
                "look at `yagura status`, and give the order again if it still fits",
            ));
        }
        let at = self.clock.now();
        let who = format!("{} ({peer})", envelope.who);
        let effect = self.effect(envelope, (&who, at), &before, &inner.settings)?;
        if envelope.dry_run {
            return Ok(self.reply(before.generation, at, effect.outcome));
        }
        let generation = effect.plan.generation;
        if let Some(journal) = &mut inner.journal {
            let (reason, order) = (envelope.reason.clone(), envelope.order.clone());
            let record = Record::Order {
                generation,
                at,
                who,
                reason,
                order,
            };
            journal.append(&record).map_err(|error| {
                let what = format!("the order could not be written to the journal: {error}");
                refusal(
                    RefusalCode::NotDurable,
                    what,
                    "make room on the disk of the edge, and give it again",
                )
            })?;
        }
        if let Order::Purge(purge) = &envelope.order {
            apply_purge(&before, purge, at, &self.cache);
        }
        if let Some(bans) = effect.bans {
            self.limits.set_bans(bans);
        }
        if let Some(settings) = effect.settings {
            if let Some(edge) = &settings.edge {
                self.limits.set(edge.limits.clone());
            }
            inner.settings = settings;
        }
        self.plan.store(Arc::new(effect.plan));
        Ok(self.reply(generation, at, effect.outcome))
    }

    fn effect(
        &self,
        envelope: &Envelope,
        (who, at): (&str, Timestamp),
        before: &Plan,
        settings: &Settings,
    ) -> Result<Effect, Refusal> {
        let generation = before.generation + 1;
        match &envelope.order {
            Order::Status | Order::ShowCache(_) | Order::CacheStats | Order::Bans => Err(refusal(
                RefusalCode::Malformed,
                "this order changes nothing".to_owned(),
                "ask for it without going through the switchboard",
            )),
            Order::Purge(purge) => {
                check_purge(purge, before, &self.cache)?;
                let (refreshed, withdrawn) = (purge.refresh.len(), purge.withdraw.len());
                let outcome = Outcome::Purged {
                    refreshed,
                    withdrawn,
                };
                Ok(Effect {
                    plan: before.renumbered(generation),
                    outcome,
                    settings: None,
                    bans: None,
                })
            }
            Order::ImportRedirects(import) => {
                let (table, outcome) = imported(import, before)?;
                let plan = before.with_redirects(generation, &import.site, table);
                Ok(Effect {
                    plan,
                    outcome,
                    settings: None,
                    bans: None,
                })
            }
            Order::Ban(ban) => {
                let exempt = &self.limits.settings().exempt;
                let present = self.limits.bans();
                let fit = present.check(ban, exempt, at);
                fit.map_err(|unfit| unfit_ban(ban, unfit))?;
                let entry = in_force(ban, at, who, envelope.reason.clone());
                Ok(self.with_bans(before.renumbered(generation), present.with(entry, at), at))
            }
            Order::LiftBan(LiftBan { range }) => {
                let present = self.limits.bans();
                if !present.holds(*range) {
                    let hint = "look at `yagura ban list`; a ban is lifted as it was given";
                    let what = format!("{range} is not banned");
                    return Err(refusal(RefusalCode::Invalid, what, hint));
                }
                Ok(self.with_bans(before.renumbered(generation), present.without(*range), at))
            }
            Order::Reload => {
                let new = (self.reload)().map_err(|faults| {
                    let hint = "mend the file; the edge goes on with what it has";
                    refusal(RefusalCode::Invalid, faults, hint)
                })?;
                let outcome = Outcome::Reloaded {
                    needs_restart: needs_restart(settings, &new),
                };
                let plan = Plan::new(generation, &new, &self.cache, &self.clock, Some(before));
                Ok(Effect {
                    plan,
                    outcome,
                    settings: Some(new),
                    bans: None,
                })
            }
        }
    }

    fn with_bans(&self, plan: Plan, bans: Bans, now: Timestamp) -> Effect {
        let total = bans.in_force(now).count();
        Effect {
            plan,
            outcome: Outcome::BansChanged { total },
            settings: None,
            bans: Some(bans),
        }
    }

    /// A reply in this edge's name.
    #[must_use]
    pub fn reply(&self, generation: u64, effective_at: Timestamp, outcome: Outcome) -> Reply {
        Reply {
            edge: self.name.clone(),
            generation,
            effective_at,
            outcome,
        }
    }
}

fn replay(plan: Plan, record: Record, cache: &Arc<Cache>, limits: &Limits) -> Plan {
    match record {
        Record::Snapshot {
            generation,
            redirects,
            purges,
            bans,
            ..
        } => {
            cache.restore_purges(purges);
            limits.set_bans(bans.into_iter().collect());
            redirects
                .into_iter()
                .fold(plan.renumbered(generation), |plan, (site, redirects)| {
                    plan.with_redirects(generation, &site, Redirects::new(redirects))
                })
        }
        Record::Order {
            generation,
            at,
            who,
            reason,
            order,
        } => match order {
            Order::Purge(purge) => {
                apply_purge(&plan, &purge, at, cache);
                plan.renumbered(generation)
            }
            // A table that was accepted once is taken over unless its site is gone.
            Order::ImportRedirects(import) => match imported(&import, &plan) {
                Ok((table, _)) => plan.with_redirects(generation, &import.site, table),
                Err(_) => plan.renumbered(generation),
            },
            Order::Ban(ban) => {
                let entry = in_force(&ban, at, &who, reason);
                limits.set_bans(limits.bans().with(entry, at));
                plan.renumbered(generation)
            }
            Order::LiftBan(LiftBan { range }) => {
                limits.set_bans(limits.bans().without(range));
                plan.renumbered(generation)
            }
            Order::Reload
            | Order::Status
            | Order::ShowCache(_)
            | Order::CacheStats
            | Order::Bans => plan.renumbered(generation),
        },
    }
}

fn snapshot(plan: &Plan, cache: &Cache, limits: &Limits, at: Timestamp) -> Record {
    let sites = plan.sites().iter();
    let redirects: BTreeMap<_, _> = sites
        .map(|site| {
            (
                site.settings.name.clone(),
                site.redirects.iter().cloned().collect(),
            )
        })
        .collect();
    Record::Snapshot {
        generation: plan.generation,
        at,
        redirects,
        purges: cache.purge_table(),
        bans: limits.bans().in_force(at).cloned().collect(),
    }
}

fn imported(import: &ImportRedirects, plan: &Plan) -> Result<(Redirects, Outcome), Refusal> {
    let site = plan
        .site_named(&import.site)
        .ok_or_else(|| unknown_site(&import.site, plan))?;
    let redirects = redirect::parse_csv(&import.csv).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        refusal(
            RefusalCode::Invalid,
            lines.join("\n"),
            "mend these lines; nothing was imported",
        )
    })?;
    let (table, changes) = site.redirects.with(redirects, import.replace);
    let total = table.len();
    let super::redirects::Changes {
        added,
        changed,
        removed,
    } = changes;
    Ok((
        table,
        Outcome::RedirectsImported {
            added,
            changed,
            removed,
            total,
        },
    ))
}

/// Puts a purge in force, for the keys that the site's rules make. The journal keeps it as it was
/// given: at the next start the rules may be others.
fn apply_purge(plan: &Plan, purge: &Purge, at: Timestamp, cache: &Cache) {
    match plan.site_named(&purge.site) {
        Some(site) => cache.purge(&key::as_keyed(purge, &site.cache), at),
        // The site is gone from the configuration, and may come back.
        None => cache.purge(purge, at),
    }
}

fn check_purge(purge: &Purge, plan: &Plan, cache: &Cache) -> Result<(), Refusal> {
    plan.site_named(&purge.site)
        .ok_or_else(|| unknown_site(&purge.site, plan))?;
    let targets = purge.refresh.iter().chain(&purge.withdraw);
    for target in targets {
        if let Target::Path(path) | Target::Prefix(path) = target
            && !(path.starts_with('/') && path.len() <= LONGEST_PATH_BYTES)
        {
            let what = format!("\"{path}\" is no path");
            let hint = format!("begin it with a slash; {LONGEST_PATH_BYTES} bytes at most");
            return Err(refusal(RefusalCode::Invalid, what, &hint));
        }
    }
    if cache.prefixes_with(purge) > MOST_PREFIXES {
        let what = format!("more than {MOST_PREFIXES} prefixes would be kept as purged");
        let hint = "purge by tag, a shorter prefix that was purged before, or everything";
        return Err(refusal(RefusalCode::Invalid, what, hint));
    }
    Ok(())
}

fn in_force(ban: &Ban, since: Timestamp, who: &str, reason: Option<String>) -> BanInForce {
    BanInForce {
        ban: ban.clone(),
        since,
        who: who.to_owned(),
        reason,
    }
}

fn unfit_ban(ban: &Ban, unfit: Unfit) -> Refusal {
    let range = ban.range;
    let (what, hint) = match unfit {
        Unfit::TooWide => (
            format!("{range} is too large a network to ban"),
            "ban smaller ones: at least /8 of IPv4, /16 of IPv6".to_owned(),
        ),
        Unfit::Exempt(exempt) => (
            format!("{range} overlaps {exempt}, which is exempt from limits"),
            "take it out of `exempt` in [edge.limits] first, and reload".to_owned(),
        ),
        Unfit::Over => (
            "the ban would be over already".to_owned(),
            "give a time to come, or none".to_owned(),
        ),
        Unfit::TooMany => (
            format!("{} bans are in force, and no more are kept", bans::MOST),
            "ban larger networks, and lift what they cover".to_owned(),
        ),
    };
    refusal(RefusalCode::Invalid, what, &hint)
}

fn unknown_site(name: &str, plan: &Plan) -> Refusal {
    let known: Vec<&str> = plan
        .sites()
        .iter()
        .map(|site| site.settings.name.as_str())
        .collect();
    let hint = format!("sites of this edge: {}", known.join(", "));
    refusal(
        RefusalCode::UnknownSite,
        format!("there is no site \"{name}\""),
        &hint,
    )
}

fn refusal(code: RefusalCode, message: String, hint: &str) -> Refusal {
    Refusal {
        code,
        message,
        hint: hint.to_owned(),
    }
}

/// Keys that differ and take effect at a restart only.
fn needs_restart(before: &Settings, after: &Settings) -> Vec<String> {
    let mut keys = Vec::new();
    // Limits are in force at once.
    let edge = |settings: &Settings| {
        let edge = settings.edge.clone();
        edge.map(|edge| EdgeSettings {
            limits: LimitSettings::default(),
            ..edge
        })
    };
    if edge(before) != edge(after) {
        keys.push("edge".to_owned());
    }
    let feeds = |settings: &Settings| -> Vec<_> {
        settings
            .sites
            .iter()
            .filter_map(|site| Some((site.name.clone(), site.feed_socket.clone()?)))
            .collect()
    };
    if feeds(before) != feeds(after) {
        keys.push("site.feed_socket".to_owned());
    }
    let sitemaps = |settings: &Settings| -> Vec<_> {
        let warmed =
            |site: &SiteSettings| (site.name.clone(), site.sitemap.clone(), site.warm_rate);
        settings.sites.iter().map(warmed).collect()
    };
    if sitemaps(before) != sitemaps(after) {
        keys.push("site.sitemap".to_owned());
    }
    keys
}
