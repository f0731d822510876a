//! The benchmark: Yagura beside its peers, on this machine, in one run.
//!
//! - `compare.rs` runs the comparison: rounds, workloads, peers in turn; `place.rs` is where it
//!   happens, `peers/` how each server is started, `workloads/` what is asked of it, `goals.rs` what
//!   is to be reached.
//! - `load/` are our own load generators and `servers/` our own origin and the practical limit: each
//!   runs as a process of its own, on the core it belongs to.
//! - `process.rs` starts and ends processes, `usage.rs` reads what they used, `packages.rs` fetches
//!   the peers, `machine.rs` names the machine.
//! - `report/` writes table, CSV, plots and `docs/benchmarks.md` out of a run (`figures.rs`).
//! - `guard.rs` counts instructions a hit for CI, `waf.rs` measures what inspection costs, `measure.rs`
//!   one server by hand.
//!
//! Only addresses of this machine are asked; all load is bounded in count and time.

mod compare;
mod figures;
mod goals;
mod guard;
mod load;
mod machine;
mod measure;
mod objects;
mod packages;
mod peers;
mod place;
mod process;
mod report;
mod servers;
mod usage;
mod waf;
mod workloads;

use clap::{Parser, Subcommand};

/// Measures Yagura beside other servers.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure every peer with the same origin and objects, and write docs/benchmarks.md
    Compare(compare::Arguments),
    /// Write docs/benchmarks.md and the plots anew from the last run's results
    Page(report::Arguments),
    /// Count the instructions of a hit and fail when they grew (for CI; needs valgrind)
    Guard(guard::Arguments),
    /// Measure what the inspection of a clean request costs
    Waf(waf::Arguments),
    /// Ask one server for one target again and again
    Measure(measure::Arguments),
    /// The origin behind every peer
    #[command(hide = true)]
    Origin(servers::Arguments),
    /// The practical limit: a bare epoll loop that answers hits from memory
    #[command(hide = true)]
    Limit(servers::Arguments),
    /// One of our own load generators
    #[command(hide = true, subcommand)]
    Load(load::Command),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Page(arguments) => report::run(&arguments),
        Command::Guard(arguments) => guard::run(&arguments),
        Command::Waf(arguments) => waf::run(&arguments),
        Command::Measure(arguments) => measure::run(arguments),
        Command::Origin(arguments) => servers::origin(&arguments),
        Command::Limit(arguments) => servers::limit(&arguments),
        Command::Load(command) => load::run(command),
    }
}
