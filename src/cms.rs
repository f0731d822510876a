//! `yagura cms`: runs the CMS alone, with what one configuration file says.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use yagura_control::SystemClock;

use crate::arguments::ProcessArguments;
use crate::{configuration, process};

pub(crate) fn run(arguments: &ProcessArguments) -> anyhow::Result<ExitCode> {
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
