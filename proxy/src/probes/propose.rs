//! Asks people for a switch when `proposal.rs` says so: a request like any other, which every hook is
//! told of and somebody has to approve.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use yagura_config::Settings;
use yagura_config::settings::{BypassSettings, SiteSettings};
use yagura_control::Timestamp;
use yagura_control::order::{
    BypassStage, Order, Outcome, RequestShown, RequestState, StartBypass, StartReturn,
};

use super::facts::Facts;
use super::proposal::{Asked, Proposal, Sight, Waits, Whereabouts, Wish, decide};
use super::show::stage;
use super::window::Standing;
use crate::state::Edge;

/// How often it is looked whether there is something to be asked.
const LOOK: Duration = Duration::from_secs(1);
/// After a refusal it is asked again no sooner.
const AGAIN: Duration = Duration::from_secs(60);

/// Asks until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let mut refused: HashMap<String, Timestamp> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let settings = edge.switchboard.settings();
        let now = edge.clock.now();
        for site in &settings.sites {
            let rests = refused
                .get(&site.name)
                .is_some_and(|at| *at <= now && now.since(*at) < AGAIN);
            if rests {
                continue;
            }
            let Some((order, reason)) = wanted(&edge, &settings, site, now) else {
                continue;
            };
            let proposing = edge.clone();
            let proposed =
                tokio::task::spawn_blocking(move || proposing.switchboard.propose(order, &reason));
            // A task that is not cancelled ends only with an answer.
            let Ok(proposed) = proposed.await else { return };
            match proposed {
                Ok(_) => {
                    refused.remove(&site.name);
                    tracing::warn!(site = %site.name, "people are asked to approve a switch");
                }
                Err(refusal) => {
                    tracing::error!(site = %site.name, %refusal, "a switch cannot be asked for");
                    refused.insert(site.name.clone(), now);
                }
            }
        }
    }
}

/// The order to be asked for, with the reason for it.
fn wanted(
    edge: &Edge,
    settings: &Settings,
    site: &SiteSettings,
    now: Timestamp,
) -> Option<(Order, String)> {
    let bypass = site.bypass.as_ref()?;
    let facts = edge.probes.facts(&site.name)?;
    let whereabouts = match stage(edge, &site.name).0 {
        BypassStage::Cloud => Whereabouts::Cloud,
        BypassStage::Bypass => Whereabouts::Bypass,
        _ => Whereabouts::UnderWay,
    };
    let cloud = cloud(&facts, bypass, site)?;
    let sight = Sight {
        whereabouts,
        cloud: facts
            .cloud(&cloud)
            .map_or(Standing::Unknown, |it| it.standing),
        direct: facts.direct_standing,
        reaches_out: facts.reaches_out(),
        asked: &[],
    };
    let waits = Waits {
        bypass: settings.ingress.propose_after,
        back: settings.ingress.return_after,
    };
    // Which requests there are is asked only where they matter.
    decide(&sight, waits, now)?;
    let Outcome::Requests { requests } = edge.switchboard.requests().outcome else {
        return None;
    };
    let asked: Vec<Asked> = requests
        .iter()
        .filter_map(|request| asked(request, &site.name))
        .collect();
    let sight = Sight {
        asked: &asked,
        ..sight
    };
    let proposal = decide(&sight, waits, now)?;
    Some((
        order(&proposal, &site.name, &cloud),
        reason(&proposal, waits, &cloud),
    ))
}

/// The cloud that readers come through; where the DNS names none, the first that the site is behind.
fn cloud(facts: &Facts, bypass: &BypassSettings, site: &SiteSettings) -> Option<String> {
    let in_use = facts.cloud_in_use(bypass.behind.iter());
    let first = || {
        site.behind
            .iter()
            .find(|it| bypass.behind.contains_key(*it))
    };
    in_use.map(str::to_owned).or_else(|| first().cloned())
}

/// A request about this site's way.
fn asked(request: &RequestShown, site: &str) -> Option<Asked> {
    let (wish, of, at) = match &*request.order {
        Order::Bypass(start) => (Wish::Bypass, &start.site, start.asked_at),
        Order::Return(start) => (Wish::Return, &start.site, start.asked_at),
        _ => return None,
    };
    let waits = request.state == RequestState::Waiting;
    (of == site).then_some(Asked { wish, at, waits })
}

fn order(proposal: &Proposal, site: &str, cloud: &str) -> Order {
    let (site, asked_at) = (site.to_owned(), proposal.asked_at);
    match proposal.wish {
        Wish::Bypass => Order::Bypass(StartBypass {
            site,
            asked_at,
            break_glass: false,
        }),
        Wish::Return => Order::Return(StartReturn {
            site,
            cloud: Some(cloud.to_owned()),
            asked_at,
            break_glass: false,
        }),
    }
}

/// The words are the same on every edge: they are part of what is approved. What each has seen stands
/// in its history.
fn reason(proposal: &Proposal, waits: Waits, cloud: &str) -> String {
    let minutes = |wait: Duration| match wait.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    };
    match proposal.wish {
        Wish::Bypass => format!(
            "the path through {cloud} has failed for {}, and the direct path works",
            minutes(waits.bypass)
        ),
        Wish::Return => format!(
            "the path through {cloud} has worked again for {}",
            minutes(waits.back)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edge_asks_with_the_same_words() {
        let waits = Waits {
            bypass: Duration::from_secs(180),
            back: Duration::from_secs(90),
        };
        let proposal = |wish, since| Proposal {
            wish,
            asked_at: Timestamp(600_000),
            since: Timestamp(since),
        };
        let (one, other) = (proposal(Wish::Bypass, 7), proposal(Wish::Bypass, 9));
        assert_eq!(
            reason(&one, waits, "prefecture"),
            "the path through prefecture has failed for 3 min, and the direct path works"
        );
        assert_eq!(reason(&one, waits, "p"), reason(&other, waits, "p"));
        assert_eq!(order(&one, "town", "p"), order(&other, "town", "p"));
        assert_eq!(
            reason(&proposal(Wish::Return, 7), waits, "p"),
            "the path through p has worked again for 90 s"
        );
    }
}
