//! `[[watched_certificate]]`.

use std::collections::HashSet;

use crate::section::Section;
use crate::settings::WatchedCertificateSettings;

pub(super) fn read(table: &Section<'_>) -> Option<WatchedCertificateSettings> {
    let name = table.required::<String>("name");
    let server_name = table.required::<String>("server_name");
    let address = table.optional::<String>("address");
    let trust = table.path("trust");
    if let Some(host) = &server_name
        && (host.is_empty() || host.contains([':', '/', ' ']))
    {
        let hint = "write the host name alone, as in \"www.city.example\"";
        table.fault("server_name", format!("\"{host}\" is no host name"), hint);
    }
    if let Some(address) = &address {
        let port = address
            .rsplit_once(':')
            .map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(1..))) {
            let hint = "write host and port, as in \"www.city.example:443\"";
            table.fault("address", format!("\"{address}\" has no port"), hint);
        }
    }
    table.end();
    let server_name = server_name?;
    Some(WatchedCertificateSettings {
        name: name?,
        // The public name shows what readers get.
        address: address.unwrap_or_else(|| format!("{server_name}:443")),
        server_name,
        trust,
    })
}

/// Each is called something else.
pub(super) fn check(watched: &[(Section<'_>, Option<WatchedCertificateSettings>)]) {
    let mut seen = HashSet::new();
    for (table, settings) in watched {
        let Some(settings) = settings else { continue };
        if !seen.insert(settings.name.clone()) {
            let message = format!("two watched certificates are called \"{}\"", settings.name);
            table.fault("name", message, "give each a name of its own");
        }
    }
}
