//! The servers that are compared: how each is configured and started, and what it cannot do. Each
//! is configured as somebody would who wants it fast: one worker, cache in memory, no log, long
//! keep-alive.

mod caddy;
mod h2o;
mod haproxy;
mod limit;
mod nginx;
mod trafficserver;
mod varnish;
mod yagura;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::packages::Package;
use crate::place::{self, Place};
use crate::process::{Running, SERVER_CORE, Start};
use crate::workloads::Workload;

pub use yagura::{SITE, control_socket, program as yagura_program};

/// A server.
#[derive(Debug)]
pub struct Peer {
    /// Short, as on the command line.
    pub name: &'static str,
    /// What it is here: which of its parts answers.
    pub what: &'static str,
    /// The Debian package it comes from, unless it is ours.
    pub package: Option<Package>,
    /// How it tells its version.
    pub version: fn() -> anyhow::Result<Start>,
    /// Why a workload is not run on it, if it is not.
    pub lacks: fn(Workload) -> Option<&'static str>,
    /// Its configuration, for files in this folder.
    pub configure: fn(&Place, &Path) -> anyhow::Result<Configuration>,
}

/// What is needed to start a server.
#[derive(Debug)]
pub struct Configuration {
    /// Files by name, in its folder.
    pub files: Vec<(&'static str, String)>,
    /// The server.
    pub start: Start,
}

/// Our own name among them.
pub const OWN: &str = "yagura";

/// Everybody, ourselves first.
pub const ALL: [&Peer; 8] = [
    &yagura::PEER,
    &limit::PEER,
    &nginx::PEER,
    &haproxy::PEER,
    &varnish::PEER,
    &h2o::PEER,
    &caddy::PEER,
    &trafficserver::PEER,
];

impl Peer {
    /// Starts it in a fresh folder and waits until it answers.
    ///
    /// # Errors
    /// It does not come up; the error holds what it printed.
    pub async fn start(&self, place: &Place) -> anyhow::Result<Running> {
        let folder = place.fresh(self.name)?;
        let configuration = self.write(place, &folder)?;
        let log = place.folder.join(format!("{}.log", self.name));
        let mut running = Running::start(&configuration.start, SERVER_CORE, &log)?;
        place::until_answering(place.plain, &mut running)
            .await
            .with_context(|| format!("starting {}", self.name))?;
        Ok(running)
    }

    fn write(&self, place: &Place, folder: &Path) -> anyhow::Result<Configuration> {
        let configuration = (self.configure)(place, folder)?;
        for (name, text) in &configuration.files {
            let path: PathBuf = folder.join(name);
            if let Some(above) = path.parent() {
                fs::create_dir_all(above)?;
            }
            fs::write(path, text)?;
        }
        Ok(configuration)
    }

    /// Its version, one line.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn version(&self) -> anyhow::Result<String> {
        let start = (self.version)()?;
        let output = std::process::Command::new(&start.program)
            .args(&start.arguments)
            .output()
            .with_context(|| format!("{} cannot be started", start.program))?;
        let both = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&both).into_owned();
        let line = text
            .lines()
            .find(|line| line.contains(|c: char| c.is_ascii_digit()));
        Ok(line.unwrap_or("unknown").trim().to_owned())
    }
}

/// A path as text, for configuration files.
fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}
