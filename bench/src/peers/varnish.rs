//! varnish, in memory.

use std::path::Path;

use super::{Configuration, Peer, text};
use crate::objects;
use crate::packages::Package;
use crate::place::Place;
use crate::process::Start;
use crate::workloads::Workload;

pub const PEER: Peer = Peer {
    name: "varnish",
    what: "varnish, in memory",
    package: Some(Package::new("varnish", "varnishd")),
    version: || Ok(Start::new("varnishd", &["-V"])),
    lacks: |workload| match workload {
        Workload::TlsHit
        | Workload::Http2Hit
        | Workload::FullHandshake
        | Workload::ResumedHandshake
        | Workload::IdleTls => Some("it speaks no TLS"),
        Workload::Publish => Some("its purge needs rules of one's own, so a figure would be ours"),
        _ => None,
    },
    configure,
};

fn configure(place: &Place, folder: &Path) -> anyhow::Result<Configuration> {
    let (from, to) = objects::REDIRECT;
    let rules = format!(
        "vcl 4.1;
backend origin {{ .host = \"{}\"; .port = \"{}\"; }}
sub vcl_recv {{
  if (req.url == \"{from}\") {{ return (synth(308, \"Permanent Redirect\")); }}
  if (req.url ~ \"^/miss/\") {{ return (pass); }}
}}
sub vcl_synth {{
  if (resp.status == 308) {{
    set resp.http.location = \"{to}\";
    set resp.body = \"\";
    return (deliver);
  }}
}}
sub vcl_backend_response {{ set beresp.grace = 1h; }}
",
        place.origin.ip(),
        place.origin.port()
    );
    let (file, names) = (text(folder.join("rules.vcl")), text(folder.join("names")));
    let start = Start::new(
        "varnishd",
        &[
            "-F",
            "-j",
            "none",
            "-n",
            &names,
            "-f",
            &file,
            "-a",
            &place.plain.to_string(),
            "-s",
            "malloc,1G",
            "-p",
            "timeout_idle=600",
            "-p",
            "thread_pools=1",
            "-p",
            "listen_depth=4096",
        ],
    );
    Ok(Configuration {
        files: vec![("rules.vcl", rules)],
        start,
    })
}
