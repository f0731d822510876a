//! `yagura demo`: makes a data folder with the demo city, and starts nothing.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use yagura_cms::demo::{self, DemoAccount, DemoPlan};
use yagura_control::{Clock, SystemClock};

use crate::arguments::DemoArguments;
use crate::output;
use crate::up::town::{Town, progress};

/// The same city in every data folder, apart from its dates.
const SEED: u64 = 20_260_401;

#[derive(Serialize)]
struct Made<'a> {
    data: &'a std::path::Path,
    pages: usize,
}

pub(crate) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    if arguments.place.data.join("yagura.toml").exists() {
        bail!(
            "{} holds a town already\n  name another folder with --data, or start it with `yagura up`",
            arguments.place.data.display()
        );
    }
    let town = Town::open_or_make(&arguments.place, arguments.pages, progress())?;
    if arguments.json {
        output::json(&Made { data: &town.data, pages: arguments.pages })?;
    } else {
        println!("the demo city is in {}", town.data.display());
        println!("start it with: yagura up --data {}", town.data.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Fills the CMS of a new town with the demo city, and writes its table of redirects.
pub(crate) fn fill(
    town: &mut Town,
    pages: usize,
    progress: impl FnMut(&str, usize, usize),
) -> anyhow::Result<()> {
    let settings = town.cms_settings()?;
    let now = SystemClock.now();
    let plan = DemoPlan { pages, seed: SEED, today: now.in_japan().date() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let accounts: Vec<DemoAccount> = Vec::new();
    let report = runtime
        .block_on(demo::install(&settings, &plan, &accounts, now, progress))
        .context("the demo city could not be made")?;
    std::fs::write(town.redirects(), &report.redirects_csv)
        .with_context(|| format!("cannot write {}", town.redirects().display()))
}
