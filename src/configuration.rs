//! Reads the configuration file and shows its faults with the lines they are in.

use std::path::Path;

use anyhow::anyhow;
use miette::GraphicalReportHandler;
use yagura_config::{ConfigError, Settings};

/// The arguments or the configuration have faults: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Faulty(pub(crate) String);

/// Reads the file, or gives the error that the operator is to see.
pub(crate) fn read(file: &Path) -> anyhow::Result<Settings> {
    yagura_config::read(file).map_err(|error| Faulty(told(&error)).into())
}

/// The part of the settings a process needs, or the sentence that says it is missing.
pub(crate) fn part<T>(part: Option<T>, table: &str, file: &Path) -> anyhow::Result<T> {
    part.ok_or_else(|| {
        let file = file.display();
        anyhow!(Faulty(format!(
            "{file} has no [{table}]\n  add the table, or name another file with --config"
        )))
    })
}

/// All faults: one line each that a program can search for, then the lines of the file.
fn told(error: &ConfigError) -> String {
    let ConfigError::Faulty(faults) = error else {
        return error.to_string();
    };
    let mut shown = String::new();
    let handler = GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
    match handler.with_width(100).render_report(&mut shown, faults) {
        Ok(()) => format!("{faults}\n{shown}"),
        Err(_) => faults.to_string(),
    }
}
