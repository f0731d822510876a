//! `[ingress]` and `[[hook]]`.

use std::collections::HashSet;
use std::time::Duration;

use ipnet::IpNet;

use crate::section::Section;
use crate::settings::{HookSettings, HookWay, IngressSettings, SiteSettings};

/// Most hooks: each is told every announcement.
const MOST_HOOKS: usize = 16;

pub(super) fn read(table: &Section<'_>) -> IngressSettings {
    let plain = IngressSettings::default();
    let settings = IngressSettings {
        city_hall: ranges(table, "city_hall"),
        monitors: ranges(table, "monitors"),
        propose_after: table.or("propose_after", plain.propose_after),
        return_after: table.or("return_after", plain.return_after),
        probe_interval: table.or("probe_interval", plain.probe_interval),
        probe_timeout: table.or("probe_timeout", plain.probe_timeout),
        trust: table.path("trust"),
        break_glass_limit: table.or("break_glass_limit", plain.break_glass_limit),
    };
    if settings.probe_interval < Duration::from_millis(100) {
        let hint = "write at least \"100ms\"; \"10s\" is usual";
        table.fault(
            "probe_interval",
            "the paths would be asked all the time",
            hint,
        );
    }
    table.end();
    settings
}

/// Ranges that are admitted where readers are not; not everybody is.
fn ranges(table: &Section<'_>, key: &'static str) -> Vec<IpNet> {
    let ranges: Vec<IpNet> = table.list(key);
    if ranges.iter().any(|range| range.prefix_len() == 0) {
        let hint = "write the addresses that are meant";
        table.fault(key, "this admits everybody", hint);
    }
    ranges.iter().map(IpNet::trunc).collect()
}

/// A staff site without city hall's addresses would be reached by nobody.
pub(super) fn check(
    tables: &[Section<'_>],
    sites: &[Option<SiteSettings>],
    ingress: Option<&IngressSettings>,
) {
    if ingress.is_some_and(|ingress| !ingress.city_hall.is_empty()) {
        return;
    }
    for (table, site) in tables.iter().zip(sites) {
        if site.as_ref().is_some_and(|site| site.staff) {
            let hint = "add [ingress] with city_hall = [\"192.0.2.0/24\"]";
            table.fault("staff", "nobody knows where city hall is", hint);
        }
    }
}

pub(super) fn read_hooks(top: &Section<'_>) -> Vec<Option<HookSettings>> {
    let tables = top.tables("hook");
    if tables.len() > MOST_HOOKS {
        let message = format!("{} hooks are too many", tables.len());
        top.fault("hook", message, format!("write at most {MOST_HOOKS}"));
    }
    let mut names = HashSet::new();
    let hooks = tables.iter().enumerate().map(|(index, table)| {
        let hook = hook(table, index)?;
        if !names.insert(hook.name.clone()) {
            let message = format!("two hooks are called \"{}\"", hook.name);
            table.fault("name", message, "give each a name of its own");
        }
        Some(hook)
    });
    hooks.collect()
}

fn hook(table: &Section<'_>, index: usize) -> Option<HookSettings> {
    let name = table.or("name", format!("hook-{}", index + 1));
    let command: Vec<String> = table.list("command");
    let webhook: Option<String> = table.optional("webhook");
    let header: Option<String> = table.optional("header");
    let secret_file = table.path("secret_file");
    let trust = table.path("trust");
    let has_trust = trust.is_some();
    let way = match (command.is_empty(), webhook) {
        (false, None) => Some(HookWay::Command(command)),
        (true, Some(url)) => {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                let hint = "write it whole, as in \"https://chat.example/hook\"";
                table.fault("webhook", format!("\"{url}\" is no URL"), hint);
            }
            let secret = match (header, secret_file) {
                (None, None) => None,
                (Some(header), Some(file)) => Some((header, file)),
                _ => {
                    let hint = "`header` and `secret_file` go together";
                    table.fault("webhook", "half of the secret field is missing", hint);
                    None
                }
            };
            if has_trust && !url.starts_with("https://") {
                let hint = "write the URL with https://, or take `trust` out";
                table.fault("trust", "no certificate is shown there", hint);
            }
            Some(HookWay::Webhook { url, secret, trust })
        }
        _ => {
            let hint = "write `command = [\"/path/to/program\"]` or `webhook = \"https://...\"`";
            table.fault(
                "command",
                "a hook is told in one way: a command or a webhook",
                hint,
            );
            None
        }
    };
    if has_trust && !matches!(way, Some(HookWay::Webhook { .. })) {
        table.fault("trust", "a command shows no certificate", "take it out");
    }
    table.end();
    Some(HookSettings { name, way: way? })
}
