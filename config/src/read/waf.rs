//! `[waf]`, and `waf` of a site.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::traces::Share;
use crate::section::{ByteSize, Count, FromValue, Section};
use crate::settings::{SiteSettings, UnixUser, WafSetting, WafSettings};

/// What the system finds where the package is installed.
const LIBRARY: &str = "libmodsecurity.so.3";
/// Where Debian's package puts them.
const RULES: &str = "/usr/share/modsecurity-crs/rules";
/// Long enough for a report of a season.
const KEEP_FINDINGS: Duration = Duration::from_secs(90 * 86_400);
/// A worker with the rules takes about 40 MiB.
const LEAST_MEMORY: u64 = 128 << 20;

/// Reads `[waf]`.
pub(super) fn read(table: &Section<'_>) -> WafSettings {
    // A name alone is the system's to find.
    let library: Option<String> = table.optional("library");
    let library = match library {
        None => PathBuf::from(LIBRARY),
        Some(name) if !name.contains('/') => PathBuf::from(name),
        Some(path) => table.folder().join(path),
    };
    let rules = table.path("rules");
    let rules_digest: Option<String> = table.optional("rules_digest");
    if rules_digest.as_deref().is_some_and(|text| !is_digest(text)) {
        let hint = "copy the line that `yagura waf install` prints";
        table.fault("rules_digest", "this is no digest of rules", hint);
    }
    let overrides: Vec<String> = table.list("overrides");
    let overrides = overrides.iter().map(|file| table.folder().join(file));
    let overrides = overrides.collect();
    let exclusions = table.path("exclusions");
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let workers = table.or("workers", processors.clamp(2, 64) + 1);
    let ByteSize(memory_bytes) = table.or("memory", ByteSize(512 << 20));
    if memory_bytes < LEAST_MEMORY {
        let hint = "write at least \"128MiB\": the rules alone take a third of that";
        table.fault("memory", "a worker cannot live on so little", hint);
    }
    let socket = table.path("socket");
    let user: Option<UnixUser> = table.optional("user");
    if socket.is_some() && user.is_some() {
        let hint = "write `User=` into the service behind the socket";
        table.fault(
            "user",
            "workers behind a socket run as their service does",
            hint,
        );
    }
    let Share(shadow_per_million) = table.or("shadow", Share(20_000));
    let Count(recycle) = table.or("recycle", Count(1_000));
    let keep_findings = table.or("keep_findings", KEEP_FINDINGS);
    table.end();
    WafSettings {
        library,
        rules: rules.unwrap_or_else(|| Path::new(RULES).to_owned()),
        rules_digest,
        overrides,
        exclusions,
        workers,
        memory_bytes,
        socket,
        user,
        shadow_per_million,
        recycle: u64::from(recycle),
        keep_findings,
    }
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("blake3:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Reads `waf` of a site.
pub(super) fn of_site(site: &Section<'_>) -> WafSetting {
    site.or("waf", WafSetting::Auto)
}

/// A site that is to be inspected, and nothing to do it with.
pub(super) fn check(tables: &[Section<'_>], sites: &[Option<SiteSettings>], has_engine: bool) {
    for (site, settings) in tables.iter().zip(sites) {
        let setting = settings.as_ref().map(|settings| settings.waf);
        let wants = matches!(setting, Some(WafSetting::On | WafSetting::Shadow));
        if wants && !has_engine {
            let hint = "add [waf]; `yagura waf install` says what it needs";
            site.fault("waf", "there is nothing to inspect requests with", hint);
        }
    }
}

impl FromValue for WafSetting {
    const EXPECTED: &'static str = "\"auto\", \"off\", \"shadow\" or \"on\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "auto" => Some(Self::Auto),
            "off" => Some(Self::Off),
            "shadow" => Some(Self::Shadow),
            "on" => Some(Self::On),
            _ => None,
        }
    }
}
