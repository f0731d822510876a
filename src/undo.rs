//! `yagura undo`: the order that makes things as they were before another one.

use std::process::ExitCode;

use yagura_control::order::{Order, Undo};

use crate::arguments::UndoArguments;
use crate::edges;

pub(crate) fn run(arguments: &UndoArguments) -> anyhow::Result<ExitCode> {
    let undo = Undo {
        number: arguments.number,
    };
    edges::give(Order::Undo(undo), &arguments.order)
}
