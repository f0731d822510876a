//! What the journal's records make of a plan at the start of an edge, and the snapshot that takes
//! their place when they have become many.

use std::collections::{BTreeMap, HashSet};

use yagura_control::Timestamp;
use yagura_control::approval::{RequestId, Requests, Step};
use yagura_control::order::{HistoryLine, IngressEvent, LiftBan, Order, Purge};

use super::asked;
use super::effect::{self, Giver};
use super::history::{self, Entry, History, Subject};
use super::import;
use super::plan::Plan;
use super::record::Record;
use super::redirects::Redirects;
use crate::bypass::stage::Ingress;
use crate::cache::{Cache, key};
use crate::limits::Limits;

/// The plan after a record. Nothing is checked again: what was accepted once is taken over.
pub fn applied(
    plan: Plan,
    record: Record,
    (history, requests): (&mut History, &mut Requests),
    (cache, limits): (&Cache, &Limits),
) -> Plan {
    remember(&record, history, requests);
    match record {
        Record::Move { .. } | Record::Path { .. } | Record::Approval { .. } => plan,
        Record::Ingress { site, kept, .. } => plan.with_ingress(plan.generation, &site, *kept),
        Record::HandedOver { site, posts, .. } => {
            let intents = plan.intents.handed_over(&site, &posts);
            plan.with_intents(plan.generation, intents)
        }
        Record::Snapshot {
            generation,
            redirects,
            purges,
            bans,
            intents,
            ..
        } => {
            cache.restore_purges(purges);
            limits.set_bans(bans.into_iter().collect());
            let plan = plan.with_intents(generation, intents);
            redirects.into_iter().fold(plan, |plan, (site, redirects)| {
                plan.with_redirects(generation, &site, Redirects::new(redirects))
            })
        }
        Record::Order {
            generation,
            at,
            who,
            reason,
            order,
            request,
            ingress,
            ..
        } => match order {
            Order::Purge(purge) => {
                apply_purge(&plan, &purge, at, cache);
                plan.renumbered(generation)
            }
            // A table that was accepted once is taken over unless its site is gone.
            Order::ImportRedirects(import) => match plan.site_named(&import.site) {
                Some(site) => {
                    let table = import::replayed(&import, site, at);
                    plan.with_redirects(generation, &import.site, table)
                }
                None => plan.renumbered(generation),
            },
            Order::Route(set) => {
                let given = given(who, reason, at, request);
                effect::route::ordered(&set, &given, &plan, generation)
            }
            Order::RaiseNotice(notice) => {
                let given = given(who, reason, at, request);
                effect::notice::raised(Some(&notice), &notice.site, &given, &plan, generation)
            }
            Order::LowerNotice(of) => {
                let given = given(who, reason, at, request);
                effect::notice::raised(None, &of.site, &given, &plan, generation)
            }
            Order::RaiseDisaster(raise) => {
                let given = given(who, reason, at, request);
                effect::disaster::raised(&raise, &given, &plan, generation)
            }
            Order::LowerDisaster(of) => effect::disaster::lowered(&of.site, &plan, generation),
            Order::AddPost(add) => {
                let given = given(who, reason, at, request);
                effect::disaster::posted(&add, &given, &plan, generation)
            }
            Order::DropPost(drop) => effect::disaster::dropped(&drop, &plan, generation),
            Order::Bypass(_) | Order::Return(_) | Order::AbortBypass(_) | Order::ConfirmDns(_) => {
                match (history::site_of(&order), ingress) {
                    (Some(site), Some(kept)) => plan.with_ingress(generation, site, *kept),
                    _ => plan.renumbered(generation),
                }
            }
            Order::Ban(ban) => {
                let given = given(who, reason, at, request);
                let entry = effect::ban::in_force(&ban, &given);
                limits.set_bans(limits.bans().with(entry, at));
                plan.renumbered(generation)
            }
            Order::LiftBan(LiftBan { range }) => {
                limits.set_bans(limits.bans().without(range));
                plan.renumbered(generation)
            }
            Order::OpenStaff(open) => {
                let given = given(who, reason, at, request);
                effect::staff::opened(&open, &given, &plan, generation)
            }
            Order::CloseStaff(close) => effect::staff::closed(&close, &plan, generation),
            Order::Reload
            | Order::RecordRestore(_)
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
            | Order::Status
            | Order::ShowCache(_)
            | Order::CacheStats
            | Order::ShowHistory(_)
            | Order::ShowNotice(_)
            | Order::ShowDisaster(_)
            | Order::ShowRedirects(_)
            | Order::CheckTargets(_)
            | Order::Undo(_) => plan.renumbered(generation),
        },
    }
}

fn given(who: String, reason: Option<String>, at: Timestamp, request: Option<RequestId>) -> Giver {
    Giver {
        who,
        reason,
        at,
        request,
    }
}

/// Has history and requests know of a record.
pub fn remember(record: &Record, history: &mut History, requests: &mut Requests) {
    match record {
        Record::Snapshot {
            history: before,
            requests: asked,
            ..
        } => {
            history.clone_from(before);
            requests.clone_from(asked);
        }
        Record::Approval { step } => requests.take(step),
        Record::Order {
            request: Some(request),
            at,
            generation,
            ..
        } => requests.take(&Step::Done {
            request: request.clone(),
            at: *at,
            number: *generation,
        }),
        Record::Order { .. }
        | Record::Move { .. }
        | Record::Path { .. }
        | Record::Ingress { .. }
        | Record::HandedOver { .. } => {}
    }
    if let Some(entry) = entry(record, requests) {
        history.push(entry);
    }
}

