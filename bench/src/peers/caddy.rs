//! caddy: without a plug-in it has no cache; it serves the objects as files in memory.

use std::path::Path;

use super::{Configuration, Peer, text};
use crate::objects;
use crate::packages::Package;
use crate::place::Place;
use crate::process::Start;
use crate::workloads::Workload;

pub const PEER: Peer = Peer {
    name: "caddy",
    what: "caddy serving files in memory",
    package: Some(Package::new("caddy", "caddy")),
    version: || Ok(Start::new("caddy", &["version"])),
    lacks: |workload| match workload {
        Workload::Outage | Workload::Publish => {
            Some("it has no cache of responses without a plug-in")
        }
        _ => None,
    },
    configure,
};

fn configure(place: &Place, folder: &Path) -> anyhow::Result<Configuration> {
    let Place {
        plain, tls, origin, ..
    } = place;
    let (www, chain, key) = (text(place.www()), text(place.chain()), text(place.key()));
    let (from, to) = objects::REDIRECT;
    let config = format!(
        "{{
  admin off
  auto_https off
  default_sni localhost
  log {{
    level ERROR
  }}
  servers {{
    timeouts {{
      idle 10m
    }}
  }}
}}
(objects) {{
  bind {host}
  redir {from} {to} 308
  handle /miss/* {{
    reverse_proxy {origin} {{
      transport http {{
        keepalive_idle_conns_per_host 256
      }}
    }}
  }}
  handle {{
    root * {www}
    file_server
  }}
}}
http://:{plain_port} {{
  import objects
}}
https://:{tls_port} {{
  tls {chain} {key}
  import objects
}}
",
        host = plain.ip(),
        plain_port = plain.port(),
        tls_port = tls.port(),
    );
    let file = text(folder.join("Caddyfile"));
    let mut start = Start::new(
        "caddy",
        &["run", "--adapter", "caddyfile", "--config", &file],
    );
    start.environment = ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"]
        .map(|name| (name.to_owned(), text(folder)))
        .to_vec();
    Ok(Configuration {
        files: vec![("Caddyfile", config)],
        start,
    })
}
