//! The command `yagura`: reads its arguments and hands over to one file a subcommand.
//!
//! - `edge.rs`, `cms.rs`, `ops.rs` start one process each; in production they are three services.
//! - `up/` supervises the three on one machine; `demo.rs` makes the demo city it starts with.
//! - `top.rs` watches running edges; `status.rs`, `history.rs`, `route.rs`, `staff.rs`, `notice.rs`, `disaster.rs`, `drill.rs`, `undo.rs`, `cache.rs`, `purge.rs`, `redirect.rs`, `ban.rs`, `reload.rs`, `upgrade.rs` give an order to running edges.
//! - `request.rs`, `approve.rs`: what waits for a second person; `token.rs`: what operators show; `audit.rs` verifies the journal.
//! - `cloud.rs` leaves a security cloud, comes back, and shows how things stand.
//! - `backup.rs` takes backups, lists and checks them, and restores.
//! - `waf.rs` looks after inspection of requests; `yagura waf-worker` is what the edge starts for it.
//! - `control.rs` describes the API by which they are given.
//! - `certs.rs` looks after the certificates in the edge's folder.
//! - `check.rs` reads a configuration and starts nothing; `availability.rs` prints a month.
//!
//! Exit codes: 0 done, 1 it failed, 2 the arguments or the configuration have faults.
//! Nothing here decides anything about routing, pages or evidence: that is in the crates below.

mod approve;
mod arguments;
mod audit;
mod availability;
mod backup;
mod ban;
mod cache;
mod certs;
mod check;
mod cloud;
mod cms;
mod configuration;
mod control;
mod demo;
mod disaster;
mod drill;
mod edge;
mod edges;
mod history;
mod logging;
mod notice;
mod ops;
mod output;
mod process;
mod purge;
mod redirect;
mod reload;
mod request;
mod route;
mod staff;
mod status;
mod token;
mod top;
mod undo;
mod up;
mod upgrade;
mod waf;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::configuration::Faulty;

/// Small allocations on the hit path are what it is good at; measured with the front.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Edge(arguments) => edge::run(&arguments),
        Command::Cms(arguments) => cms::run(&arguments),
        Command::Ops(arguments) => ops::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Route(arguments) => route::run(&arguments),
        Command::Notice { command } => notice::run(&command),
        Command::Drill(arguments) => drill::run(&arguments),
        Command::Disaster { command } => disaster::run(&command),
        Command::History(arguments) => history::run(&arguments),
        Command::Undo(arguments) => undo::run(&arguments),
        Command::Purge(arguments) => purge::run(&arguments),
        Command::Cache { command } => cache::run(&command),
        Command::Redirect { command } => redirect::run(&command),
        Command::Staff { command } => staff::run(&command),
        Command::Ban { command } => ban::run(&command),
        Command::Upgrade(arguments) => upgrade::run(&arguments),
        Command::Reload(arguments) => reload::run(&arguments),
        Command::Request { command } => request::run(&command),
        Command::Approve(arguments) => approve::approve(&arguments),
        Command::Refuse(arguments) => approve::refuse(&arguments),
        Command::Review(arguments) => approve::review(&arguments),
        Command::Token { command } => token::run(&command),
        Command::Audit { command } => audit::run(&command),
        Command::Waf { command } => waf::run(&command),
        Command::WafWorker => return yagura_waf::worker::run(),
        Command::Certs { command } => certs::run(&command),
        Command::Cloud { command } => cloud::run(&command),
        Command::Control { command } => control::run(&command),
        Command::Backup { command } => backup::run(&command),
        Command::Availability(arguments) => availability::run(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("yagura: {error:#}");
            ExitCode::from(if error.is::<Faulty>() { 2 } else { 1 })
        }
    }
}
