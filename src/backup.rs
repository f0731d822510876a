//! `yagura backup`: generations of everything, and the way back.
//!
//! - `restore.rs`: into a folder. `words.rs`: how generations are told.
//!
//! Everything here works with the operations desk running, and without it; a lock a repository keeps
//! the two apart.

pub(crate) mod arguments;
mod restore;
mod words;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;
use yagura_control::{Clock, SystemClock};
use yagura_ops::backup::{
    BackupError, Generation, Part, Plan, Pruned, Reading, Reason, Status, Taken, Vault,
};

use crate::backup::arguments::{
    BackupCommand, CheckArguments, ConfigArguments, DrillArguments, ListArguments, NowArguments,
    ShowArguments, TidyArguments,
};
use crate::{configuration, output};

pub(crate) fn run(command: &BackupCommand) -> anyhow::Result<ExitCode> {
    // Places behind a network are asked on it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let _around = runtime.enter();
    match command {
        BackupCommand::Now(arguments) => now(arguments),
        BackupCommand::List(arguments) => list(arguments),
        BackupCommand::Show(arguments) => show(arguments),
        BackupCommand::Check(arguments) => check(arguments),
        BackupCommand::Restore(arguments) => restore::run(arguments),
        BackupCommand::Tidy(arguments) => tidy(arguments),
        BackupCommand::Status(arguments) => status(arguments),
        BackupCommand::Drill(arguments) => drill(arguments),
    }
}

fn vault(arguments: &ConfigArguments) -> anyhow::Result<Vault> {
    vault_of(&arguments.config)
}

fn vault_of(config: &Path) -> anyhow::Result<Vault> {
    let settings = configuration::read(config)?.backup;
    let settings = configuration::part(settings, "backup", config)?;
    Vault::open(settings).context("the backup cannot be used")
}

/// The targets that are meant: one, or all.
fn meant(vault: &Vault, target: Option<&String>) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = vault.names().into_iter().map(str::to_owned).collect();
    match target {
        None => Ok(names),
        Some(target) if names.contains(target) => Ok(vec![target.clone()]),
        Some(target) => Err(BackupError::NoTarget(target.clone()).into()),
    }
}

/// What became of one repository.
#[derive(Serialize)]
struct Done<T> {
    target: String,
    part: Part,
    #[serde(flatten)]
    outcome: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Does something with each repository that is meant; a failure of one keeps none of the others from
/// being tried.
fn each<T>(
    targets: &[String],
    mut act: impl FnMut(&str, Part) -> Result<Option<T>, BackupError>,
) -> Vec<Done<T>> {
    let mut done = Vec::new();
    for target in targets {
        for part in Part::ALL {
            let (outcome, failure) = match act(target, part) {
                Ok(outcome) => (outcome, None),
                Err(error) => (None, Some(error.to_string())),
            };
            if outcome.is_some() || failure.is_some() {
                let target = target.clone();
                done.push(Done {
                    target,
                    part,
                    outcome,
                    failure,
                });
            }
        }
    }
    done
}

fn ended<T: Serialize>(
    done: &[Done<T>],
    json: bool,
    told: impl Fn(&T) -> String,
    failed: impl Fn(&T) -> bool,
) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&done)?;
    } else {
        for it in done {
            let words = match (&it.outcome, &it.failure) {
                (Some(outcome), _) => told(outcome),
                (None, failure) => format!("FAILED: {}", failure.as_deref().unwrap_or_default()),
            };
            println!("{} {}: {words}", it.target, it.part.word());
        }
    }
    let bad = |it: &Done<T>| it.failure.is_some() || it.outcome.as_ref().is_some_and(&failed);
    Ok(ExitCode::from(u8::from(done.iter().any(bad))))
}

/// What a `now` did.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case", tag = "did")]
enum Kept {
    New { generation: Generation },
    Unchanged { generation: Generation },
    Copied { generations: usize },
}

fn now(arguments: &NowArguments) -> anyhow::Result<ExitCode> {
    let vault = vault(&arguments.config)?;
    let targets = meant(&vault, arguments.target.as_ref())?;
    let alone = arguments.target.is_some();
    let first = targets.first().cloned().unwrap_or_default();
    let at = SystemClock.now();
    let new = arguments.new_repository;
    let mut failed = Vec::new();
    let done = each(&targets, |target, part| {
        // Where the first target failed, the others read the sources themselves.
        if alone || target == first || failed.contains(&part) {
            let taken = vault.take(target, part, at, new);
            if taken.is_err() {
                failed.push(part);
            }
            return Ok(match taken? {
                Taken::New(generation) => Some(Kept::New { generation }),
                Taken::Unchanged(generation) => Some(Kept::Unchanged { generation }),
                Taken::Nothing => None,
            });
        }
        let generations = vault.copy(target, part, at, new)?;
        Ok(Some(Kept::Copied { generations }))
    });
    let told = |kept: &Kept| match kept {
        Kept::New { generation } => words::generation(generation),
        Kept::Unchanged { generation } => format!("unchanged since {}", generation.at),
        Kept::Copied { generations } => format!("{generations} copied"),
    };
    ended(&done, arguments.config.json, told, |_| false)
}

