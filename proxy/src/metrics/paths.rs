//! Figures of the ways to sites that are behind a cloud, and of who is told.

use super::families as f;
use super::text::Text;
use crate::probes::facts::Facts;
use crate::probes::window::Standing;
use crate::state::Edge;

/// What the direct path is called.
const DIRECT: &str = "direct";

/// Writes all of them.
pub fn tell(edge: &Edge, text: &mut Text) {
    let plan = edge.switchboard.plan().clone();
    let names = plan.sites().iter().map(|site| &site.settings.name);
    let known = names.filter_map(|name| Some((name.as_str(), edge.probes.facts(name)?)));
    let known: Vec<(&str, Facts)> = known.collect();
    if !known.is_empty() {
        of_paths(&known, text);
    }
    let plain = |name: String| name.replace(['"', '\\', '\n'], "_");
    let hooks = edge.hooks.counts().into_iter();
    let hooks: Vec<_> = hooks.map(|(name, counts)| (plain(name), counts)).collect();
    if hooks.is_empty() {
        return;
    }
    text.family(&f::HOOKS);
    for (hook, counts) in &hooks {
        for (result, count) in [
            ("told", counts.told),
            ("failed", counts.failed),
            ("lost", counts.lost),
        ] {
            text.value(&[("hook", hook), ("result", result)], count);
        }
    }
    text.family(&f::HOOKS_WAITING);
    for (hook, counts) in &hooks {
        text.value(&[("hook", hook)], counts.waiting as u64);
    }
}

fn of_paths(known: &[(&str, Facts)], text: &mut Text) {
    text.family(&f::PATH_UP);
    each_path(known, |site, path, standing, _| {
        let up = match standing {
            Standing::Unknown => return,
            Standing::Sound { .. } => 1,
            Standing::Failing { .. } => 0,
        };
        text.value(&[("site", site), ("path", path)], up);
    });
    text.family(&f::PATH_SECONDS);
    each_path(known, |site, path, _, ms| {
        if let Some(ms) = ms {
            text.span(&[("site", site), ("path", path)], u64::from(ms) * 1_000);
        }
    });
    text.family(&f::PATH_CERTIFICATE);
    for (site, facts) in known {
        for name in &facts.names {
            if let Some(end) = name.not_after {
                text.value(&[("site", site), ("name", &name.name)], end.seconds());
            }
        }
    }
    text.family(&f::NAMES_TTL);
    for (site, facts) in known {
        if let Some(ttl) = facts.ttl() {
            text.value(&[("site", site)], ttl.as_secs());
        }
    }
}

fn each_path(known: &[(&str, Facts)], mut tell: impl FnMut(&str, &str, Standing, Option<u32>)) {
    for (site, facts) in known {
        tell(site, DIRECT, facts.direct_standing, facts.direct_ms);
        for cloud in &facts.clouds {
            tell(site, &cloud.cloud, cloud.standing, cloud.ms);
        }
    }
}
