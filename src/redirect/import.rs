//! `yagura redirect import`: hands a table of redirects to the edges.
//!
//! The table is read here too, before any edge sees it, so that its faults come with the file's
//! name; the edges read it again, because they trust nobody.

use std::process::ExitCode;

use anyhow::{Context, bail};
use yagura_control::order::{ImportRedirects, Order};
use yagura_control::redirect;

use crate::arguments::ImportArguments;
use crate::edges;

pub(crate) fn run(arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let file = arguments.file.display();
    let csv =
        std::fs::read_to_string(&arguments.file).with_context(|| format!("cannot read {file}"))?;
    if let Err(faults) = redirect::parse_csv(&csv) {
        let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        bail!(
            "{file} has {} faults; nothing was imported{}",
            faults.len(),
            lines.concat()
        );
    }
    let import = ImportRedirects {
        site: arguments.site.clone(),
        csv,
        replace: arguments.replace,
    };
    edges::give(Order::ImportRedirects(import), &arguments.order)
}
