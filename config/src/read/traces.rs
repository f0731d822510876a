//! `[edge.traces]`.

use std::net::SocketAddr;

use toml::de::DeValue;

use crate::section::{FromValue, Section};
use crate::settings::TraceSettings;

/// The traces that `[edge]` asks for; without the table there are none.
pub(super) fn read(edge: &Section<'_>) -> Option<TraceSettings> {
    let table = edge.table("traces")?;
    let collector: Option<SocketAddr> = table.required("collector");
    if collector.is_some_and(|address| !address.ip().is_loopback()) {
        let hint = "run a collector on this machine and let it pass traces on: 127.0.0.1:4318";
        table.fault(
            "collector",
            "the way to this address can be read by others",
            hint,
        );
    }
    let path = table.or("path", TraceSettings::USUAL_PATH.to_owned());
    if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        table.fault("path", "this is no path of a URL", "write \"/v1/traces\"");
    }
    let Share(per_million) = table.or("share", Share(10_000));
    let hide_below = super::access_log::hide_below(&table);
    table.end();
    Some(TraceSettings {
        collector: collector?,
        path,
        per_million,
        hide_below,
    })
}

/// Of a million, how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share(pub(super) u32);

impl FromValue for Share {
    const EXPECTED: &'static str = "a share such as \"1%\" or \"0.05%\", from 0.0001% to 100%";
    fn from_value(value: &DeValue<'_>) -> Option<Self> {
        share(value.as_str()?).map(Self)
    }
}

fn share(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?.trim_end();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 3
        || fraction.len() > 4
        || !digits(whole)
        || !digits(fraction)
    {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = format!("{fraction:0<4}").parse().ok()?;
    let per_million = whole * 10_000 + fraction;
    (1..=1_000_000)
        .contains(&per_million)
        .then_some(per_million)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_read() {
        for (text, per_million) in [
            ("1%", Some(10_000)),
            ("100 %", Some(1_000_000)),
            ("0.05%", Some(500)),
            ("0.0001%", Some(1)),
            ("0%", None),
            ("101%", None),
            ("0.00001%", None),
            ("1", None),
            ("-1%", None),
            ("1.%", Some(10_000)),
            (".5%", None),
        ] {
            assert_eq!(share(text), per_million, "{text}");
        }
    }
}
