//! `yagura backup restore --in-place`: the CMS's own database becomes the one of a generation; and
//! `--mend`, when that was broken off.

use std::process::ExitCode;

use anyhow::bail;
use yagura_control::{Clock, SystemClock};
use yagura_ops::backup::{Generation, InPlace, Mended, Part, Replaced, Vault};

use super::super::words;
use super::Told;
use super::order::{self, Asked};
use crate::backup::arguments::RestoreArguments;
use crate::output;

/// It waits for a second person.
const WAITS: u8 = 3;

pub(super) fn run(vault: &Vault, arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    match vault.mend()? {
        None => {}
        Some(Mended::Swept(plan)) => eprintln!(
            "the restore in place of {} had been broken off before anything was replaced; swept away",
            plan.at
        ),
        // What was wanted then is in place now; whether it is what is wanted today, a person says.
        Some(Mended::Finished(replaced)) => {
            finished(&replaced, arguments)?;
            bail!("nothing else was done\n  give the order again if another state is wanted");
        }
    }
    let (wanted, ordered) = match &arguments.request {
        Some(request) => order::approved(vault, request, arguments)?,
        None => {
            let reason = arguments.reason.clone().unwrap_or_default();
            let wanted = wanted(super::meant(vault, arguments)?, arguments, reason)?;
            match order::asked(vault, &wanted, arguments)? {
                Asked::Go(ordered) => (wanted, ordered),
                Asked::Wait => return Ok(ExitCode::from(WAITS)),
            }
        }
    };
    let by = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    let order = InPlace {
        target: wanted.target.as_deref(),
        database: wanted.database.clone(),
        files: wanted.files.clone(),
        by: by.unwrap_or_else(|_| "unknown".to_owned()),
        reason: wanted.reason.clone(),
        order: ordered,
    };
    let told = Told::new();
    let progress = |done, of| told.progress(done, of);
    match vault.restore_in_place(order, SystemClock.now(), &progress) {
        Ok(replaced) => {
            order::ended(&wanted, Some(&replaced), arguments);
            tell(&replaced, arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            // After the swap it is not known yet how it ends: `--mend` says.
            if vault.broken_off()?.is_none() {
                order::ended(&wanted, None, arguments);
            }
            Err(error.into())
        }
    }
}

/// What is to be in place.
pub(super) struct Wanted {
    /// From where; none: the first target.
    pub(super) target: Option<String>,
    pub(super) database: Generation,
    /// Whose media are added, where those are in another generation.
    pub(super) files: Option<Generation>,
    pub(super) reason: String,
}

impl Wanted {
    /// Of a restore that was broken off: from where is known no longer.
    fn of_before(database: &Generation, reason: &str) -> Self {
        Self {
            target: None,
            database: database.clone(),
            files: None,
            reason: reason.to_owned(),
        }
    }
}

fn wanted(
    generations: Vec<Generation>,
    arguments: &RestoreArguments,
    reason: String,
) -> anyhow::Result<Wanted> {
    let find = |part| generations.iter().find(|it| it.part == part).cloned();
    let (database, files) = match (find(Part::Database), find(Part::Files)) {
        (Some(database), files) => (database, files),
        // The dump of a PostgreSQL database lies with the files.
        (None, Some(files)) if files.state()?.database.is_some() => (files, None),
        _ => bail!("this generation holds no database\n  name one that does, or --at"),
    };
    let target = arguments.from.clone();
    Ok(Wanted {
        target,
        database,
        files,
        reason,
    })
}

/// Goes on where a restore was killed.
pub(super) fn mend(vault: &Vault, arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    match vault.mend()? {
        None => println!("no restore in place was broken off"),
        Some(Mended::Swept(plan)) => {
            let wanted = Wanted::of_before(&plan.restored, &plan.reason);
            order::ended(&wanted, None, arguments);
            println!(
                "the restore in place of {} had been broken off before anything was replaced",
                plan.at
            );
            println!("  the database is the one of before; what had been begun is swept away");
        }
        Some(Mended::Finished(replaced)) => finished(&replaced, arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn finished(replaced: &Replaced, arguments: &RestoreArguments) -> anyhow::Result<()> {
    let wanted = Wanted::of_before(&replaced.restored, &replaced.reason);
    order::ended(&wanted, Some(replaced), arguments);
    if !arguments.edges.json {
        println!(
            "the restore in place of {} had been broken off after the swap; it is finished now",
            replaced.at
        );
    }
    tell(replaced, arguments)
}

fn tell(replaced: &Replaced, arguments: &RestoreArguments) -> anyhow::Result<()> {
    if arguments.edges.json {
        return output::json(replaced);
    }
    println!(
        "restored in place: the database of {}, identical with its record",
        replaced.restored.at
    );
    println!(
        "  media that had been lost and are there again: {}",
        replaced.media_added
    );
    match &replaced.before {
        Some(before) => println!(
            "  the way back: yagura backup restore {} --in-place --reason ...",
            words::name(before)
        ),
        None => println!("  the state before could not be kept as a generation"),
    }
    if let (Some(kept), Some(by_hand)) = (&replaced.kept, &replaced.by_hand) {
        println!("  the state before is {kept} too; back by hand, with the CMS stopped:");
        println!("    {by_hand}");
        println!("  remove it when the restore has proved right");
    }
    match replaced.order.recorded.as_slice() {
        [] => println!(
            "  NOTE: no edge has it in its journal; restores.jsonl alone keeps who and why"
        ),
        edges => println!("  in the journal of {}", edges.join(", ")),
    }
    for note in &replaced.notes {
        println!("  NOTE: {note}");
    }
    println!("  start the CMS, then make the edges ask it anew: docs/operations/backups.md");
    Ok(())
}
