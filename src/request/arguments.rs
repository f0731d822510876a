//! The arguments of `yagura request`, `approve`, `refuse` and `review`.

use clap::{Args, Subcommand};

use crate::arguments::EdgesArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum RequestCommand {
    /// List what waits for a decision, and what was done without approval and is to be reviewed
    List(RequestListArguments),
    /// Show one: what is asked by whom and why, and who decided
    Show(RequestOfArguments),
    /// Take back a request of one's own
    Withdraw(RequestOfArguments),
    /// Give a request of one's own again to edges that did not get it
    Repeat(RequestOfArguments),
}

#[derive(Args, Debug)]
pub(crate) struct RequestListArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// Those that are over as well
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RequestOfArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// The request, by its first digits; at least four
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Args, Debug)]
pub(crate) struct DecisionArguments {
    #[command(flatten)]
    pub(crate) of: RequestOfArguments,
    /// Show what is asked, and decide nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RefuseArguments {
    #[command(flatten)]
    pub(crate) decision: DecisionArguments,
    /// Why; who asked reads it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

#[derive(Args, Debug)]
pub(crate) struct ReviewArguments {
    #[command(flatten)]
    pub(crate) decision: DecisionArguments,
    /// What was found; kept in the journal
    #[arg(long, value_name = "TEXT")]
    pub(crate) finding: String,
}
