//! The arguments of `yagura backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::arguments::EdgesArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Take a generation of everything now, into every target
    Now(NowArguments),
    /// List the generations there are
    List(ListArguments),
    /// Show what one generation holds
    Show(ShowArguments),
    /// Look whether repositories are sound
    Check(CheckArguments),
    /// Restore a generation, or the town of an instant, into a folder, and compare it with its record
    Restore(Box<RestoreArguments>),
    /// Forget generations that the plan does not keep, and remove what no generation needs
    Tidy(TidyArguments),
    /// Show as of when each target could be restored, and what is wrong
    Status(ConfigArguments),
    /// Rehearse a restore now, compare it, and write the report
    Drill(DrillArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ConfigArguments {
    /// The configuration file, with [backup]
    #[arg(long, default_value = "data/yagura.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct NowArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// This target alone, read from the sources themselves
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Begin a new repository where one was and is gone
    #[arg(long)]
    pub(crate) new_repository: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Of this target [default: of all]
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Which: the beginning of its name, or `latest` for the database's newest
    #[arg(value_name = "GENERATION")]
    pub(crate) generation: String,
    /// Where it lies [default: the first target]
    #[arg(long, value_name = "TARGET")]
    pub(crate) from: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// This target alone
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Read every pack too, and compare each byte with its digest
    #[arg(long)]
    pub(crate) read_data: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// Which: the beginning of its name, or `latest` for the newest of database and files
    #[arg(value_name = "GENERATION", required_unless_present_any = ["at", "mend", "request"])]
    pub(crate) generation: Option<String>,
    /// The town as it was then: "2026-11-20 14:03", in Japan
    #[arg(long, value_name = "TIME", conflicts_with = "generation")]
    pub(crate) at: Option<String>,
    /// A folder that does not exist yet
    #[arg(long, value_name = "DIR", required_unless_present_any = ["in_place", "mend"])]
    pub(crate) to: Option<PathBuf>,
    /// Load a PostgreSQL dump too, into the empty database whose URL is the only line of this file, and
    /// compare its rows
    #[arg(long, value_name = "FILE", requires = "to")]
    pub(crate) into: Option<PathBuf>,
    /// In place of the CMS's own database: the CMS stopped, the present state kept first
    #[arg(long, conflicts_with = "to", requires = "why")]
    pub(crate) in_place: bool,
    /// Finish a restore in place that was broken off, or sweep away what it had begun
    #[arg(long, conflicts_with_all = ["generation", "at", "to", "in_place"])]
    pub(crate) mend: bool,
    /// Why; kept in the edges' journals and in the record of restores
    #[arg(long, value_name = "TEXT", group = "why")]
    pub(crate) reason: Option<String>,
    /// What was asked for before and is approved now, instead of a generation and a reason
    #[arg(long, value_name = "ID", group = "why", requires = "in_place")]
    #[arg(conflicts_with_all = ["generation", "at", "reason", "from"])]
    pub(crate) request: Option<String>,
    /// At once, where it needs approval and nobody can be reached who could approve it
    #[arg(long, requires = "in_place")]
    pub(crate) break_glass: bool,
    /// Where it lies [default: the first target]
    #[arg(long, value_name = "TARGET")]
    pub(crate) from: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct TidyArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// This target alone
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Show what would go and why the rest stays, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DrillArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// From where [default: the last target of the configuration]
    #[arg(long, value_name = "TARGET")]
    pub(crate) from: Option<String>,
}
