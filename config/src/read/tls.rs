//! `[edge.tls]`, and `hsts` or `[site.hsts]`.

use std::time::Duration;

use toml::de::DeValue;

use crate::section::{FromValue, Section};
use crate::settings::{HstsSettings, LeastTls, PlainHttp, TlsSettings, UnknownNames};

/// From which age on browsers take a host into the lists they come with.
const PRELOADED: Duration = Duration::from_secs(365 * 86_400);

/// How `[edge]` speaks TLS.
pub(super) fn read(edge: &Section<'_>) -> TlsSettings {
    let Some(table) = edge.table("tls") else {
        return TlsSettings::default();
    };
    let least = table.or("least", LeastTls::default());
    let unknown_names = table.or("unknown_names", UnknownNames::default());
    table.end();
    TlsSettings {
        least,
        unknown_names,
    }
}

/// For how long browsers ask a site over TLS alone; `hsts = "365d"` is enough.
pub(super) fn hsts(site: &Section<'_>, http: Option<PlainHttp>) -> Option<HstsSettings> {
    let hsts = if site.is_text("hsts") {
        HstsSettings {
            max_age: site.optional("hsts")?,
            subdomains: false,
            preload: false,
        }
    } else {
        let table = site.table("hsts")?;
        let max_age: Option<Duration> = table.required("max_age");
        let subdomains = table.or("subdomains", false);
        let preload = table.or("preload", false);
        if preload && !(subdomains && max_age.is_some_and(|age| age >= PRELOADED)) {
            let hint = "add subdomains = true and max_age = \"365d\" or more, or leave preload out";
            table.fault(
                "preload",
                "browsers would not take this host into their lists",
                hint,
            );
        }
        table.end();
        HstsSettings {
            max_age: max_age?,
            subdomains,
            preload,
        }
    };
    if http == Some(PlainHttp::Serve) {
        let hint = "let `http` be \"redirect\", or leave `hsts` out";
        site.fault(
            "hsts",
            "the site is served without TLS too, which its readers would never see",
            hint,
        );
    }
    Some(hsts)
}

impl FromValue for LeastTls {
    const EXPECTED: &'static str = "\"1.2\" or \"1.3\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "1.2" => Some(Self::V1_2),
            "1.3" => Some(Self::V1_3),
            _ => None,
        }
    }
}

impl FromValue for UnknownNames {
    const EXPECTED: &'static str = "\"first\" (the first certificate) or \"refuse\"";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str()? {
            "first" => Some(Self::First),
            "refuse" => Some(Self::Refuse),
            _ => None,
        }
    }
}