/// Where every site stands on its way around its cloud, after these records. Steps have no generation
/// to know them by.
pub fn ingresses(records: &[Record]) -> BTreeMap<String, Ingress> {
    let mut ingresses = BTreeMap::new();
    for record in records {
        match record {
            Record::Snapshot { intents, .. } => ingresses = intents.ingresses(),
            Record::Ingress { site, kept, .. } => {
                ingresses.insert(site.clone(), (**kept).clone());
            }
            Record::Order {
                order,
                ingress: Some(kept),
                ..
            } => {
                let site = history::site_of(order).unwrap_or_default();
                ingresses.insert(site.to_owned(), (**kept).clone());
            }
            Record::Order { .. }
            | Record::Move { .. }
            | Record::Path { .. }
            | Record::Approval { .. }
            | Record::HandedOver { .. } => {}
        }
    }
    ingresses
}

/// What the history says of a record.
fn entry(record: &Record, requests: &Requests) -> Option<Entry> {
    match record {
        Record::Snapshot { .. } | Record::HandedOver { .. } => None,
        Record::Approval { step } => asked::entry(step, requests),
        Record::Order {
            generation,
            at,
            who,
            reason,
            order,
            change,
            undoes,
            request,
            ..
        } => Some(Entry {
            line: HistoryLine {
                number: Some(*generation),
                at: *at,
                who: who.clone(),
                reason: reason.clone(),
                site: history::site_of(order).map(str::to_owned),
                what: history::words(order),
                before: change.before.clone(),
                after: change.after.clone(),
                undoes: *undoes,
                request: request.as_ref().map(ToString::to_string),
                ingress: history::ingress_event(order),
            },
            subject: Subject::of(order),
            inverse: change.inverse.clone(),
        }),
        Record::Ingress {
            site,
            at,
            from,
            to,
            why,
            evidence,
            ..
        } => Some(Entry {
            line: HistoryLine {
                number: None,
                at: *at,
                who: "edge".to_owned(),
                reason: None,
                site: Some(site.clone()),
                what: format!("around the cloud: {}", to.describe()),
                before: from.word().to_owned(),
                after: to.word().to_owned(),
                undoes: None,
                request: None,
                ingress: Some(IngressEvent::Stage {
                    from: *from,
                    to: *to,
                    why: [std::slice::from_ref(why), evidence].concat().join("; "),
                }),
            },
            subject: Subject::Move,
            inverse: None,
        }),
        Record::Move {
            at,
            by,
            site,
            change,
        } => Some(Entry {
            line: HistoryLine {
                number: None,
                at: *at,
                who: by.clone(),
                reason: None,
                site: Some(site.clone()),
                what: "the way moved by itself".to_owned(),
                before: change.before.clone(),
                after: change.after.clone(),
                undoes: None,
                request: None,
                ingress: None,
            },
            subject: Subject::Move,
            inverse: None,
        }),
        Record::Path { at, site, seen } => {
            let (before, after) = history::path_words(seen);
            Some(Entry {
                line: HistoryLine {
                    number: None,
                    at: *at,
                    who: "probes".to_owned(),
                    reason: None,
                    site: Some(site.clone()),
                    what: "a path to the site was watched".to_owned(),
                    before,
                    after,
                    undoes: None,
                    request: None,
                    ingress: Some(seen.clone()),
                },
                subject: Subject::Move,
                inverse: None,
            })
        }
    }
}

/// Everything up to now, summed up.
pub fn snapshot(
    plan: &Plan,
    (history, requests): (&History, &Requests),
    (cache, limits): (&Cache, &Limits),
    at: Timestamp,
) -> Record {
    let sites = plan.sites().iter();
    let redirects: BTreeMap<_, _> = sites
        .map(|site| (site.settings.name.clone(), site.redirects.iter().collect()))
        .collect();
    Record::Snapshot {
        generation: plan.generation,
        at,
        redirects,
        purges: cache.purge_table(),
        bans: limits.bans().in_force(at).cloned().collect(),
        intents: (*plan.intents).clone(),
        history: history.clone(),
        requests: requests.clone(),
    }
}

/// Puts a purge in force, for the keys that the site's rules make. The journal keeps it as it was
/// given: at the next start the rules may be others.
pub fn apply_purge(plan: &Plan, purge: &Purge, at: Timestamp, cache: &Cache) {
    match plan.site_named(&purge.site) {
        Some(site) => cache.purge(&key::as_keyed(purge, &site.cache), at),
        // The site is gone from the configuration, and may come back.
        None => cache.purge(purge, at),
    }
}

/// The hashes of the files that notices need, also those that come back when an order is taken back.
pub fn files_in_use(plan: &Plan, history: &History) -> HashSet<String> {
    let inverses = history.inverses().filter_map(|order| match order {
        Order::RaiseNotice(notice) => Some(notice),
        _ => None,
    });
    let notices = plan.intents.notices().chain(inverses);
    let files = notices.flat_map(|notice| &notice.files);
    files.filter_map(|file| file.digest.clone()).collect()
}
