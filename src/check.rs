//! `yagura check`: reads a configuration file and starts nothing.

use std::process::ExitCode;

use serde::Serialize;
use yagura_config::{ConfigError, Fault};

use crate::arguments::CheckArguments;
use crate::{configuration, output};

#[derive(Serialize)]
struct Told<'a> {
    key: &'a str,
    line: usize,
    message: &'a str,
    hint: &'a str,
}

impl<'a> From<&'a Fault> for Told<'a> {
    fn from(
        Fault {
            key,
            line,
            message,
            hint,
            ..
        }: &'a Fault,
    ) -> Self {
        Self {
            key,
            line: *line,
            message,
            hint,
        }
    }
}

pub(crate) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    if !arguments.json {
        configuration::read(&arguments.config)?;
        println!("{} is right", arguments.config.display());
        return Ok(ExitCode::SUCCESS);
    }
    match yagura_config::read(&arguments.config) {
        Ok(_) => {
            output::json::<[Told<'_>; 0]>(&[])?;
            Ok(ExitCode::SUCCESS)
        }
        Err(ConfigError::Faulty(faults)) => {
            output::json(&faults.all().iter().map(Told::from).collect::<Vec<_>>())?;
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(configuration::Faulty(error.to_string()).into()),
    }
}
