//! Figures of doors: whether they are open, and how readers come.

use super::each;
use super::families as f;
use super::text::Text;
use crate::ingress::comings::{Comings, Direct};
use crate::ingress::{Class, shown};
use crate::routing::{Plan, Site};
use crate::state::Edge;

/// Tells of every door; nothing where there is none.
pub fn tell(edge: &Edge, plan: &Plan, text: &mut Text) {
    if plan.sites().iter().any(|site| site.door.is_behind()) {
        of_clouds(edge, plan, text);
    }
    if plan.sites().iter().any(|site| site.settings.staff) {
        let now = edge.clock.now();
        text.family(&f::OUTSIDE);
        each(plan, text, |text, site, name| {
            if site.settings.staff {
                let open = shown::outside(site, plan, now).is_some();
                text.value(&[("site", name)], u64::from(open));
            }
        });
    }
}

fn of_clouds(edge: &Edge, plan: &Plan, text: &mut Text) {
    text.family(&f::DOOR);
    of_each(plan, text, |text, site, name| {
        text.value(&[("site", name)], u64::from(site.door.is_open()));
    });
    text.family(&f::COMINGS);
    let known = edge.limits.known();
    of_each(plan, text, |text, site, name| {
        let comings = &site.seen.comings;
        for (from, class) in [
            ("direct", Class::STRANGER),
            ("city-hall", Class::CITY_HALL),
            ("monitor", Class::MONITOR),
        ] {
            let labels = [("site", name), ("from", from), ("cloud", "")];
            text.value(&labels, comings.of(class));
        }
        for cloud in site
            .settings
            .behind
            .iter()
            .filter_map(|name| known.cloud(name))
        {
            let labels = [("site", name), ("from", "cloud"), ("cloud", &*cloud.name)];
            text.value(&labels, comings.of(cloud.class));
        }
    });
    type Read = fn(&Comings, &Direct) -> Option<u64>;
    let figures: [(&f::Family, Read); 4] = [
        (&f::TURNED_AWAY, |comings, _| Some(comings.refused())),
        (&f::DIRECT_RATE, |_, direct| Some(direct.last_minute)),
        (&f::DIRECT_PEAK, |_, direct| Some(direct.peak_minute)),
        (&f::DIRECT_LAST, |_, direct| {
            direct.last_at.map(|at| at.seconds())
        }),
    ];
    for (family, read) in figures {
        text.family(family);
        of_each(plan, text, |text, site, name| {
            let comings = &site.seen.comings;
            if let Some(value) = read(comings, &comings.direct()) {
                text.value(&[("site", name)], value);
            }
        });
    }
}

/// Tells something of every site that is behind clouds.
fn of_each(plan: &Plan, text: &mut Text, tell: impl Fn(&mut Text, &Site, &str)) {
    each(plan, text, |text, site, name| {
        if site.door.is_behind() {
            tell(text, site, name);
        }
    });
}
