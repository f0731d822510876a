//! What no single table can see: the same address twice, a host that two sites claim, a feature
//! that needs a key of another table.

use std::collections::HashMap;

use crate::section::Section;
use crate::settings::{EdgeSettings, HostPattern, SiteSettings};

/// Whether the file configures any program, and an edge has something to answer for.
pub(crate) fn programs(
    top: &Section<'_>,
    edge: bool,
    others: bool,
    sites: &[Option<SiteSettings>],
) {
    if !(edge || others) {
        top.fault(
            "edge",
            "the file configures no program",
            "add [edge], [cms] or [ops], or [command] where orders are given from",
        );
    }
    if edge && sites.is_empty() {
        top.fault(
            "site",
            "the edge has no site",
            "add [[site]] with name, hosts and origin",
        );
    }
    if !edge && !sites.is_empty() {
        top.fault(
            "site",
            "sites are answered by an edge, and there is none",
            "add [edge]",
        );
    }
}

/// The edge's own keys against each other.
pub(crate) fn edge(table: &Section<'_>, edge: &EdgeSettings) {
    let mut seen = HashMap::new();
    for (index, listen) in edge.listen.iter().enumerate() {
        if let Some(first) = seen.insert(listen.address, index) {
            let message = format!("listen[{index}] has the address of listen[{first}]");
            table.fault(
                "listen",
                message,
                "every listener needs an address and port of its own",
            );
        }
    }
    if let Some(metrics) = &edge.metrics
        && seen.contains_key(metrics)
    {
        let hint = "give the metrics a port of their own";
        table.fault("metrics", "readers are answered at this address", hint);
    }
    if edge.data.is_none() && edge.listen.iter().any(|listen| listen.tls) {
        let hint = "add `data = \"data\"` to [edge]: certificates are kept there";
        table.fault("data", "a listener with tls needs a data folder", hint);
    }
    if edge.max_object_bytes > edge.hot_bytes {
        let hint = "make `max_object` smaller or `hot` larger";
        table.fault(
            "max_object",
            "one object may be larger than the whole hot cache",
            hint,
        );
    }
}

/// Sites against each other and against the edge.
///
/// `stand_ins` are the sites for drills, one for each site that has one.
pub(crate) fn sites(
    tables: &[Section<'_>],
    (sites, stand_ins): (&[Option<SiteSettings>], &[Option<SiteSettings>]),
    edge: &EdgeSettings,
) {
    let mut names = HashMap::new();
    let mut hosts: HashMap<&HostPattern, &str> = HashMap::new();
    for (table, site) in tables.iter().zip(sites) {
        let Some(site) = site else { continue };
        if names.insert(site.name.as_str(), ()).is_some() {
            let message = format!("another site is named \"{}\"", site.name);
            table.fault("name", message, "give every site a name of its own");
        }
        for host in &site.hosts {
            if let Some(other) = hosts.insert(host, &site.name) {
                let shown = match host {
                    HostPattern::Exact(name) => name,
                    HostPattern::Any => "*",
                };
                let message = format!("\"{shown}\" already belongs to the site \"{other}\"");
                table.fault("hosts", message, "leave every host to one site");
            }
        }
        needs(table, site, edge);
    }
    for (table, stand_in) in tables.iter().zip(stand_ins) {
        let Some(stand_in) = stand_in else { continue };
        let taken = stand_in.hosts.iter().find_map(|host| hosts.get(host));
        if let Some(other) = taken {
            let message = format!("a host of the drill belongs to the site \"{other}\"");
            table.fault("drill", message, "give the drill a host of its own");
        }
        if names.contains_key(stand_in.name.as_str()) {
            let message = format!("another site is named \"{}\"", stand_in.name);
            table.fault(
                "drill",
                message,
                "the drill's site is named so: rename the other",
            );
        }
        hosts.extend(stand_in.hosts.iter().map(|host| (host, &*stand_in.name)));
    }
}

fn needs(table: &Section<'_>, site: &SiteSettings, edge: &EdgeSettings) {
    if site.last_good && edge.data.is_none() {
        let hint = "add `data = \"data\"` to [edge]: the copies are kept there";
        table.fault("last_good", "last-good copies need a data folder", hint);
    }
    if site.last_good && !site.cache {
        let hint = "remove `cache = false`, or `last_good = true`";
        table.fault(
            "last_good",
            "a site that stores nothing has no last-good copies",
            hint,
        );
    }
    if site.vary_cookies.is_some() && !site.cache {
        let hint = "remove `vary_cookies`, or `cache = false`";
        table.fault(
            "vary_cookies",
            "a site that stores nothing compares no cookies",
            hint,
        );
    }
    let followed = [
        ("feed_socket", site.feed_socket.is_some()),
        ("sitemap", site.sitemap.is_some()),
    ];
    for (key, is_set) in followed {
        if is_set && !site.last_good {
            let hint = "add `last_good = true`: that is what following it is for";
            table.fault(key, "the warmer has nowhere to put its copies", hint);
        }
    }
    if site.sitemap.is_some() && site.feed_socket.is_some() {
        let hint = "remove `sitemap`: the feed tells of every change at once";
        table.fault("sitemap", "the site has a change feed already", hint);
    }
    if site.sitemap.is_some() && site.hosts.contains(&HostPattern::Any) {
        let hint = "name the site's hosts in `hosts`, in place of \"*\"";
        table.fault(
            "sitemap",
            "the warmer cannot know which host's pages are meant",
            hint,
        );
    }
}
