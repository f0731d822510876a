//! The command line of `yagura redirect`, as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::arguments::{EdgesArguments, OrderArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum RedirectCommand {
    /// Take over a table of redirects from a CSV file
    Import(ImportArguments),
    /// Show the redirects in force, one a line
    List(ListArguments),
    /// Show one redirect, with how often it was answered day by day
    Show(ShowArguments),
    /// Write the redirects in force as CSV, which import reads back
    Export(ExportArguments),
    /// Show which redirects are still used, which were never, and which lead nowhere
    Report(ReportArguments),
}

/// Whose table.
#[derive(Args, Debug)]
pub(crate) struct TableArguments {
    #[command(flatten)]
    pub(crate) edges: EdgesArguments,
    /// The site's name in the configuration
    #[arg(long, default_value = "town", value_name = "NAME")]
    pub(crate) site: String,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    pub(crate) order: OrderArguments,
    /// The site's name in the configuration
    #[arg(long, default_value = "town", value_name = "NAME")]
    pub(crate) site: String,
    /// CSV file, in UTF-8 or Shift_JIS, with a heading line: from,to and, if wanted,
    /// status,department,printed,copies,until,keep_query,note (or 転送元,転送先,ステータス,担当課,
    /// 印刷物,部数,期限,クエリ引継ぎ,備考)
    #[arg(value_name = "FILE.csv")]
    pub(crate) file: PathBuf,
    /// Drop redirects that the file lacks
    #[arg(long)]
    pub(crate) replace: bool,
    /// Lead to the end of a chain at once, where that makes no difference
    #[arg(long)]
    pub(crate) flatten: bool,
    /// Take targets on other sites' hosts, which `redirect_targets` does not list
    #[arg(long)]
    pub(crate) allow_external: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) table: TableArguments,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) table: TableArguments,
    /// The source as the table has it: a path, a whole URL, or a pattern
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Days to count, up to today [default: all that are kept]
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u32>,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) table: TableArguments,
    /// Write into this file, as Excel opens it, instead of printing
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) table: TableArguments,
    /// Print one line of CSV a redirect
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Days to count, up to today [default: all that are kept]
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<u32>,
    /// Do not ask what answers at the targets
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Ask other sites too what answers at their addresses
    #[arg(long, conflicts_with = "no_check")]
    pub(crate) check_external: bool,
}
