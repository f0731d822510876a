//! `yagura cms second-factor`: who has one, and taking one away.

use std::process::ExitCode;

use serde::Serialize;
use yagura_cms::actions::second_factor::reset;
use yagura_cms::domain::{Role, patience};
use yagura_cms::store::second_factors::Standing;
use yagura_control::{Clock, SystemClock, Timestamp};

use super::arguments::{ListArguments, ResetArguments, SecondFactorCommand};
use super::database::{actor, failed, store};
use crate::output;

pub(super) fn run(command: &SecondFactorCommand) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            SecondFactorCommand::List(arguments) => list(arguments).await,
            SecondFactorCommand::Reset(arguments) => take_away(arguments).await,
        }
    })
}

/// One account, as programs read it.
#[derive(Serialize)]
struct Account {
    login: String,
    name: String,
    role: Role,
    enrolled_at: Option<Timestamp>,
    recovery_codes_left: i64,
    /// So many codes were wrong that no further one is taken.
    spent: bool,
}

impl From<Standing> for Account {
    fn from(standing: Standing) -> Self {
        Self {
            login: standing.user.login,
            name: standing.user.name,
            role: standing.user.role,
            enrolled_at: standing.enrolled_at,
            recovery_codes_left: standing.recovery_codes_left,
            spent: patience::is_spent(standing.failures),
        }
    }
}

async fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let store = store(&arguments.config).await?;
    let accounts = store.second_factors().await?;
    let accounts: Vec<Account> = accounts.into_iter().map(Account::from).collect();
    if arguments.json {
        output::json(&accounts)?;
        return Ok(ExitCode::SUCCESS);
    }
    let able = accounts.iter().filter(|one| one.enrolled_at.is_some());
    let (able, all) = (able.count(), accounts.len());
    println!("{able} of {all} accounts can sign in from outside the city hall");
    for account in &accounts {
        println!("  {}", line(account));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(account: &Account) -> String {
    let Account { login, name, .. } = account;
    let state = match account.enrolled_at {
        None => "no second factor".to_owned(),
        Some(_) if account.spent => {
            format!("too many wrong codes: yagura cms second-factor reset {login}")
        }
        Some(at) => format!(
            "since {}, {} recovery codes left",
            at.in_japan().date(),
            account.recovery_codes_left
        ),
    };
    format!("{login} ({name}): {state}")
}

#[derive(Serialize)]
struct Reset<'r> {
    login: &'r str,
    had_one: bool,
    sessions_ended: u64,
}

async fn take_away(arguments: &ResetArguments) -> anyhow::Result<ExitCode> {
    let ResetArguments { login, reason, .. } = arguments;
    let store = store(&arguments.config).await?;
    let ended = reset(&store, SystemClock.now(), &actor(), login, reason).await;
    let ended = ended.map_err(|error| failed(error, login, &arguments.config))?;
    let done = Reset {
        login,
        had_one: ended.is_some(),
        sessions_ended: ended.unwrap_or(0),
    };
    if arguments.json {
        output::json(&done)?;
    } else if done.had_one {
        println!(
            "the second factor of {login} is taken away; {} sessions ended\n\
             {login} sets up a new one at the city hall, and signs in from outside only then",
            done.sessions_ended
        );
    } else {
        println!("{login} has no second factor; nothing was changed");
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_is_told_in_a_line() {
        let account = |enrolled_at: Option<u64>, spent| Account {
            login: "hanako".to_owned(),
            name: "佐藤 花子".to_owned(),
            role: Role::Editor,
            enrolled_at: enrolled_at.map(Timestamp),
            recovery_codes_left: 9,
            spent,
        };
        assert_eq!(
            line(&account(None, false)),
            "hanako (佐藤 花子): no second factor"
        );
        assert_eq!(
            line(&account(Some(1_795_478_400_000), false)),
            "hanako (佐藤 花子): since 2026-11-24, 9 recovery codes left"
        );
        assert_eq!(
            line(&account(Some(1), true)),
            "hanako (佐藤 花子): too many wrong codes: yagura cms second-factor reset hanako"
        );
    }
}
