//! `yagura control`: about the control API itself.

use std::process::ExitCode;

use crate::arguments::ControlCommand;
use crate::output;

pub(crate) fn run(command: &ControlCommand) -> anyhow::Result<ExitCode> {
    match command {
        ControlCommand::Openapi => output::json(&yagura_control::openapi::document())?,
    }
    Ok(ExitCode::SUCCESS)
}
