//! `yagura reload`: running edges read their configuration file again. A file with faults changes
//! nothing; the faults come back with the refusal.

use std::process::ExitCode;

use yagura_control::order::Order;

use crate::arguments::ReloadArguments;
use crate::edges;

pub(crate) fn run(arguments: &ReloadArguments) -> anyhow::Result<ExitCode> {
    edges::give(Order::Reload, &arguments.order)
}
