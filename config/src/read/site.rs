//! `[[site]]`. Its tables `[site.health]` and `look` stand in `health.rs` and `look.rs`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

use super::{bypass, drill, health, look};
use crate::section::{CookieName, Section};
use crate::settings::{
    DROPPED_BY_DEFAULT, HostPattern, Origin, ParameterPattern, PlainHttp, SiteSettings,
    SitemapSettings, TargetHost, first_host,
};

/// Most entries of `drop_query`, of `vary_cookies` and of `redirect_targets`: every request with a
/// query or cookies is compared with all of them.
const MOST_RULES: usize = 64;

/// Most entries of `standby`; orders name them by their number.
const MOST_STANDBYS: usize = 8;

const ORIGIN_FORMS: &str =
    "write \"http://127.0.0.1:8000\" (an IP address with a port) or \"unix:run/cms.sock\"";

/// Reads one site; `https_port` is the port of the first TLS listener, if there is one.
///
/// With `[site.drill]` there is a second one, for drills.
pub(super) fn read(
    table: &Section<'_>,
    https_port: Option<u16>,
) -> (Option<SiteSettings>, Option<SiteSettings>) {
    let drill = drill::read(table);
    let site = site(table, https_port);
    let stand_in = site.as_ref().zip(drill).map(|(site, drill)| drill.of(site));
    (site, stand_in)
}

fn site(table: &Section<'_>, https_port: Option<u16>) -> Option<SiteSettings> {
    let name = site_name(table);
    let hosts: Vec<HostPattern> = table.list("hosts");
    if table.is_empty("hosts") {
        table.fault(
            "hosts",
            "the site answers for no host",
            "add hosts = [\"www.town.example\"]",
        );
    }
    let look = look::read(table, first_host(&hosts));
    let origin = origin(table, "origin");
    let standby = standby(table, origin.as_ref());
    let check = health::read(table, !standby.is_empty());
    let http = plain_http(table, https_port);
    let hsts = super::tls::hsts(table, http);
    let cache = table.or("cache", true);
    let last_good = table.or("last_good", false);
    let drop_query = drop_query(table);
    let vary_cookies = vary_cookies(table);
    let redirect_targets: Vec<TargetHost> = table.list("redirect_targets");
    at_most(table, "redirect_targets", redirect_targets.len());
    let feed_socket = table.path("feed_socket");
    let sitemap = sitemap(table);
    let warm_rate = table.or("warm_rate", 50);
    let requests = super::limits::of_site(table);
    let waf = super::waf::of_site(table);
    let allow_from: Vec<IpNet> = table.list("allow_from");
    let ingress = bypass::read(table, &hosts);
    let staff = table.or("staff", false);
    if staff && !(allow_from.is_empty() && ingress.behind.is_empty()) {
        let hint = "leave `allow_from` and `behind` out: [ingress] says where city hall is";
        table.fault("staff", "it is said twice who reaches the site", hint);
    }
    let connect_timeout = table.or("connect_timeout", Duration::from_secs(2));
    let read_timeout = table.or("read_timeout", Duration::from_secs(30));
    let stale_after = table.or("stale_after", Duration::from_secs(3));
    let stale_while_revalidate = table.or("stale_while_revalidate", Duration::ZERO);
    let origin_requests = table.or("origin_requests", 128);
    let compress = table.or("compress", true);
    table.end();
    Some(SiteSettings {
        name: name?,
        hosts,
        look,
        origin: origin?,
        standby,
        check,
        http: http?,
        hsts,
        cache,
        last_good,
        drop_query,
        vary_cookies,
        redirect_targets,
        feed_socket,
        sitemap,
        warm_rate,
        requests,
        waf,
        drill_of: None,
        allow_from,
        behind: ingress.behind,
        staff,
        bypass: ingress.bypass,
        connect_timeout,
        read_timeout,
        stale_after,
        stale_while_revalidate,
        origin_requests,
        compress,
    })
}

