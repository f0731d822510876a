//! `[ops]` and `[[ops.probe]]`.

use std::time::Duration;

use crate::section::Section;
use crate::settings::{OpsSettings, ProbeSettings};

pub(super) fn read(table: &Section<'_>) -> Option<OpsSettings> {
    let data = table.required_path("data");
    let interval = table.or("interval", Duration::from_secs(10));
    if interval > Duration::from_secs(60) {
        let hint = "availability is counted by the minute: write at most \"60s\"";
        table.fault("interval", "the interval is longer than a minute", hint);
    }
    let probes: Vec<_> = table.tables("probe").iter().map(read_probe).collect();
    table.end();
    Some(OpsSettings {
        data: data?,
        probes: probes.into_iter().collect::<Option<_>>()?,
        interval,
    })
}

fn read_probe(table: &Section<'_>) -> Option<ProbeSettings> {
    let name = table.required("name");
    let address = table.required("address");
    let host = table.required("host");
    let path = table.or("path", "/".to_owned());
    if !path.starts_with('/') {
        table.fault(
            "path",
            format!("\"{path}\" is no path"),
            "begin it with a slash",
        );
    }
    let tls = table.or("tls", false);
    let trust = table.path("trust");
    table.end();
    Some(ProbeSettings {
        name: name?,
        address: address?,
        host: host?,
        path,
        tls,
        trust,
    })
}
