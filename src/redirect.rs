//! `yagura redirect`: the tables of redirects that running edges answer printed codes and legacy
//! URLs by.
//!
//! - `redirect/arguments.rs`: the command line of it.
//! - `redirect/import.rs`: hands a table to the edges.
//! - `redirect/list.rs`: tells what is in force: `list`, `show`, `export`.
//! - `redirect/report.rs`: which are still used, which never, and which lead nowhere; its words are
//!   in `redirect/words.rs`, and `redirect/targets.rs` finds out what answers at the targets.
//! - `redirect/tables.rs`: asks the edges for their tables and counts.

pub(crate) mod arguments;
mod import;
mod list;
mod report;
mod tables;
mod targets;
mod words;

use std::process::ExitCode;

use arguments::RedirectCommand;

pub(crate) fn run(command: &RedirectCommand) -> anyhow::Result<ExitCode> {
    match command {
        RedirectCommand::Import(arguments) => import::run(arguments),
        RedirectCommand::List(arguments) => list::list(arguments),
        RedirectCommand::Show(arguments) => list::show(arguments),
        RedirectCommand::Export(arguments) => list::export(arguments),
        RedirectCommand::Report(arguments) => report::run(arguments),
    }
}
