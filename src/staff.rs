//! `yagura staff`: sites for staff opened to the outside for a time, and closed again.

pub(crate) mod arguments;

use std::process::ExitCode;

use yagura_control::order::{CloseStaff, OpenStaff, Order};
use yagura_control::{Clock, SystemClock, until};

use crate::edges;
use arguments::StaffCommand;

pub(crate) fn run(command: &StaffCommand) -> anyhow::Result<ExitCode> {
    match command {
        StaffCommand::Open(arguments) => {
            let open = OpenStaff {
                site: arguments.site.clone(),
                until: until::parse(&arguments.until, SystemClock.now())?,
            };
            edges::give(Order::OpenStaff(open), &arguments.order)
        }
        StaffCommand::Close(arguments) => {
            let site = arguments.site.clone();
            edges::give(Order::CloseStaff(CloseStaff { site }), &arguments.order)
        }
    }
}
