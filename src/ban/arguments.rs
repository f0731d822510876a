//! The arguments of `yagura ban`.

use clap::{Args, Subcommand};

use crate::arguments::{EdgesArguments, OrderArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum BanCommand {
    /// Let nobody in from a network
    Add(BanAddArguments),
    /// Let them in again
    Remove(BanRemoveArguments),
    /// Show the bans in force
    List(BanListArguments),
}

#[derive(Args, Debug)]
pub(crate) struct BanAddArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The network, or one address
    #[arg(value_name = "RANGE")]
    pub(crate) range: String,
    /// When it ends: 18:00, "2026-11-25 06:00" or +7d, clock times in Japan [default: when it is removed]
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct BanRemoveArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The network as it was banned
    #[arg(value_name = "RANGE")]
    pub(crate) range: String,
}

#[derive(Args, Debug)]
pub(crate) struct BanListArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
}
