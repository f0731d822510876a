//! `[site.health]`: how upstreams are asked whether they answer.

use std::time::Duration;

use crate::section::Section;
use crate::settings::{CheckSettings, ExpectedStatus};

/// Longest text looked for, in bytes.
const LONGEST_TEXT: usize = 256;

/// Reads the table of a site. Without it, a site with standbys is asked for `/` every 5 s: who
/// could move elsewhere has to know when to come back.
pub(super) fn read(site: &Section<'_>, has_standby: bool) -> Option<CheckSettings> {
    let Some(table) = site.table("health") else {
        return has_standby.then(|| CheckSettings {
            path: "/".to_owned(),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            status: ExpectedStatus::Success,
            contains: None,
        });
    };
    let path = table.or("path", "/".to_owned());
    let interval = table.or("interval", Duration::from_secs(5));
    let timeout = table.or("timeout", Duration::from_secs(3));
    let status: Option<u16> = table.optional("status");
    let contains: Option<String> = table.optional("contains");
    table.end();
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        let hint = "write path and query at the origin, such as \"/health\"";
        table.fault("path", format!("\"{path}\" cannot be asked for"), hint);
    }
    if interval < Duration::from_secs(1) {
        let hint = "write at least \"1s\"";
        table.fault("interval", "upstreams would be asked too often", hint);
    }
    if status.is_some_and(|status| !(200..=599).contains(&status)) {
        let hint = "write a number from 200 to 599, or leave it out for any from 200 to 399";
        table.fault("status", "it is no status of an answer", hint);
    }
    if contains
        .as_ref()
        .is_some_and(|text| text.len() > LONGEST_TEXT)
    {
        let hint = format!("write at most {LONGEST_TEXT} bytes");
        table.fault("contains", "the text is too long to look for", hint);
    }
    Some(CheckSettings {
        path,
        interval,
        timeout,
        status: status.map_or(ExpectedStatus::Success, ExpectedStatus::Exactly),
        contains,
    })
}
