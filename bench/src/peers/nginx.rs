//! nginx: `proxy_cache` in a file system in memory, its usual way to serve a site from a cache.

use std::path::Path;

use super::{Configuration, Peer, text};
use crate::objects;
use crate::packages::Package;
use crate::place::Place;
use crate::process::Start;
use crate::workloads::Workload;

pub const PEER: Peer = Peer {
    name: "nginx",
    what: "nginx proxy_cache, in memory",
    package: Some(Package::new("nginx", "nginx")),
    version: || Ok(Start::new("nginx", &["-v"])),
    lacks: |workload| match workload {
        Workload::Publish => Some("its open version has no purge"),
        _ => None,
    },
    configure,
};

fn configure(place: &Place, folder: &Path) -> anyhow::Result<Configuration> {
    let Place {
        plain, tls, origin, ..
    } = place;
    let (chain, key, folder_text) = (text(place.chain()), text(place.key()), text(folder));
    let (from, to) = objects::REDIRECT;
    // Without sendfile, which costs more for files in memory (56 against 25 microseconds at 100 KiB).
    let config = format!(
        "user root;
worker_processes 1;
daemon off;
pid {folder_text}/nginx.pid;
error_log {folder_text}/error.log crit;
events {{ worker_connections 15000; multi_accept on; }}
http {{
  access_log off;
  sendfile off;
  tcp_nodelay on;
  output_buffers 2 128k;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path {folder_text}/body;
  proxy_temp_path {folder_text}/temp;
  fastcgi_temp_path {folder_text}/fastcgi;
  uwsgi_temp_path {folder_text}/uwsgi;
  scgi_temp_path {folder_text}/scgi;
  open_file_cache max=40000 inactive=600s;
  open_file_cache_valid 600s;
  proxy_cache_path {folder_text}/cache keys_zone=objects:64m max_size=2g inactive=1h use_temp_path=off;
  ssl_certificate {chain};
  ssl_certificate_key {key};
  ssl_session_cache shared:sessions:16m;
  ssl_protocols TLSv1.2 TLSv1.3;
  upstream origin {{ server {origin}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen {plain} backlog=4096;
    listen {tls} ssl http2 backlog=4096;
    location = {from} {{ return 308 {to}; }}
    location /miss/ {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_cache objects;
      proxy_cache_lock on;
      proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
    }}
  }}
}}
"
    );
    let file = text(folder.join("nginx.conf"));
    Ok(Configuration {
        files: vec![("nginx.conf", config)],
        start: Start::new("nginx", &["-p", &folder_text, "-c", &file]),
    })
}
