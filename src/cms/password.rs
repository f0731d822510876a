//! `yagura cms password`: another password for an account whose owner has forgotten it.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use yagura_cms::CmsError;
use yagura_cms::actions::password::reset;
use yagura_cms::domain::password;
use yagura_control::{Clock, SystemClock};

use super::arguments::PasswordArguments;
use super::database::{actor, failed, store};
use crate::output;

/// What was done, as programs read it.
#[derive(Serialize)]
struct Done<'d> {
    login: &'d str,
    /// The one that was made here; nobody sees it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'d str>,
    sessions_ended: u64,
}

pub(super) fn run(arguments: &PasswordArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(given(arguments))
}

async fn given(arguments: &PasswordArguments) -> anyhow::Result<ExitCode> {
    let PasswordArguments { login, reason, .. } = arguments;
    // It is no argument: those stand in lists of processes and in histories of shells.
    let made = (!arguments.stdin).then(|| password::random(&mut rand::rng(), 5));
    let new = match &made {
        Some(made) => made.clone(),
        None => typed()?,
    };
    let store = store(&arguments.config).await?;
    let now = SystemClock.now();
    let ended = match reset(&store, now, &actor(), (login, &new), reason).await {
        Ok(ended) => ended,
        Err(CmsError::Refused(reasons)) => bail!(
            "this password cannot be used: {}\n  give one of {} letters or more, without the user's \
             name; or leave out --stdin, and one is made",
            reasons.join(" "),
            password::FEWEST
        ),
        Err(error) => return Err(failed(error, login, &arguments.config)),
    };
    let done = Done {
        login,
        password: made.as_deref(),
        sessions_ended: ended,
    };
    if arguments.json {
        output::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("{login} has another password; {ended} sessions ended, the second factor stays");
    if let Some(made) = &made {
        println!(
            "\n  {made}\n\nIt is shown this once. Tell it in person; {login} changes it at \
             /account/password."
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The first line of standard input.
fn typed() -> anyhow::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("the new password (it is shown as you type), and Enter:");
    }
    let mut line = String::new();
    let read = input.lock().read_line(&mut line);
    read.context("the password cannot be read from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
