//! `yagura ops`: runs the operations desk alone, with the backups, with what one configuration file says.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use yagura_control::SystemClock;
use yagura_ops::backup::{self, Schedule};

use crate::arguments::ProcessArguments;
use crate::{configuration, process};

pub(crate) fn run(arguments: &ProcessArguments) -> anyhow::Result<ExitCode> {
    process::prepare(arguments)?;
    let settings = configuration::read(&arguments.config)?;
    let desk = configuration::part(settings.ops, "ops", &arguments.config)?;
    let schedule = settings.backup.map(|backup| Schedule {
        settings: backup,
        cms: settings.cms,
        hooks: settings.hooks,
    });
    process::run(|mut stop| async move {
        let shutdown = async move { stop.wait().await };
        let watching = yagura_ops::run(desk, Arc::new(SystemClock), shutdown);
        let Some(schedule) = schedule else {
            return watching.await.context("the operations desk ended");
        };
        tokio::select! {
            ended = watching => ended.context("the operations desk ended"),
            ended = backup::run(schedule, Arc::new(SystemClock)) => ended.context("the backups ended"),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
