//! The answer to `yagura cloud status`: how each site stands towards its clouds, and what a switch
//! now would mean.

use std::sync::Arc;

use yagura_config::Settings;
use yagura_config::settings::{Role, SiteSettings};
use yagura_control::Timestamp;
use yagura_control::order::{BypassStage, Missing, Outcome, Reply, SiteCloudShown};

use super::facts::Facts;
use crate::bypass::inputs;
use crate::routing::Site;
use crate::state::Edge;

/// Every site that is behind a cloud.
#[must_use]
pub fn shown(edge: &Arc<Edge>) -> Reply {
    let plan = edge.switchboard.plan().clone();
    let now = edge.clock.now();
    let behind = plan.sites().iter();
    let behind = behind.filter(|site| !site.settings.behind.is_empty());
    let sites = behind.map(|site| of_site(edge, site, now)).collect();
    edge.switchboard
        .reply(plan.generation, now, Outcome::CloudShown { sites })
}

fn of_site(edge: &Edge, site: &Site, now: Timestamp) -> SiteCloudShown {
    let (name, behind) = (&site.settings.name, site.settings.behind.clone());
    let facts = edge.probes.facts(name);
    let settings = edge.switchboard.settings();
    let (stage, since) = stage(edge, name);
    let mut missing = edge.bypasses.missing(name);
    missing.extend(inputs::lacking(edge, &site.settings, now).0);
    missing.extend(nobody_approves(&settings));
    SiteCloudShown {
        site: name.clone(),
        behind,
        stage,
        since,
        missing,
        without: without(&site.settings),
        facts: facts.map(|facts| facts.words(now)).unwrap_or_default(),
        change_request: edge.bypasses.of(name).request,
    }
}

/// What the bypass goes without, by decision.
fn without(site: &SiteSettings) -> Vec<String> {
    let bypass = site.bypass.iter();
    bypass.flat_map(|bypass| bypass.without.lines()).collect()
}

/// Where nobody may approve a switch, it can be had by break-glass alone.
fn nobody_approves(settings: &Settings) -> Option<Missing> {
    let mut operators = settings.operators.iter();
    let there_is = operators.any(|operator| operator.roles.contains(&Role::Approver));
    (!there_is).then(|| {
        Missing::stopping(
            "nobody could approve a switch",
            "give somebody the role approver in [[operator]], and reload",
        )
    })
}

/// How far a site is on its way around its cloud, and since when.
#[must_use]
pub fn stage(edge: &Edge, site: &str) -> (BypassStage, Timestamp) {
    let ingress = edge.switchboard.plan().intents.of(site).ingress;
    // A site that never left its cloud has been there since before anybody looked.
    let since = match ingress.is_default() {
        true => edge.started_at,
        false => ingress.since,
    };
    (ingress.stage, since)
}

/// What of the ways to sites needs somebody, in words: a cloud that fails, and what would keep a
/// switch from working when it is needed.
#[must_use]
pub fn warnings(edge: &Edge, settings: &Settings) -> Vec<String> {
    let now = edge.clock.now();
    let mut warnings = Vec::new();
    for site in &settings.sites {
        if site.bypass.is_none() {
            continue;
        }
        let name = &site.name;
        // Before the first answers nothing is known, and nothing is wrong.
        let Some(facts) = known(edge, name) else {
            continue;
        };
        let failing = facts.clouds.iter().filter_map(|cloud| {
            let minutes = cloud.standing.failed(now)?.as_secs() / 60;
            let why = cloud
                .paths
                .iter()
                .find_map(|path| path.answer.as_ref().err());
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            let cloud = &cloud.cloud;
            Some(format!(
                "site {name}: the path through {cloud} has failed for {minutes} min{why}"
            ))
        });
        warnings.extend(failing);
        let lacking = inputs::lacking(edge, site, now).0.into_iter();
        warnings.extend(lacking.map(|missing| {
            format!(
                "site {name} could not be published directly: {}; {}",
                missing.what, missing.hint
            )
        }));
    }
    warnings
}

/// What is known of a site, once both its paths and its servers were asked.
fn known(edge: &Edge, site: &str) -> Option<Facts> {
    let facts = edge.probes.facts(site)?;
    (facts.at > Timestamp::ZERO && facts.servers_at > Timestamp::ZERO).then_some(facts)
}
