//! `yagura ops`: runs the operations desk alone, with what one configuration file says.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use yagura_control::SystemClock;

use crate::arguments::ProcessArguments;
use crate::{configuration, process};

pub(crate) fn run(arguments: &ProcessArguments) -> anyhow::Result<ExitCode> {
    process::prepare(arguments)?;
    let settings = configuration::read(&arguments.config)?.ops;
    let settings = configuration::part(settings, "ops", &arguments.config)?;
    process::run(|mut stop| async move {
        let shutdown = async move { stop.wait().await };
        yagura_ops::run(settings, Arc::new(SystemClock), shutdown)
            .await
            .context("the operations desk ended")
    })?;
    Ok(ExitCode::SUCCESS)
}
