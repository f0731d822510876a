//! What the machine takes from the rest of the edge: facts about both paths, how strangers come,
//! what approvers said. The one place that knows where these stand.

use std::net::SocketAddr;

use yagura_config::settings::{SiteSettings, Without};
use yagura_control::Timestamp;
use yagura_control::order::Missing;

use super::guards::{self, Guards};
use super::readiness::{self, Known};
use super::stage::Ingress;
use crate::ingress::Class;
use crate::routing::Site;
use crate::state::Edge;

/// What stands in the way of a bypass, what stops it first; and what of ours stands where the cloud
/// stood.
pub fn lacking(edge: &Edge, site: &SiteSettings, now: Timestamp) -> (Vec<Missing>, Guards) {
    let facts = edge.probes.facts(&site.name);
    let guards = guards(edge, site);
    let known = Known {
        bypass: site.bypass.as_ref(),
        facts: facts.as_ref(),
        interval: edge.switchboard.settings().ingress.probe_interval,
        guards: &guards,
    };
    (readiness::lacking(&known, now), guards)
}

/// The direct addresses that are known not to answer.
pub fn failing(edge: &Edge, site: &str) -> Vec<SocketAddr> {
    let facts = edge.probes.facts(site).unwrap_or_default();
    let failing = facts.direct.iter().filter(|path| path.answer.is_err());
    failing.map(|path| path.address).collect()
}

/// What of ours stands where the cloud stood.
fn guards(edge: &Edge, site: &SiteSettings) -> Guards {
    let settings = edge.switchboard.settings();
    let nothing = Without::default();
    let bypass = site.bypass.as_ref();
    let without = bypass.map_or(&nothing, |bypass| &bypass.without);
    let engine = settings.waf.as_ref().map(|_| edge.waf.readiness());
    let configured = settings.edge.as_ref().map(|edge| edge.limits.clone());
    Guards {
        waf: guards::waf(site.waf, engine, without),
        limits: guards::limits(
            &configured.unwrap_or_default(),
            &edge.limits.settings(),
            without,
        ),
    }
}

/// Whether the path through the cloud that would be returned to is sound.
pub fn cloud_is_sound(edge: &Edge, site: &Site, ingress: &Ingress) -> bool {
    let first = || site.settings.behind.first().cloned();
    let cloud = ingress.cloud.clone().or_else(first).unwrap_or_default();
    let facts = edge.probes.facts(&site.settings.name);
    let seen = facts.as_ref().and_then(|facts| facts.cloud(&cloud));
    seen.is_some_and(|seen| seen.standing.is_sound())
}

/// How many requests came directly so far, let in or not; of city hall and monitors none counts.
pub fn strangers(site: &Site) -> u64 {
    let comings = &site.seen.comings;
    comings.of(Class::STRANGER) + comings.refused()
}

/// Whether an approver has reviewed what was done without one.
pub fn reviewed(edge: &Edge, ingress: &Ingress) -> bool {
    let request = ingress.permit.as_ref().and_then(|it| it.request.as_ref());
    let id = request.and_then(|id| id.parse().ok());
    let request = id.and_then(|id| edge.switchboard.request(&id));
    let glass = request.and_then(|request| request.break_glass);
    glass.is_some_and(|glass| glass.reviewed.is_some())
}
