//! What a reload cannot put in force.

use yagura_config::Settings;
use yagura_config::settings::{EdgeSettings, LimitSettings, SiteSettings};

/// Keys that differ and take effect at a restart only.
pub fn needed(before: &Settings, after: &Settings) -> Vec<String> {
    let mut keys = Vec::new();
    // Limits are in force at once.
    let edge = |settings: &Settings| {
        let edge = settings.edge.clone();
        edge.map(|edge| EdgeSettings {
            limits: LimitSettings::default(),
            ..edge
        })
    };
    if edge(before) != edge(after) {
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
    let listens = |settings: &Settings| settings.control.as_ref().map(|control| control.listen);
    if listens(before) != listens(after) {
        keys.push("control.listen".to_owned());
    }
    keys
}
