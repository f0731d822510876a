//! What the machine takes from the rest of the edge: facts about both paths, how strangers come,
//! what approvers said. The one place that knows where these stand.

use yagura_config::settings::{SiteSettings, Without};
use yagura_control::Timestamp;

use super::guards::{self, Guards};
use super::readiness::DirectWay;
use super::stage::Ingress;
use crate::ingress::Class;
use crate::probes::facts::{Facts, NameSeen};
use crate::routing::Site;
use crate::state::Edge;

/// How the direct way to a site stands.
pub fn direct_way(edge: &Edge, site: &Site, now: Timestamp) -> DirectWay {
    let interval = edge.switchboard.settings().ingress.probe_interval;
    let facts = edge.probes.facts(&site.settings.name);
    let Some(facts) = facts.filter(|facts| facts.are_fresh(interval, now)) else {
        return DirectWay::default();
    };
    let Facts { direct, names, .. } = facts;
    let believed = |name: NameSeen| {
        let believed = name.believed(now);
        (name.name, believed)
    };
    DirectWay {
        is_fresh: true,
        addresses: direct
            .into_iter()
            .map(|path| (path.address, path.answer.map(drop)))
            .collect(),
        names: names.into_iter().map(believed).collect(),
    }
}

/// What of ours stands where the cloud stood.
pub fn guards(edge: &Edge, site: &SiteSettings) -> Guards {
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