#[derive(Serialize)]
struct Listed {
    generations: Vec<Generation>,
}

fn list(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let vault = vault(&arguments.config)?;
    let targets = meant(&vault, arguments.target.as_ref())?;
    let done = each(&targets, |target, part| {
        let generations = vault.generations(Some(target), part)?;
        Ok(Some(Listed { generations }))
    });
    let told = |listed: &Listed| {
        let mut lines = format!("{} generations", listed.generations.len());
        for generation in &listed.generations {
            lines.push_str("\n  ");
            lines.push_str(&words::generation(generation));
        }
        lines
    };
    ended(&done, arguments.config.json, told, |_| false)
}

fn show(arguments: &ShowArguments) -> anyhow::Result<ExitCode> {
    let vault = vault(&arguments.config)?;
    let generation = vault.generation(arguments.from.as_deref(), &arguments.generation)?;
    let state = generation.state()?;
    if arguments.config.json {
        #[derive(Serialize)]
        struct Shown<'a, S> {
            generation: &'a Generation,
            state: S,
        }
        let generation = &generation;
        output::json(&Shown { generation, state })?;
    } else {
        println!("{}", words::generation(&generation));
        print!("{}", words::state(&state));
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Looked {
    faults: Vec<String>,
}

fn check(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let vault = vault(&arguments.config)?;
    let targets = meant(&vault, arguments.target.as_ref())?;
    let reading = if arguments.read_data {
        Reading::All
    } else {
        Reading::Nothing
    };
    let done = each(&targets, |target, part| {
        let faults = vault.check(Some(target), part, reading)?;
        Ok(Some(Looked { faults }))
    });
    let told = |looked: &Looked| match (looked.faults.as_slice(), arguments.read_data) {
        ([], true) => "sound, every byte was read".to_owned(),
        ([], false) => "sound; --read-data reads every byte too".to_owned(),
        (faults, _) => format!("DAMAGED\n  {}", faults.join("\n  ")),
    };
    ended(&done, arguments.config.json, told, |looked| {
        !looked.faults.is_empty()
    })
}

#[derive(Serialize)]
struct Tidied {
    kept: Vec<(Generation, Vec<Reason>)>,
    goes: Vec<Generation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<Pruned>,
}

fn tidy(arguments: &TidyArguments) -> anyhow::Result<ExitCode> {
    let vault = vault(&arguments.config)?;
    let targets = meant(&vault, arguments.target.as_ref())?;
    let at = SystemClock.now();
    let done = each(&targets, |target, part| {
        let plan = vault.plan(target, part, at)?;
        let (goes, kept): (Vec<_>, Vec<_>) = plan.into_iter().partition(|(_, why)| why.is_empty());
        let goes = goes.into_iter().map(|(generation, _)| generation).collect();
        let pruned = if arguments.dry_run {
            None
        } else {
            vault.tidy(target, part, at)?
        };
        Ok(Some(Tidied { kept, goes, pruned }))
    });
    let told = |tidied: &Tidied| {
        words::tidied(&tidied.kept, &tidied.goes, tidied.pruned, arguments.dry_run)
    };
    ended(&done, arguments.config.json, told, |_| false)
}

fn status(arguments: &ConfigArguments) -> anyhow::Result<ExitCode> {
    let settings = configuration::read(&arguments.config)?.backup;
    let settings = configuration::part(settings, "backup", &arguments.config)?;
    let status = Status::read(&settings.data)?;
    if arguments.json {
        output::json(&status)?;
    } else {
        print!("{}", words::status(&status, SystemClock.now()));
    }
    if let Some(plan) = Plan::read(&settings.data)? {
        eprintln!("{}", words::broken_off(&plan));
    }
    let mut standings = status.targets.values().flat_map(|parts| parts.values());
    let alarm = standings.any(|it| it.alarm_since.is_some());
    let failed = status.drill.is_some_and(|drill| !drill.passed);
    Ok(ExitCode::from(u8::from(alarm || failed)))
}

/// For `yagura status`: the same, where backups are made by what this file says.
pub(crate) fn tell_standing(config: &Path) {
    let Ok(settings) = configuration::read(config) else {
        return;
    };
    let Some(data) = settings.backup.map(|backup| backup.data) else {
        return;
    };
    if let Ok(Some(plan)) = Plan::read(&data) {
        println!("backup {}", words::broken_off(&plan));
    }
    if let Ok(status) = Status::read(&data) {
        for line in words::status(&status, SystemClock.now()).lines() {
            println!("backup {line}");
        }
    }
}

fn drill(arguments: &DrillArguments) -> anyhow::Result<ExitCode> {
    let vault = vault(&arguments.config)?;
    let cms = configuration::read(&arguments.config.config)?.cms;
    let from = arguments.from.clone();
    if let Some(target) = &from {
        meant(&vault, Some(target))?;
    }
    let summary = vault.drill(from, cms.as_ref(), SystemClock.now())?;
    if arguments.config.json {
        output::json(&summary)?;
    } else {
        println!("{}", words::drill(&summary));
    }
    Ok(ExitCode::from(u8::from(!summary.passed)))
}
