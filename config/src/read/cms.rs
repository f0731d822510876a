//! `[cms]`.

use secrecy::SecretString;

use super::site::origin;
use crate::section::Section;
use crate::settings::{CmsSettings, EdgeAddress};

pub(super) fn read(table: &Section<'_>) -> Option<CmsSettings> {
    let public_listen = origin(table, "public_listen");
    let staff_listen = origin(table, "staff_listen");
    let feed_socket = table.required_path("feed_socket");
    let database = table.required("database");
    let database = database.and_then(|text| self::database(table, text));
    let media = table.required_path("media");
    let public_url = url(table, "public_url");
    let staff_url = url(table, "staff_url");
    let site = table.required("site");
    let edges = super::operators::addressed(table).unwrap_or_default();
    let is_afar = |edge: &EdgeAddress| matches!(edge, EdgeAddress::Afar { .. });
    if edges.identity.is_none() && edges.edges.iter().any(is_afar) {
        let hint = "add certificate, key and trust, with which the edge's [[operator]] knows the CMS as a publisher";
        table.fault(
            "edges",
            "an edge on another machine wants to see a certificate",
            hint,
        );
    }
    table.end();
    Some(CmsSettings {
        public_listen: public_listen?,
        staff_listen: staff_listen?,
        feed_socket: feed_socket?,
        database: database?,
        media: media?,
        public_url: public_url?,
        staff_url: staff_url?,
        site: site?,
        edges,
    })
}

/// The database: a SQLite file, or a PostgreSQL URL, which may hold a password and is therefore
/// never repeated in a message.
pub(super) fn database(table: &Section<'_>, text: String) -> Option<SecretString> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = table.folder().join(path);
        return Some(format!("sqlite:{}", path.display()).into());
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Some(text.into());
    }
    table.fault(
        "database",
        "this kind of database is not known",
        "write \"sqlite:cms.db\" or \"postgres://user@host/name\"",
    );
    None
}

/// The beginning of a URL: scheme and host, perhaps a port, nothing after it.
fn url(table: &Section<'_>, key: &'static str) -> Option<String> {
    let text: String = table.required(key)?;
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host_only = |rest: &&str| !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']);
    if rest.filter(host_only).is_some() {
        return Some(text);
    }
    let hint = "write scheme and host alone, such as \"https://www.town.example\"";
    table.fault(key, format!("\"{text}\" cannot be used"), hint);
    None
}