fn sitemap(table: &Section<'_>) -> Option<SitemapSettings> {
    let target: Option<String> = table.optional("sitemap");
    let interval = table.or("sitemap_interval", Duration::from_secs(3600));
    let target = target?;
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        let hint = "write path and query at the origin, such as \"/sitemap.xml\"";
        table.fault("sitemap", format!("\"{target}\" cannot be asked for"), hint);
    }
    Some(SitemapSettings { target, interval })
}

/// Names stand in orders, file names and logs, and so are short and plain.
fn site_name(table: &Section<'_>) -> Option<String> {
    let name: String = table.required("name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() <= 40 && name.chars().all(plain) {
        return Some(name);
    }
    table.fault(
        "name",
        format!("\"{name}\" cannot be a site's name"),
        "use a-z, 0-9 and -, at most 40",
    );
    None
}

fn drop_query(table: &Section<'_>) -> Vec<ParameterPattern> {
    let by_default = || {
        let patterns = DROPPED_BY_DEFAULT.iter();
        patterns
            .map(|text| match text.strip_suffix('*') {
                Some(beginning) => ParameterPattern::Prefix(beginning.to_owned()),
                None => ParameterPattern::Exact((*text).to_owned()),
            })
            .collect()
    };
    let patterns = table.optional_list("drop_query").unwrap_or_else(by_default);
    at_most(table, "drop_query", patterns.len());
    patterns
}

fn vary_cookies(table: &Section<'_>) -> Option<Vec<String>> {
    let names: Vec<CookieName> = table.optional_list("vary_cookies")?;
    at_most(table, "vary_cookies", names.len());
    Some(names.into_iter().map(|CookieName(name)| name).collect())
}

fn at_most(table: &Section<'_>, key: &'static str, count: usize) {
    if count > MOST_RULES {
        let message = format!("{count} entries are too many");
        let hint = format!("write at most {MOST_RULES}; a name that ends in * stands for many");
        table.fault(key, message, hint);
    }
}

/// An origin or listening place; `table` must have the key.
pub(super) fn origin(table: &Section<'_>, key: &'static str) -> Option<Origin> {
    let text: String = table.required(key)?;
    let origin = parse_origin(&text, table.folder());
    if origin.is_none() {
        table.fault(key, format!("\"{text}\" is no origin"), ORIGIN_FORMS);
    }
    origin
}

fn standby(table: &Section<'_>, primary: Option<&Origin>) -> Vec<Origin> {
    let texts: Vec<String> = table.list("standby");
    let mut standby = Vec::new();
    for text in &texts {
        match parse_origin(text, table.folder()) {
            None => table.fault("standby", format!("\"{text}\" is no origin"), ORIGIN_FORMS),
            Some(origin) if primary == Some(&origin) || standby.contains(&origin) => {
                let hint = "name every place once";
                table.fault("standby", format!("\"{text}\" is named twice"), hint);
            }
            Some(origin) => standby.push(origin),
        }
    }
    if texts.len() > MOST_STANDBYS {
        let message = format!("{} standbys are too many", texts.len());
        let hint = format!("write at most {MOST_STANDBYS}");
        table.fault("standby", message, hint);
    }
    standby
}

fn parse_origin(text: &str, folder: &Path) -> Option<Origin> {
    if let Some(path) = text.strip_prefix("unix:") {
        return (!path.is_empty()).then(|| Origin::Unix(folder.join(path)));
    }
    let authority = text.strip_prefix("http://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    authority.parse::<SocketAddr>().ok().map(Origin::Tcp)
}

fn plain_http(table: &Section<'_>, https_port: Option<u16>) -> Option<PlainHttp> {
    let default = if https_port.is_some() {
        "redirect"
    } else {
        "serve"
    };
    let word = table.or("http", default.to_owned());
    let port = table.optional("https_port").or(https_port);
    match (word.as_str(), port) {
        ("serve", _) => Some(PlainHttp::Serve),
        ("redirect", Some(port)) => Some(PlainHttp::RedirectToHttps { port }),
        ("redirect", None) => {
            let hint = "add `https_port = 443`, or a listener with tls = true";
            table.fault("http", "there is no port to redirect to", hint);
            None
        }
        _ => {
            let hint = "write \"redirect\" (308 to https) or \"serve\"";
            table.fault("http", format!("\"{word}\" cannot be used"), hint);
            None
        }
    }
}
