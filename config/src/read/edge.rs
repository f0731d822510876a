//! `[edge]` and `[[edge.listen]]`.

use std::net::SocketAddr;
use std::time::Duration;

use crate::section::{ByteSize, Section};
use crate::settings::{EdgeSettings, ListenSettings};

/// As long as records of the contract's services are kept by most cities.
const THREE_YEARS: Duration = Duration::from_secs(3 * 365 * 86_400);

pub(super) fn read(table: &Section<'_>) -> Option<EdgeSettings> {
    let listen_tables = table.tables("listen");
    let listen: Vec<_> = listen_tables.iter().map(read_listen).collect();
    if table.is_empty("listen") {
        table.fault(
            "listen",
            "the edge listens nowhere",
            "add [[edge.listen]] with an address",
        );
    }
    let name = table.or("name", "edge".to_owned());
    let data = table.path("data");
    let control_socket = table.path("control_socket");
    let threads = table.or("threads", available_threads());
    let ByteSize(hot_bytes) = table.or("hot", ByteSize(256 << 20));
    let ByteSize(max_object_bytes) = table.or("max_object", ByteSize(64 << 20));
    let ByteSize(last_good_bytes) = table.or("last_good", ByteSize(20 << 30));
    let last_good_keep = table.or("last_good_keep", Duration::from_secs(400 * 86_400));
    let redirect_hits_keep = table.or("redirect_hits_keep", THREE_YEARS);
    let limits = super::limits::of_edge(table);
    let grace = table.or("grace", Duration::from_secs(10));
    let drain = table.or("drain", Duration::from_secs(600));
    let metrics: Option<SocketAddr> = table.optional("metrics");
    if metrics.is_some_and(|address| !address.ip().is_loopback()) {
        let hint = "write \"127.0.0.1:9090\" or \"[::1]:9090\"; figures are for this machine";
        table.fault("metrics", "this address can be reached from outside", hint);
    }
    let access_log = super::access_log::read(table);
    let tls = super::tls::read(table);
    let traces = super::traces::read(table);
    table.end();
    Some(EdgeSettings {
        name,
        data,
        control_socket,
        listen: listen.into_iter().collect::<Option<_>>()?,
        threads,
        hot_bytes,
        max_object_bytes,
        last_good_bytes,
        last_good_keep,
        redirect_hits_keep,
        limits,
        grace,
        drain,
        metrics,
        access_log,
        tls,
        traces,
    })
}

fn read_listen(table: &Section<'_>) -> Option<ListenSettings> {
    let address = table.required("address");
    let tls = table.or("tls", false);
    table.end();
    Some(ListenSettings {
        address: address?,
        tls,
    })
}

fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
