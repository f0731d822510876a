//! What an order would make of the plan: checked, worked out, and not yet in force. Changes nothing;
//! `switchboard.rs` puts it in force.

use std::sync::Arc;

use tokio::sync::Notify;
use yagura_config::Settings;
use yagura_config::settings::SiteSettings;
use yagura_control::order::{
    NoticeOf, Order, Outcome, Purge, RaiseNotice, Refusal, RefusalCode, Route, SetRoute, Target,
};
use yagura_control::{Clock, Timestamp};

use super::history::Change;
use super::import;
use super::intent::Given;
use super::plan::Plan;
use crate::cache::Cache;
use crate::notice::{self, files::Files};

/// Most prefixes in the table of purges: after a purge every response is compared with all their
/// lengths once.
const MOST_PREFIXES: usize = 1_000;
/// Longest path or prefix purged, in bytes.
const LONGEST_PATH_BYTES: usize = 8 << 10;

/// Reads the configuration file again; the error holds every fault, as text.
pub type Reload = Box<dyn Fn() -> Result<Settings, String> + Send + Sync>;

/// What plans are made of.
pub struct Parts {
    /// Both levels.
    pub cache: Arc<Cache>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told when an upstream rises or falls.
    pub moved: Arc<Notify>,
    /// The files of notices.
    pub files: Files,
    /// Reads the configuration file again.
    pub reload: Reload,
}

impl Parts {
    /// The plan for these settings, what is known carried over.
    pub fn plan(&self, generation: u64, settings: &Settings, before: Option<&Plan>) -> Plan {
        let Self {
            cache,
            clock,
            moved,
            ..
        } = self;
        Plan::new(generation, settings, cache, clock, moved, before)
    }
}

