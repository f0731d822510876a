//! `yagura cms`: runs the CMS alone, with what one configuration file says.
//!
//! - `cms/arguments.rs`: the command line of it.
//! - `cms/second_factor.rs`: who may come from outside the city hall, and what is done for a lost
//!   telephone; `cms/password.rs`: what is done for a forgotten password. They work on the database
//!   itself (`cms/database.rs`), whether the CMS runs or not.

pub(crate) mod arguments;
mod database;
mod password;
mod second_factor;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use yagura_control::SystemClock;

use crate::arguments::ProcessArguments;
use crate::configuration::Faulty;
use crate::{configuration, process};
use arguments::{CmsArguments, CmsCommand};

pub(crate) fn run(arguments: &CmsArguments) -> anyhow::Result<ExitCode> {
    match (&arguments.command, &arguments.process) {
        (Some(CmsCommand::SecondFactor { command }), _) => second_factor::run(command),
        (Some(CmsCommand::Password(arguments)), _) => password::run(arguments),
        (None, Some(process)) => serve(process),
        // The command line is refused before, when both are missing.
        (None, None) => Err(Faulty("name a configuration file with --config".to_owned()).into()),
    }
}

fn serve(arguments: &ProcessArguments) -> anyhow::Result<ExitCode> {
    process::prepare(arguments)?;
    let settings = configuration::read(&arguments.config)?.cms;
    let settings = configuration::part(settings, "cms", &arguments.config)?;
    process::run(|mut stop| async move {
        let shutdown = async move { stop.wait().await };
        yagura_cms::server::run(settings, Arc::new(SystemClock), shutdown)
            .await
            .context("the CMS ended")
    })?;
    Ok(ExitCode::SUCCESS)
}
