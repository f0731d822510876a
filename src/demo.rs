//! `yagura demo`: makes a data folder with the demo city, and starts nothing.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::Serialize;
use yagura_cms::CmsState;
use yagura_cms::demo::{self, DemoAccount, DemoPlan};
use yagura_cms::domain::Role;
use yagura_control::{Clock, SystemClock};

use crate::arguments::DemoArguments;
use crate::output;
use crate::up::town::{Account, Town, progress};

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
        output::json(&Made {
            data: &town.data,
            pages: arguments.pages,
        })?;
    } else {
        println!("the demo city is in {}", town.data.display());
        println!("start it with: yagura up --data {}", town.data.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Fills the CMS of a new town with the demo city, and writes its table of redirects.
pub(crate) fn fill(
    town: &Town,
    pages: usize,
    progress: impl Fn(&str, usize, usize) + Send + Sync,
) -> anyhow::Result<()> {
    let settings = town.cms_settings()?;
    let plan = DemoPlan {
        pages,
        seed: SEED,
        today: SystemClock.now().in_japan().date(),
    };
    let accounts: Vec<DemoAccount> = town.accounts.iter().map(account).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let report = runtime
        .block_on(async {
            let state = CmsState::open(settings, Arc::new(SystemClock)).await?;
            let told = |done: usize, of: usize| progress("pages of the demo city", done, of);
            demo::install(&state, &plan, &accounts, &told).await
        })
        .context("the demo city could not be made")?;
    std::fs::write(town.redirects(), &report.redirects_csv)
        .with_context(|| format!("cannot write {}", town.redirects().display()))
}

fn account(account: &Account) -> DemoAccount {
    DemoAccount {
        login: account.login.clone(),
        name: account.name.clone(),
        role: Role::from_code(&account.role),
        password: account.password.clone().into(),
    }
}