/// Who gave an order, when and why.
#[derive(Clone, Debug)]
pub struct Giver {
    /// Who, as told, and as the socket proves.
    pub who: String,
    /// Why, as told.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// An order's effect.
pub struct Effect {
    /// The plan with it, decided.
    pub plan: Plan,
    /// What is replied.
    pub outcome: Outcome,
    /// The settings that it read.
    pub settings: Option<Settings>,
    /// The same for the history.
    pub change: Change,
}

/// Works an order out.
///
/// # Errors
/// Why it is refused.
pub fn of(
    order: &Order,
    given: &Giver,
    before: &Plan,
    settings: &Settings,
    parts: &Parts,
) -> Result<Effect, Refusal> {
    let generation = before.generation + 1;
    let plain = |plan: Plan, outcome, change| Effect {
        plan: plan.decided(given.at),
        outcome,
        settings: None,
        change,
    };
    match order {
        Order::Status
        | Order::ShowCache(_)
        | Order::CacheStats
        | Order::ShowHistory(_)
        | Order::ShowNotice(_)
        | Order::ShowRedirects(_)
        | Order::CheckTargets(_)
        | Order::Undo(_) => Err(refusal(
            RefusalCode::Malformed,
            "this order changes nothing".to_owned(),
            "ask for it without going through the switchboard",
        )),
        Order::Purge(purge) => {
            check_purge(purge, before, &parts.cache)?;
            let (refreshed, withdrawn) = (purge.refresh.len(), purge.withdraw.len());
            let outcome = Outcome::Purged {
                refreshed,
                withdrawn,
            };
            let change = Change {
                after: format!("{refreshed} refreshed, {withdrawn} withdrawn"),
                ..Change::default()
            };
            Ok(plain(before.renumbered(generation), outcome, change))
        }
        Order::ImportRedirects(import) => {
            let site = before
                .site_named(&import.site)
                .ok_or_else(|| unknown_site(&import.site, before))?;
            let (table, done) = import::imported(import, site, given.at)?;
            let change = Change {
                before: redirects(site.redirects.len()),
                after: redirects(table.len()),
                inverse: None,
            };
            let plan = before.with_redirects(generation, &import.site, table);
            Ok(plain(plan, Outcome::RedirectsImported(done), change))
        }
        Order::Route(set) => {
            check_route(set, before, given.at)?;
            let plan = routed(set, given, before, generation);
            let inverse = Order::Route(present_route(&set.site, before, given.at));
            ways(&set.site, before, plan.decided(given.at), inverse).map(|(p, o, c)| plain(p, o, c))
        }
        Order::RaiseNotice(notice) => {
            check_notice(notice, before, given.at)?;
            let plan = raised(Some(notice), &notice.site, given, before, generation);
            let inverse = present_notice(&notice.site, before, given.at);
            ways(&notice.site, before, plan.decided(given.at), inverse)
                .map(|(p, o, c)| plain(p, o, c))
        }
        Order::LowerNotice(NoticeOf { site }) => {
            let plan = raised(None, site, given, before, generation);
            let inverse = present_notice(site, before, given.at);
            ways(site, before, plan.decided(given.at), inverse).map(|(p, o, c)| plain(p, o, c))
        }
        Order::Reload => {
            let new = (parts.reload)().map_err(|faults| {
                let hint = "mend the file; the edge goes on with what it has";
                refusal(RefusalCode::Invalid, faults, hint)
            })?;
            let outcome = Outcome::Reloaded {
                needs_restart: needs_restart(settings, &new),
            };
            let plan = parts.plan(generation, &new, Some(before));
            let change = Change {
                before: sites(before),
                after: sites(&plan),
                inverse: None,
            };
            Ok(Effect {
                settings: Some(new),
                ..plain(plan, outcome, change)
            })
        }
    }
}

/// How the way of a site changes.
fn ways(
    name: &str,
    before: &Plan,
    plan: Plan,
    inverse: Order,
) -> Result<(Plan, Outcome, Change), Refusal> {
    let (Some(was), Some(is)) = (before.site_named(name), plan.site_named(name)) else {
        return Err(unknown_site(name, before));
    };
    let (was, is) = (was.decided.shown(), is.decided.shown());
    let change = Change {
        before: was.to_string(),
        after: is.to_string(),
        inverse: Some(inverse),
    };
    let outcome = Outcome::Routed {
        site: name.to_owned(),
        before: was,
        after: is,
    };
    Ok((plan, outcome, change))
}

/// The plan with a notice for a site, or without one, not yet decided.
pub fn raised(
    notice: Option<&RaiseNotice>,
    site: &str,
    given: &Giver,
    before: &Plan,
    generation: u64,
) -> Plan {
    let notice = notice.map(|notice| Given {
        what: notice.clone(),
        until: notice.until,
        at: given.at,
        who: given.who.clone(),
        reason: given.reason.clone(),
    });
    before.with_intents(generation, before.intents.with_notice(site, notice))
}

/// The order that makes the notice of a site what it is.
fn present_notice(site: &str, plan: &Plan, now: Timestamp) -> Order {
    let notice = plan.intents.of(site).notice;
    match notice.filter(|notice| notice.is_in_force(now)) {
        Some(notice) => Order::RaiseNotice(notice.what),
        None => Order::LowerNotice(NoticeOf {
            site: site.to_owned(),
        }),
    }
}

fn check_notice(notice: &RaiseNotice, plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    plan.site_named(&notice.site)
        .ok_or_else(|| unknown_site(&notice.site, plan))?;
    if let Some(until) = notice.until.filter(|until| *until <= now) {
        let what = format!("{until} is over");
        return Err(refusal(RefusalCode::Invalid, what, "give a time to come"));
    }
    notice::check(notice).map_err(|(what, hint)| refusal(RefusalCode::Invalid, what, &hint))
}

fn redirects(count: usize) -> String {
    format!("{count} redirects")
}

fn sites(plan: &Plan) -> String {
    let names = plan.sites().iter().map(|site| site.settings.name.as_str());
    format!("sites {}", names.collect::<Vec<_>>().join(", "))
}

/// The order that makes the route of a site what it is.
fn present_route(site: &str, plan: &Plan, now: Timestamp) -> SetRoute {
    let route = plan.intents.of(site).route;
    let route = route.filter(|route| route.is_in_force(now));
    SetRoute {
        site: site.to_owned(),
        route: route.as_ref().map_or(Route::Auto, |route| route.what),
        until: route.and_then(|route| route.until),
    }
}

/// The plan with a route ordered, not yet decided.
pub fn routed(set: &SetRoute, given: &Giver, before: &Plan, generation: u64) -> Plan {
    let route = Given {
        what: set.route,
        until: set.until,
        at: given.at,
        who: given.who.clone(),
        reason: given.reason.clone(),
    };
    let intents = before.intents.with_route(&set.site, route);
    before.with_intents(generation, intents)
}

fn check_route(set: &SetRoute, plan: &Plan, now: Timestamp) -> Result<(), Refusal> {
    let site = plan
        .site_named(&set.site)
        .ok_or_else(|| unknown_site(&set.site, plan))?;
    let invalid = |what: String, hint: &str| Err(refusal(RefusalCode::Invalid, what, hint));
    if let Some(until) = set.until.filter(|until| *until <= now) {
        return invalid(format!("{until} is over"), "give a time to come");
    }
    match set.route {
        Route::Standby(number) if number == 0 || usize::from(number) >= site.upstreams.len() => {
            let what = format!("the site \"{}\" has no standby {number}", set.site);
            let hint = match site.upstreams.len() {
                1 => "add `standby = [...]` to the site and reload".to_owned(),
                upstreams => format!("it has standbys 1 to {}", upstreams - 1),
            };
            invalid(what, &hint)
        }
        Route::LastGood if !site.cache.stores => {
            let what = format!("the site \"{}\" stores nothing to answer with", set.site);
            invalid(what, "order `notice`, or another upstream")
        }
        _ => Ok(()),
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

/// There is no site of that name.
pub fn unknown_site(name: &str, plan: &Plan) -> Refusal {
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

/// A refusal.
pub fn refusal(code: RefusalCode, message: String, hint: &str) -> Refusal {
    Refusal {
        code,
        message,
        hint: hint.to_owned(),
    }
}

/// Keys that differ and take effect at a restart only.
fn needs_restart(before: &Settings, after: &Settings) -> Vec<String> {
    let mut keys = Vec::new();
    if before.edge != after.edge {
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
