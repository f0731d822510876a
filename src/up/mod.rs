//! `yagura up`: the whole town on one machine.
//!
//! In order: `town.rs` makes the data folder when it is new; `ports.rs` makes sure the addresses
//! are free; `supervisor.rs` starts `edge`, `cms` and `ops` as processes of their own, starts again
//! whichever dies, and follows an upgraded edge (`life.rs`); `redirects.rs` hands the demo's table to the new edge once; `table.rs`
//! prints where everything is. The supervisor serves nobody itself: while it is away, the three
//! are what they are in production, separate programs.

mod life;
mod lock;
pub(crate) mod ports;
mod redirects;
mod restart;
mod supervisor;
mod table;
pub(crate) mod town;

use std::process::ExitCode;

use crate::arguments::UpArguments;
use crate::{logging, process};

pub(crate) fn run(arguments: &UpArguments) -> anyhow::Result<ExitCode> {
    logging::start();
    let town = town::Town::open_or_make(&arguments.place, arguments.pages, town::progress())?;
    let _lock = lock::take(&town.data)?;
    ports::must_be_free(&town)?;
    // One thread, and this one: the kernel ties the children's end to the thread that starts them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut stop = process::Stop::new()?;
        let supervisor = supervisor::Supervisor::new(&town)?;
        let welcome = async {
            redirects::hand_over_once(&town).await;
            table::print(&town);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = supervisor.run(&mut stop) => {}
            () = welcome => {}
        }
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
