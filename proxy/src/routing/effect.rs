//! What an order would make of the plan: checked, worked out, and not yet in force. Changes nothing;
//! `switchboard.rs` puts it in force. What is particular to a kind of order stands in `effect/`.

pub mod ban;
pub mod cloud;
pub mod disaster;
pub mod notice;
mod purge;
mod restart;
pub mod route;
pub mod staff;

use std::sync::Arc;

use tokio::sync::Notify;
use yagura_config::Settings;
use yagura_control::approval::RequestId;
use yagura_control::order::{DropPost, NoticeOf, Order, Outcome, Refusal, RefusalCode};
use yagura_control::{Clock, Timestamp};

use super::history::Change;
use super::import;
use super::plan::Plan;
use crate::bypass::stage::{Ingress, Permit};
use crate::cache::Cache;
use crate::ingress::Known;
use crate::limits::Limits;
use crate::limits::bans::Bans;
use crate::notice::files::Files;

/// Reads the configuration file again; the error holds every fault, as text.
pub type Reload = Box<dyn Fn() -> Result<Settings, String> + Send + Sync>;

/// What plans are made of.
pub struct Parts {
    /// Both levels.
    pub cache: Arc<Cache>,
    /// What readers may ask, and who is let in.
    pub limits: Arc<Limits>,
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
        let known = Known::after(&self.limits.known(), settings);
        let parts = (cache, &known);
        Plan::new(generation, settings, parts, clock, moved, before)
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
    /// The request that it is carried out for.
    pub request: Option<RequestId>,
}

/// An order's effect.
pub struct Effect {
    /// The plan with it, decided.
    pub plan: Plan,
    /// What is replied.
    pub outcome: Outcome,
    /// The settings that it read.
    pub settings: Option<Settings>,
    /// The bans that it makes.
    pub bans: Option<Bans>,
    /// What is kept of a site's bypass.
    pub ingress: Option<Ingress>,
    /// The same for the history.
    pub change: Change,
}

