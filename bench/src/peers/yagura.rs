//! Yagura's own edge: one thread, last-good copies on (in memory here, as every peer's files are).

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{Configuration, Peer, text};
use crate::place::Place;
use crate::process::Start;

pub const PEER: Peer = Peer {
    name: super::OWN,
    what: "Yagura's edge",
    package: None,
    version: || Ok(Start::new(text(program()?), &["--version"])),
    lacks: |_| None,
    configure,
};

/// The name of its only site.
pub const SITE: &str = "town";

/// Where it takes orders.
pub fn control_socket(place: &Place) -> PathBuf {
    place.folder.join(PEER.name).join("edge.sock")
}

/// The program, beside this one.
///
/// # Errors
/// It was not built.
pub fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own.parent().context("no folder")?.join("yagura");
    ensure!(
        program.exists(),
        "{} is not there; build it: cargo build -p yagura, with --release where this was",
        program.display()
    );
    Ok(program)
}

fn configure(place: &Place, folder: &Path) -> anyhow::Result<Configuration> {
    let Place {
        plain, tls, origin, ..
    } = place;
    let config = format!(
        r#"[edge]
data = "data"
control_socket = "edge.sock"
threads = 1
hot = "1GiB"

[[edge.listen]]
address = "{plain}"

[[edge.listen]]
address = "{tls}"
tls = true

[[site]]
name = "{SITE}"
hosts = ["localhost", "127.0.0.1"]
origin = "http://{origin}"
http = "serve"
last_good = true
"#
    );
    let file = text(folder.join("yagura.toml"));
    let mut start = Start::new(text(program()?), &["edge", "--config", &file]);
    start.environment = vec![("RUST_LOG".to_owned(), "warn".to_owned())];
    Ok(Configuration {
        files: vec![("yagura.toml", config)],
        start,
    })
}
