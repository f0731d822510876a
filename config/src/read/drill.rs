//! `[site.drill]`: a host name on which notices and disaster pages are rehearsed. It is a site of its
//! own before the same origin, which keeps nothing, follows no feed, and lets in only those named.

use ipnet::IpNet;

use crate::section::Section;
use crate::settings::{HostPattern, PlainHttp, SiteSettings};

/// What is written.
pub(super) struct Drill {
    hosts: Vec<HostPattern>,
    allow_from: Vec<IpNet>,
}

/// Reads the table of a site, if there is one.
pub(super) fn read(site: &Section<'_>) -> Option<Drill> {
    let table = site.table("drill")?;
    let hosts: Vec<HostPattern> = table.list("hosts");
    if hosts.is_empty() || hosts.contains(&HostPattern::Any) {
        let hint = "name a host that readers do not know, such as hosts = [\"drill.town.example\"]";
        table.fault("hosts", "a drill needs a host of its own", hint);
    }
    let allow_from: Vec<IpNet> = table.list("allow_from");
    if allow_from.iter().all(|range| range.prefix_len() == 0) {
        let hint = "write who takes part, such as allow_from = [\"127.0.0.0/8\", \"10.0.0.0/8\"]";
        table.fault("allow_from", "a drill must not be seen by everybody", hint);
    }
    table.end();
    Some(Drill { hosts, allow_from })
}

impl Drill {
    /// The site that stands for another one.
    pub(super) fn of(self, site: &SiteSettings) -> SiteSettings {
        let mut stand_in = site.clone();
        stand_in.look.name = format!("【訓練】{}", site.look.name);
        stand_in.look.is_drill = true;
        SiteSettings {
            name: SiteSettings::drill_name(&site.name),
            hosts: self.hosts,
            allow_from: self.allow_from,
            behind: Vec::new(),
            staff: false,
            bypass: None,
            drill_of: Some(site.name.clone()),
            // Its host needs no certificate: nobody but those who take part comes here.
            http: PlainHttp::Serve,
            cache: false,
            last_good: false,
            feed_socket: None,
            sitemap: None,
            ..stand_in
        }
    }
}
