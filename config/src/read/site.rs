//! `[[site]]`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::section::Section;
use crate::settings::{HostPattern, Origin, PlainHttp, SiteSettings};

const ORIGIN_FORMS: &str =
    "write \"http://127.0.0.1:8000\" (an IP address with a port) or \"unix:run/cms.sock\"";

/// Reads one site; `https_port` is the port of the first TLS listener, if there is one.
pub(super) fn read(table: &Section<'_>, https_port: Option<u16>) -> Option<SiteSettings> {
    let name = site_name(table);
    let hosts: Vec<HostPattern> = table.list("hosts");
    if table.is_empty("hosts") {
        table.fault(
            "hosts",
            "the site answers for no host",
            "add hosts = [\"www.town.example\"]",
        );
    }
    let origin = origin(table, "origin");
    let http = plain_http(table, https_port);
    let cache = table.or("cache", true);
    let last_good = table.or("last_good", false);
    let feed_socket = table.path("feed_socket");
    let allow_from = table.list("allow_from");
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
        origin: origin?,
        http: http?,
        cache,
        last_good,
        feed_socket,
        allow_from,
        connect_timeout,
        read_timeout,
        stale_after,
        stale_while_revalidate,
        origin_requests,
        compress,
    })
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

/// An origin or listening place; `table` must have the key.
pub(super) fn origin(table: &Section<'_>, key: &'static str) -> Option<Origin> {
    let text: String = table.required(key)?;
    let origin = parse_origin(&text, table.folder());
    if origin.is_none() {
        table.fault(key, format!("\"{text}\" is no origin"), ORIGIN_FORMS);
    }
    origin
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
