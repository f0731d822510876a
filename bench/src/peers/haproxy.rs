//! haproxy with its cache.

use std::path::Path;

use super::{Configuration, Peer, text};
use crate::objects;
use crate::packages::Package;
use crate::place::Place;
use crate::process::Start;
use crate::workloads::Workload;

pub const PEER: Peer = Peer {
    name: "haproxy",
    what: "haproxy's cache",
    package: Some(Package::new("haproxy", "haproxy")),
    version: || Ok(Start::new("haproxy", &["-v"])),
    lacks: |workload| match workload {
        Workload::Publish => Some("its cache has no purge"),
        _ => None,
    },
    configure,
};

fn configure(place: &Place, folder: &Path) -> anyhow::Result<Configuration> {
    let Place {
        plain, tls, origin, ..
    } = place;
    let both = text(place.chain_and_key());
    let (from, to) = objects::REDIRECT;
    let config = format!(
        "global
  nbthread 1
  no strict-limits
  maxconn 12000
  tune.ssl.cachesize 100000
  log /dev/null local0 emerg

cache objects
  total-max-size 1024
  max-object-size 200000
  max-age 3600

defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
  timeout http-keep-alive 600s
  timeout http-request 600s

frontend public
  maxconn 12000
  backlog 4096
  bind {plain}
  bind {tls} ssl crt {both} alpn h2,http/1.1
  http-request redirect location {to} code 308 if {{ path {from} }}
  use_backend passing if {{ path_beg /miss/ }}
  default_backend cached

backend cached
  http-request cache-use objects
  http-response cache-store objects
  http-reuse always
  server origin {origin}

backend passing
  http-reuse always
  server origin {origin}
"
    );
    let file = text(folder.join("haproxy.cfg"));
    Ok(Configuration {
        files: vec![("haproxy.cfg", config)],
        start: Start::new("haproxy", &["-db", "-f", &file]),
    })
}
