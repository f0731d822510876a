//! The practical limit (`servers/limit.rs`).

use std::path::Path;

use super::{Configuration, Peer, text};
use crate::place::Place;
use crate::process::Start;
use crate::workloads::Workload;

pub const PEER: Peer = Peer {
    name: "limit",
    what: "a bare epoll loop with httparse: the practical limit",
    package: None,
    version: || Ok(Start::new(text(std::env::current_exe()?), &["--help"])),
    lacks: |workload| match workload {
        Workload::Hit { .. } | Workload::Paced => None,
        _ => Some("only plain hits"),
    },
    configure,
};

fn configure(place: &Place, _folder: &Path) -> anyhow::Result<Configuration> {
    let own = text(std::env::current_exe()?);
    Ok(Configuration {
        files: Vec::new(),
        start: Start::new(own, &["limit", "--address", &place.plain.to_string()]),
    })
}
