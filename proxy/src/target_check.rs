//! What answers at the targets of redirects: a stored page, another redirect, or the origin, which
//! is asked once a page and one page at a time, as the warmer asks.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use yagura_config::settings::HostPattern;
use yagura_control::order::{CheckTargets, Outcome, Refusal, RefusalCode, Reply, TargetState};
use yagura_control::page_url::PageUrl;

use crate::cache::sight::Sight;
use crate::cache::{Directives, Lookup};
use crate::routing::Site;
use crate::show_redirects::unknown;
use crate::state::Edge;

/// Most targets in one order.
const MOST: usize = 100;
/// The origin is asked at most this often: a report must not be felt by readers.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

/// Tells what answers at these targets.
///
/// # Errors
/// There is no such site, or they are too many.
pub async fn check(edge: &Arc<Edge>, asked: &CheckTargets) -> Result<Reply, Refusal> {
    let plan = edge.switchboard.plan().clone();
    let site = plan
        .site_named(&asked.site)
        .ok_or_else(|| unknown(&asked.site))?;
    if asked.targets.len() > MOST {
        return Err(Refusal {
            code: RefusalCode::Invalid,
            message: format!("{} targets are too many", asked.targets.len()),
            hint: format!("ask for {MOST} at a time"),
        });
    }
    let mut states = Vec::with_capacity(asked.targets.len());
    for (host, target) in &asked.targets {
        states.push(state(edge, site, host.as_deref(), target).await);
    }
    let outcome = Outcome::TargetsChecked { states };
    Ok(edge
        .switchboard
        .reply(plan.generation, edge.clock.now(), outcome))
}

async fn state(edge: &Arc<Edge>, site: &Site, host: Option<&str>, target: &str) -> TargetState {
    let url = match PageUrl::parse(target) {
        Ok(url) => url,
        Err(error) => {
            return TargetState::Unknown {
                why: error.to_string(),
            };
        }
    };
    if let Some(host) = &url.host
        && !site
            .settings
            .hosts
            .contains(&HostPattern::Exact(host.clone()))
    {
        return TargetState::Elsewhere;
    }
    let named = || {
        site.settings.hosts.iter().find_map(|host| match host {
            HostPattern::Exact(name) => Some(name.clone()),
            HostPattern::Any => None,
        })
    };
    let host = url
        .host
        .or_else(|| host.map(str::to_owned))
        .or_else(named)
        .unwrap_or_default();
    let now = edge.clock.now();
    if let Some(found) = site.redirect_of(&host, &url.target, now) {
        let to = found.location(&url.target, &site.cache.rules);
        return TargetState::Redirected { to };
    }
    let key = site.cache.key(&host, &url.target);
    let (fields, wants) = (HeaderMap::new(), Directives::default());
    let sight = edge
        .cache
        .look_at(&site.cache, &key, &fields, &wants, now)
        .await;
    if matches!(sight.found, Lookup::Withdrawn) {
        return TargetState::Withdrawn;
    }
    if matches!(sight.found, Lookup::Fresh(_))
        && let Some(stored) = &sight.stored
    {
        return TargetState::Stored {
            status: stored.status.as_u16(),
        };
    }
    if site.seen.upstreams.are_left_alone(now) {
        return kept_or_unknown(&sight, "the origin does not answer".to_owned());
    }
    tokio::time::sleep(BETWEEN_QUESTIONS).await;
    match site.fetcher.refresh(&url.target).await {
        Ok(refreshed) => TargetState::Answered {
            status: refreshed.status.as_u16(),
        },
        Err(error) => kept_or_unknown(&sight, error.to_string()),
    }
}

/// What is kept of a page answers for it meanwhile.
fn kept_or_unknown(sight: &Sight, why: String) -> TargetState {
    let kept = !matches!(sight.found, Lookup::Absent);
    match sight.stored.as_ref().filter(|_| kept) {
        Some(stored) => TargetState::Stored {
            status: stored.status.as_u16(),
        },
        None => TargetState::Unknown { why },
    }
}
