//! The command line of `yagura waf`, as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use yagura_control::{Timestamp, until};

use crate::arguments::EdgesArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum WafCommand {
    /// Say step by step what inspection needs on this machine, and verify what is there
    Install(InstallArguments),
    /// Judge the requests of a file, without an edge
    Test(TestArguments),
    /// Say what was found about a request, and what to do when it was an ordinary one
    Explain(ExplainArguments),
    /// Show what was found, by rule, with the requests that were or would have been refused
    Report(ReportArguments),
}

#[derive(Args, Debug)]
pub(crate) struct InstallArguments {
    /// Configuration file; without [waf] in it, what Debian's packages bring is looked for
    #[arg(long, default_value = "data/yagura.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The folder `rules` of a Core Rule Set, instead of the configuration
    #[arg(long, value_name = "DIR")]
    pub(crate) rules: Option<PathBuf>,
    /// libmodsecurity, instead of the configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) library: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct TestArguments {
    /// Configuration file; without [waf] in it, what Debian's packages bring is used
    #[arg(long, default_value = "data/yagura.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The site whose exclusions count
    #[arg(long, default_value = "town", value_name = "NAME")]
    pub(crate) site: String,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Requests, one JSON object a line: {"target":"/search?q=x"}, with name, method, headers, body
    #[arg(value_name = "FILE.jsonl")]
    pub(crate) file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// The request's name: X-Request-Id of the answer, or the number on the page
    #[arg(value_name = "REQUEST-ID")]
    pub(crate) request: String,
}

#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// Of one site alone
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// Only what came since: 2026-11-23, "2026-11-23 02:00" (in Japan)
    #[arg(long, value_name = "TIME", value_parser = until::moment)]
    pub(crate) since: Option<Timestamp>,
    /// Only what was refused, not what shadow found
    #[arg(long)]
    pub(crate) refused: bool,
}
