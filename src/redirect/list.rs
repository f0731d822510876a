//! `yagura redirect list`, `show` and `export`: what is in force.

use std::process::ExitCode;

use anyhow::Context;
use yagura_control::redirect::{Redirect, to_csv};

use super::arguments::{ExportArguments, ListArguments, ShowArguments};
use super::tables::{self, Gathered};
use super::words;
use crate::output;

pub(crate) fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let gathered = tables::gather(&arguments.table, None, None)?;
    if arguments.table.edges.json {
        output::json(&gathered.shown)?;
    } else {
        for counted in &gathered.shown.redirects {
            println!("{}", words::line(counted));
        }
        eprintln!("{} redirects", gathered.shown.total);
    }
    Ok(code(&gathered))
}

pub(crate) fn show(arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let source = Some(arguments.source.as_str());
    let gathered = tables::gather(&arguments.table, source, arguments.days)?;
    if arguments.table.edges.json {
        output::json(&gathered.shown)?;
    } else {
        for counted in &gathered.shown.redirects {
            print!("{}", words::whole(counted, gathered.shown.counted_since));
        }
    }
    Ok(code(&gathered))
}

pub(crate) fn export(arguments: &ExportArguments) -> anyhow::Result<ExitCode> {
    let gathered = tables::gather(&arguments.table, None, None)?;
    let redirects = gathered
        .shown
        .redirects
        .iter()
        .map(|one| one.redirect.clone());
    let redirects: Vec<Redirect> = redirects.collect();
    if arguments.table.edges.json {
        output::json(&redirects)?;
    } else if let Some(file) = &arguments.output {
        // Excel takes a file without the mark for Shift_JIS.
        std::fs::write(file, format!("\u{feff}{}", to_csv(&redirects)))
            .with_context(|| format!("cannot write {}", file.display()))?;
        println!(
            "{} redirects written to {}",
            redirects.len(),
            file.display()
        );
    } else {
        print!("{}", to_csv(&redirects));
    }
    Ok(code(&gathered))
}

/// Says what is missing; that some edge is makes it a failure.
pub(super) fn code(gathered: &Gathered) -> ExitCode {
    for edge in &gathered.differing {
        eprintln!("yagura: {edge} has another table; export from one edge and import at all");
    }
    for error in &gathered.missing {
        eprintln!("yagura: {error}");
    }
    if gathered.missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
