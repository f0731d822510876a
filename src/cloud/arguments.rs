//! The arguments of `yagura cloud`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::arguments::{EdgesArguments, OrderArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum CloudCommand {
    /// Show how sites stand towards their clouds, and what a switch now would mean
    Status(CloudStatusArguments),
    /// Ask for a site to be published directly, without its cloud
    Bypass(BypassArguments),
    /// Ask for a site to go back behind a cloud
    Return(ReturnArguments),
    /// Give up a bypass that is not complete yet; needs no second person
    Abort(AbortArguments),
    /// Say that the change of the DNS was made by hand
    ConfirmDns(ConfirmDnsArguments),
    /// Go there and back on a name that nobody reads, and write down how long it took; on the machine
    /// of the edge that changes the DNS, as its user
    Rehearse(RehearseArguments),
}

#[derive(Args, Debug)]
pub(crate) struct RehearseArguments {
    /// The edge's configuration file
    #[arg(long, value_name = "FILE", default_value = "yagura.toml")]
    pub(crate) config: PathBuf,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// Print the record as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CloudStatusArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// Only this site
    #[arg(value_name = "SITE")]
    pub(crate) site: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct BypassArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// Do it at once, because nobody who could approve it can be reached; everybody is told, and it
    /// has to be reviewed
    #[arg(long)]
    pub(crate) break_glass: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ReturnArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// Behind which cloud [default: the one that it was behind before]
    #[arg(long, value_name = "NAME")]
    pub(crate) cloud: Option<String>,
    /// As with `bypass`
    #[arg(long)]
    pub(crate) break_glass: bool,
}

#[derive(Args, Debug)]
pub(crate) struct AbortArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
}

#[derive(Args, Debug)]
pub(crate) struct ConfirmDnsArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(value_name = "SITE")]
    pub(crate) site: String,
    /// Who made the change, and under which number
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
}
