//! h2o: it has no cache of responses; it serves the objects as files in memory.

use std::path::Path;

use super::{Configuration, Peer, text};
use crate::objects;
use crate::packages::Package;
use crate::place::Place;
use crate::process::Start;
use crate::workloads::Workload;

pub const PEER: Peer = Peer {
    name: "h2o",
    what: "h2o serving files in memory",
    package: Some(Package::new("h2o", "h2o")),
    version: || Ok(Start::new("h2o", &["-v"])),
    lacks: |workload| match workload {
        Workload::ResumedHandshake => Some("this version does not resume sessions of TLS 1.3"),
        Workload::Outage | Workload::Publish => Some("it has no cache of responses"),
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
        "user: root
num-threads: 1
max-connections: 12000
http1-request-timeout: 600
http2-idle-timeout: 600
error-log: /dev/null
pid-file: {}
hosts:
  default:
    listen:
      host: {plain_host}
      port: {plain_port}
    listen:
      host: {tls_host}
      port: {tls_port}
      ssl:
        certificate-file: {chain}
        key-file: {key}
    paths:
      {from}:
        redirect:
          status: 308
          url: {to}
      /miss:
        proxy.reverse.url: http://{origin}/miss
        proxy.timeout.keepalive: 60000
      /:
        file.dir: {www}
",
        text(folder.join("pid")),
        plain_host = plain.ip(),
        plain_port = plain.port(),
        tls_host = tls.ip(),
        tls_port = tls.port(),
    );
    let file = text(folder.join("h2o.yaml"));
    Ok(Configuration {
        files: vec![("h2o.yaml", config)],
        start: Start::new("h2o", &["-m", "worker", "-c", &file]),
    })
}
