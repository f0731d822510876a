//! `yagura edge`: runs the edge alone, with what one configuration file says.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use yagura_control::SystemClock;
use yagura_proxy::EdgeError;

use crate::arguments::ProcessArguments;
use crate::up::ports;
use crate::{configuration, process};

pub(crate) fn run(arguments: &ProcessArguments) -> anyhow::Result<ExitCode> {
    process::prepare(arguments)?;
    let settings = configuration::read(&arguments.config)?;
    configuration::part(settings.edge.as_ref(), "edge", &arguments.config)?;
    let file = settings.file.clone();
    let reload = move || yagura_config::read(&file).map_err(|error| error.to_string());
    match yagura_proxy::run(settings, Arc::new(SystemClock), reload) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(EdgeError::AddressInUse { address, .. }) => {
            bail!(
                "{}",
                ports::in_use(address, "change `address` in the configuration")
            )
        }
        Err(error) => Err(error).context("the edge ended"),
    }
}
