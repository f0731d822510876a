//! `yagura upgrade`: running edges have themselves replaced by the program now on disk, without a
//! reader noticing. What is checked and done stands in `yagura_proxy`'s `upgrade/`.

use std::process::ExitCode;

use anyhow::Context;
use yagura_control::order::{Order, Outcome, Reply, Upgrade};

use crate::arguments::UpgradeArguments;
use crate::edges;

pub(crate) fn run(arguments: &UpgradeArguments) -> anyhow::Result<ExitCode> {
    let binary = arguments.binary.as_ref();
    let binary = binary.map(|path| {
        std::fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()))
    });
    let upgrade = Upgrade {
        binary: binary.transpose()?,
    };
    if !arguments.edges.json {
        match &upgrade.binary {
            Some(path) => eprintln!(
                "upgrading to {}; the old process answers meanwhile",
                path.display()
            ),
            None => {
                eprintln!("upgrading to the program now on disk; the old process answers meanwhile")
            }
        }
    }
    edges::ask(Order::Upgrade(upgrade), &arguments.edges, print)
}

fn print(reply: &Reply) {
    let Outcome::Upgraded { from, to } = &reply.outcome else {
        return;
    };
    println!(
        "{}: yagura {} (pid {}) took over from yagura {} (pid {}), which ends when its readers are done",
        reply.edge, to.version, to.pid, from.version, from.pid
    );
}
