//! Apache Traffic Server, with its cache in memory.

use std::path::Path;

use super::{Configuration, Peer, text};
use crate::objects;
use crate::packages::Package;
use crate::place::Place;
use crate::process::Start;
use crate::workloads::Workload;

pub const PEER: Peer = Peer {
    name: "trafficserver",
    what: "Traffic Server's cache, in memory",
    package: Some(Package::new("trafficserver", "traffic_server")),
    version: || Ok(Start::new("traffic_server", &["--version"])),
    lacks: |workload| match workload {
        Workload::Publish => Some("its purge goes by address alone and is not comparable"),
        _ => None,
    },
    configure,
};

fn configure(place: &Place, folder: &Path) -> anyhow::Result<Configuration> {
    let Place {
        plain, tls, origin, ..
    } = place;
    let (from, to) = objects::REDIRECT;
    let root = text(folder);
    let records = format!(
        "CONFIG proxy.config.http.server_ports STRING {plain_port}:ip-in={plain_host} {tls_port}:ssl:ip-in={tls_host}
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.accept_threads INT 0
CONFIG proxy.config.task_threads INT 1
CONFIG proxy.config.cache.threads_per_disk INT 1
CONFIG proxy.config.cache.ram_cache.size INT 1G
CONFIG proxy.config.cache.ram_cache_cutoff INT 1M
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.net.connections_throttle INT 15000
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 600
CONFIG proxy.config.http.transaction_no_activity_timeout_in INT 600
CONFIG proxy.config.net.default_inactivity_timeout INT 600
CONFIG proxy.config.http.cache.max_stale_age INT 604800
CONFIG proxy.config.http.negative_caching_enabled INT 0
CONFIG proxy.config.ssl.server.cert.path STRING {tls_folder}
CONFIG proxy.config.ssl.server.private_key.path STRING {tls_folder}
CONFIG proxy.config.url_remap.pristine_host_hdr INT 1
CONFIG proxy.config.http.insert_response_via_str INT 0
CONFIG proxy.config.diags.debug.enabled INT 0
CONFIG proxy.config.output.logfile STRING traffic.out
",
        plain_host = plain.ip(),
        plain_port = plain.port(),
        tls_host = tls.ip(),
        tls_port = tls.port(),
        tls_folder = text(place.folder.join("tls")),
    );
    let remap = format!(
        "map http://{plain}{from} http://{origin}{from} @plugin=header_rewrite.so @pparam=redirect.conf
map http://{plain}/ http://{origin}/
map https://{tls}/ http://{origin}/
map https://localhost:{tls_port}/ http://{origin}/
",
        tls_port = tls.port()
    );
    let layout = format!(
        "prefix: {root}
exec_prefix: {root}
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {root}/etc
datadir: {root}/share
includedir: /usr/include
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: {root}/var
runtimedir: {root}/run
logdir: {root}/log
cachedir: {root}/cache
"
    );
    let redirect = format!(
        "cond %{{REMAP_PSEUDO_HOOK}}
set-redirect 308 http://{plain}{to}
"
    );
    let allow = "ip_allow:
  - apply: in
    ip_addrs: 127.0.0.0/8
    action: allow
    methods: ALL
";
    let empty = String::new;
    Ok(Configuration {
        files: vec![
            ("runroot.yaml", layout),
            ("etc/records.config", records),
            ("etc/remap.config", remap),
            ("etc/redirect.conf", redirect),
            ("etc/storage.config", format!("{root}/cache 1G\n")),
            (
                "etc/ssl_multicert.config",
                "dest_ip=* ssl_cert_name=chain.pem ssl_key_name=key.pem\n".to_owned(),
            ),
            ("etc/ip_allow.yaml", allow.to_owned()),
            // Folders that it wants to be there.
            ("cache/.folder", empty()),
            ("run/.folder", empty()),
            ("log/.folder", empty()),
            ("var/.folder", empty()),
            ("share/.folder", empty()),
        ],
        start: Start::new("traffic_server", &[&format!("--run-root={root}")]),
    })
}
