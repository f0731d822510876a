//! `yagura cloud rehearse`: the bypass there and back on a name that nobody reads, with the real DNS
//! servers. It runs beside the edge, with the edge's configuration, and leaves a record in its folder.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use yagura_control::SystemClock;

use super::arguments::RehearseArguments;
use crate::configuration;

pub(crate) fn run(arguments: &RehearseArguments) -> anyhow::Result<ExitCode> {
    let settings = configuration::read(&arguments.config)?;
    let data = settings.edge.as_ref().and_then(|edge| edge.data.clone());
    let Some(data) = data else {
        bail!("the edge keeps nothing on disk\n  set `data` of [edge]: the record is evidence");
    };
    let runtime = tokio::runtime::Runtime::new().context("the runtime does not start")?;
    let rehearsing = yagura_proxy::rehearse(&settings, &arguments.site, Arc::new(SystemClock));
    let rehearsal = runtime.block_on(rehearsing)?;
    let path = rehearsal.save(&data);
    let path = path.context("the record cannot be written; run it as the edge's user")?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rehearsal)?);
    } else {
        print!("{}", rehearsal.text());
        println!("\nrecord: {}", path.display());
    }
    Ok(if rehearsal.passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
