//! `yagura edge`: runs the edge alone, with what one configuration file says.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use yagura_control::SystemClock;
use yagura_proxy::{EdgeError, Program, Start};

use crate::arguments::EdgeArguments;
use crate::up::ports;
use crate::{configuration, process};

pub(crate) fn run(arguments: &EdgeArguments) -> anyhow::Result<ExitCode> {
    match arguments.supervisor {
        Some(supervisor) => process::prepare_under(supervisor)?,
        None => process::prepare(&arguments.process)?,
    }
    let program = program(arguments)?;
    let settings = configuration::read(&arguments.process.config)?;
    configuration::part(settings.edge.as_ref(), "edge", &arguments.process.config)?;
    let file = settings.file.clone();
    let reload = move || yagura_config::read(&file).map_err(|error| error.to_string());
    let start = Start {
        program,
        takes_over: arguments.take_over,
    };
    match yagura_proxy::run(settings, Arc::new(SystemClock), reload, start) {
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

/// How the process that replaces this one is started.
fn program(arguments: &EdgeArguments) -> anyhow::Result<Program> {
    // Asked for now: once the file is replaced, the system knows it by another name.
    let file = std::env::current_exe().context("cannot find the running program")?;
    let config = [
        OsString::from("--config"),
        std::path::absolute(&arguments.process.config)?.into(),
    ];
    let mut take_over: Vec<OsString> = vec!["edge".into(), "--take-over".into()];
    take_over.extend(config.clone());
    let supervisor = match arguments.supervisor {
        None if arguments.process.end_with_parent => process::parent(),
        known => known,
    };
    if let Some(pid) = supervisor {
        take_over.extend(["--supervisor".into(), pid.to_string().into()]);
    }
    let mut check: Vec<OsString> = vec!["check".into()];
    check.extend(config);
    Ok(Program {
        file,
        check,
        take_over,
    })
}
