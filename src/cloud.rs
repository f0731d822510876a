//! `yagura cloud`: around the security cloud and back (clause 6(11)). Orders go to every edge; what
//! needs a second person comes back as a request that waits for one. How it is gone through is the
//! edges' business: `yagura cloud status` shows how far they are.

pub(crate) mod arguments;
mod rehearse;
mod status;

use std::process::ExitCode;

use anyhow::bail;
use yagura_control::order::{CloudOf, ConfirmDns, Order, StartBypass, StartReturn};
use yagura_control::{Clock, SystemClock};

use crate::arguments::OrderArguments;
use crate::edges;
use arguments::CloudCommand;

pub(crate) fn run(command: &CloudCommand) -> anyhow::Result<ExitCode> {
    match command {
        CloudCommand::Status(arguments) => status::run(arguments),
        CloudCommand::Rehearse(arguments) => rehearse::run(arguments),
        CloudCommand::Bypass(arguments) => {
            needs_reason(&arguments.order)?;
            let start = StartBypass {
                site: arguments.site.clone(),
                // One time for all edges, so that all make the same request of it.
                asked_at: SystemClock.now(),
                break_glass: arguments.break_glass,
            };
            edges::give(Order::Bypass(start), &arguments.order)
        }
        CloudCommand::Return(arguments) => {
            needs_reason(&arguments.order)?;
            let start = StartReturn {
                site: arguments.site.clone(),
                cloud: arguments.cloud.clone(),
                asked_at: SystemClock.now(),
                break_glass: arguments.break_glass,
            };
            edges::give(Order::Return(start), &arguments.order)
        }
        CloudCommand::Abort(arguments) => {
            let site = arguments.site.clone();
            edges::give(Order::AbortBypass(CloudOf { site }), &arguments.order)
        }
        CloudCommand::ConfirmDns(arguments) => {
            let confirm = ConfirmDns {
                site: arguments.site.clone(),
                note: arguments.note.clone(),
            };
            edges::give(Order::ConfirmDns(confirm), &arguments.order)
        }
    }
}

/// Who approves it, and who reads the report afterwards, wants to know why.
fn needs_reason(order: &OrderArguments) -> anyhow::Result<()> {
    let given = order.reason.as_deref().unwrap_or_default();
    if given.trim().is_empty() {
        bail!("say why\n  add --reason \"...\": it is part of what is approved");
    }
    Ok(())
}
