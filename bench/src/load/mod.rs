//! Our own load generators, for what wrk and h2load lack: a given rate with times counted from when
//! a request was due, many targets, handshakes, idle connections. Each runs as a process of its own
//! and prints one line of JSON. `wrk.rs` and `h2load.rs` read what those two print.

mod client;
mod engine;
pub mod h2load;
mod handshakes;
mod idle;
mod tls;
pub mod wrk;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::ensure;
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

pub use client::{Answer, fetch, read, request};

/// What to generate.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Requests over kept connections
    Requests(Requests),
    /// TLS handshakes, one after the other
    Handshakes(Handshakes),
    /// Connections that ask once and then stay idle
    Idle(Idle),
}

/// Requests over kept connections.
#[derive(Debug, Args)]
pub struct Requests {
    #[arg(long)]
    pub address: SocketAddr,
    #[arg(long)]
    pub connections: usize,
    /// For how long, in milliseconds
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub lasting_ms: u64,
    /// At most so many requests
    #[arg(long, default_value_t = 100_000_000)]
    pub count: u64,
    /// Requests a second; as fast as they are answered when left out
    #[arg(long)]
    pub rate: Option<f64>,
    #[arg(long)]
    pub targets: Targets,
    /// A further field of each request
    #[arg(long, default_value = "")]
    pub field: String,
    /// The status each is to be answered with
    #[arg(long, default_value_t = 200)]
    pub status: u16,
}

/// Which objects are asked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Targets {
    /// One of 10 KiB
    One,
    /// Every member of the set, in order
    SetInOrder,
    /// Members of the set, by Zipf's law
    SetByZipf,
    /// Those that are read while the origin is dead, in order
    Outage,
}

/// TLS handshakes.
#[derive(Debug, Args)]
pub struct Handshakes {
    #[arg(long)]
    pub address: SocketAddr,
    /// The authority to trust, as PEM
    #[arg(long)]
    pub trust: PathBuf,
    /// Resume a session instead of shaking hands in full
    #[arg(long)]
    pub resumed: bool,
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub lasting_ms: u64,
}

/// Idle connections.
#[derive(Debug, Args)]
pub struct Idle {
    #[arg(long)]
    pub address: SocketAddr,
    #[arg(long)]
    pub connections: usize,
    /// The authority to trust, as PEM; without it the connections are plain
    #[arg(long)]
    pub trust: Option<PathBuf>,
}

/// What a load generator saw.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Requests, handshakes or connections that succeeded.
    pub done: u64,
    /// Those that failed.
    pub failed: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Median time an answer took, in microseconds.
    pub p50_us: f64,
    /// The 99th of a hundred, in microseconds.
    pub p99_us: f64,
}

/// Runs a load generator and prints what it saw.
///
/// # Errors
/// The server is not on this machine or does not answer.
pub fn run(command: Command) -> anyhow::Result<()> {
    let address = match &command {
        Command::Requests(Requests { address, .. })
        | Command::Handshakes(Handshakes { address, .. })
        | Command::Idle(Idle { address, .. }) => *address,
    };
    ensure!(address.ip().is_loopback(), "only this machine is asked");
    let seen = match command {
        Command::Requests(wanted) => engine::run(&wanted)?,
        Command::Handshakes(wanted) => handshakes::run(&wanted)?,
        Command::Idle(wanted) => idle::run(&wanted)?,
    };
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}
