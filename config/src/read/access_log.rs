//! `[edge.access_log]`, or `access_log = "FILE"` for a log with nothing said about it.

use std::time::Duration;

use toml::de::DeValue;

use crate::section::{ByteSize, FromValue, Section};
use crate::settings::{AccessLogSettings, AddressPolicy, QueryPolicy, RotationSettings};

/// Smallest size at which a file is full.
const LEAST_BYTES: u64 = 4 << 10;

/// The log that `[edge]` asks for.
pub(super) fn read(edge: &Section<'_>) -> Option<AccessLogSettings> {
    if edge.is_text("access_log") {
        return edge.path("access_log").map(AccessLogSettings::new);
    }
    let table = edge.table("access_log")?;
    let file = table.required_path("file");
    let addresses = table.or("addresses", AddressPolicy::default());
    let query = table.or("query", QueryPolicy::default());
    let query_values: Vec<String> = table.list("query_values");
    let hide_below = hide_below(&table);
    let rotates = table.or("rotate", true);
    let default = RotationSettings::default();
    let ByteSize(at_bytes) = table.or("rotate_at", ByteSize(default.at_bytes));
    if at_bytes < LEAST_BYTES {
        let hint = "write a size from 4KiB on, such as \"256MiB\"";
        table.fault("rotate_at", "a file of this size is full at once", hint);
    }
    let keep_files: usize = table.or("keep_files", default.keep_files);
    let keep: Duration = table.or("keep", default.keep);
    table.end();
    let rotation = RotationSettings {
        at_bytes,
        keep_files,
        keep,
    };
    Some(AccessLogSettings {
        file: file?,
        addresses,
        query,
        query_values,
        hide_below,
        rotation: rotates.then_some(rotation),
    })
}

/// Beginnings of paths of which nothing further is told.
pub(super) fn hide_below(table: &Section<'_>) -> Vec<String> {
    let hide_below: Vec<String> = table.list("hide_below");
    for beginning in &hide_below {
        if !beginning.starts_with('/') {
            let message = format!("\"{beginning}\" is the beginning of no path");
            table.fault("hide_below", message, "begin it with a slash: \"/reset/\"");
        }
    }
    hide_below
}

impl FromValue for AddressPolicy {
    const EXPECTED: &'static str = "\"truncated\", \"hashed\", \"none\" or \"full\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "full" => Some(Self::Full),
            "truncated" => Some(Self::Truncated),
            "hashed" => Some(Self::Hashed),
            "none" => Some(Self::Omitted),
            _ => None,
        }
    }
}

impl FromValue for QueryPolicy {
    const EXPECTED: &'static str = "\"names\", \"none\" or \"full\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "full" => Some(Self::Full),
            "names" => Some(Self::Names),
            "none" => Some(Self::Omitted),
            _ => None,
        }
    }
}