/// Works an order out; `permit` is a second person's, where one was given.
///
/// # Errors
/// Why it is refused.
pub fn of(
    order: &Order,
    (given, permit): (&Giver, Option<&Permit>),
    before: &Plan,
    settings: &Settings,
    parts: &Parts,
) -> Result<Effect, Refusal> {
    let generation = before.generation + 1;
    let plain = |plan: Plan, outcome, change| Effect {
        plan: plan.decided(given.at),
        outcome,
        settings: None,
        bans: None,
        ingress: None,
        change,
    };
    let posts = |site: &str, plan: Plan, inverse| {
        let plan = plan.decided(given.at);
        disaster::changed(site, before, plan, (inverse, given.at)).map(|(p, o, c)| plain(p, o, c))
    };
    let banned = |range, bans: Bans, present: &Bans| {
        let total = |bans: &Bans| bans.in_force(given.at).count();
        let change = Change {
            before: format!("{} bans", total(present)),
            after: format!("{} bans", total(&bans)),
            inverse: Some(ban::present(range, present, given.at)),
        };
        let total = total(&bans);
        let plan = before.renumbered(generation);
        Effect {
            bans: Some(bans),
            ..plain(plan, Outcome::BansChanged { total }, change)
        }
    };
    match order {
        Order::Status
        | Order::ShowCache(_)
        | Order::CacheStats
        | Order::ShowHistory(_)
        | Order::ShowNotice(_)
        | Order::ShowDisaster(_)
        | Order::ShowRedirects(_)
        | Order::CheckTargets(_)
        | Order::Bans
        | Order::ShowWaf(_)
        | Order::Upgrade(_)
        | Order::TakeCertificate(_)
        | Order::ShowProofs(_)
        | Order::CloudStatus
        | Order::ShowRequests
        | Order::Decide(_)
        | Order::WithdrawRequest(_)
        | Order::Review(_)
        | Order::Undo(_) => Err(refusal(
            RefusalCode::Malformed,
            "this order changes nothing".to_owned(),
            "ask for it without going through the switchboard",
        )),
        Order::Purge(purge) => {
            purge::check(purge, before, &parts.cache)?;
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
            route::check(set, before, given.at)?;
            let plan = route::ordered(set, given, before, generation);
            let inverse = Order::Route(route::present(&set.site, before, given.at));
            ways(&set.site, before, plan.decided(given.at), inverse).map(|(p, o, c)| plain(p, o, c))
        }
        Order::RaiseNotice(notice) => {
            notice::check(notice, before, given.at)?;
            let plan = notice::raised(Some(notice), &notice.site, given, before, generation);
            let inverse = notice::present(&notice.site, before, given.at);
            ways(&notice.site, before, plan.decided(given.at), inverse)
                .map(|(p, o, c)| plain(p, o, c))
        }
        Order::LowerNotice(NoticeOf { site }) => {
            let plan = notice::raised(None, site, given, before, generation);
            let inverse = notice::present(site, before, given.at);
            ways(site, before, plan.decided(given.at), inverse).map(|(p, o, c)| plain(p, o, c))
        }
        Order::RaiseDisaster(raise) => {
            disaster::check(raise, before, given.at)?;
            let plan = disaster::raised(raise, given, before, generation);
            posts(
                &raise.site,
                plan,
                disaster::present(&raise.site, before, given.at),
            )
        }
        Order::LowerDisaster(NoticeOf { site }) => {
            let plan = disaster::lowered(site, before, generation);
            posts(site, plan, disaster::present(site, before, given.at))
        }
        Order::AddPost(add) => {
            disaster::check_post(add, before, given.at)?;
            let (site, number) = (add.site.clone(), add.post.number);
            let plan = disaster::posted(add, given, before, generation);
            posts(&add.site, plan, Order::DropPost(DropPost { site, number }))
        }
        Order::DropPost(drop) => {
            let inverse = disaster::brings_back(drop, before)?;
            let plan = disaster::dropped(drop, before, generation);
            posts(&drop.site, plan, inverse)
        }
        Order::Bypass(_) | Order::Return(_) | Order::AbortBypass(_) | Order::ConfirmDns(_) => {
            let moved = cloud::of(order, given, permit, before)?;
            Ok(Effect {
                ingress: Some(moved.ingress),
                ..plain(moved.plan, moved.outcome, moved.change)
            })
        }
        Order::OpenStaff(open) => {
            staff::check(open, before, given.at)?;
            let plan = staff::opened(open, given, before, generation);
            staff::changed(&open.site, before, plan, given.at).map(|(p, o, c)| plain(p, o, c))
        }
        Order::CloseStaff(close) => {
            let plan = staff::closed(close, before, generation);
            staff::changed(&close.site, before, plan, given.at).map(|(p, o, c)| plain(p, o, c))
        }
        Order::RecordRestore(restore) => {
            let what = restore.describe();
            let outcome = Outcome::RestoreRecorded { what };
            Ok(plain(
                before.renumbered(generation),
                outcome,
                Change::default(),
            ))
        }
        Order::Ban(added) => {
            let present = parts.limits.bans();
            let mut exempt = parts.limits.settings().exempt.clone();
            exempt.extend(parts.limits.known().cloud_ranges());
            let bans = ban::added(added, given, &present, &exempt)?;
            Ok(banned(added.range, bans, &present))
        }
        Order::LiftBan(lifted) => {
            let present = parts.limits.bans();
            let bans = ban::lifted(lifted, &present)?;
            Ok(banned(lifted.range, bans, &present))
        }
        Order::Reload => {
            let new = (parts.reload)().map_err(|faults| {
                let hint = "mend the file; the edge goes on with what it has";
                refusal(RefusalCode::Invalid, faults, hint)
            })?;
            let outcome = Outcome::Reloaded {
                needs_restart: restart::needed(settings, &new),
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

fn redirects(count: usize) -> String {
    format!("{count} redirects")
}

fn sites(plan: &Plan) -> String {
    let names = plan.sites().iter().map(|site| site.settings.name.as_str());
    format!("sites {}", names.collect::<Vec<_>>().join(", "))
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
