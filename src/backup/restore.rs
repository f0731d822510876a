//! `yagura backup restore`: into a folder, with progress and a comparison. `restore/in_place.rs`: in
//! place of the CMS's own database. `restore/order.rs`: who ordered that, in the edges' journals.

mod in_place;
mod order;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use yagura_control::clock::monotonic;
use yagura_control::{Clock, SystemClock, Timestamp, until};
use yagura_ops::backup::{Generation, Part, Restored, Server, Vault, chosen};

use super::arguments::RestoreArguments;
use super::words;
use crate::output;

/// Progress is told so often, in milliseconds.
const TOLD_EVERY_MS: u64 = 500;

pub(super) fn run(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let vault = super::vault_of(&arguments.edges.config)?;
    if arguments.mend {
        return in_place::mend(&vault, arguments);
    }
    let Some(folder) = &arguments.to else {
        return in_place::run(&vault, arguments);
    };
    let generations = meant(&vault, arguments)?;
    let server = arguments.into.as_ref();
    let server = server.map(|file| Server::from_file(file, vault.settings()));
    let server = server.transpose()?;
    let several = generations.len() > 1;
    let mut done = Vec::new();
    for generation in generations {
        let to = match several {
            true => folder.join(generation.part.word()),
            false => folder.clone(),
        };
        let told = Told::new();
        let progress = |done, of| told.progress(done, of);
        let from = arguments.from.as_deref();
        let restored = match &server {
            Some(server) => vault.restore_into(from, generation, &to, server, &progress)?,
            None => vault.restore(from, generation, &to, &progress)?,
        };
        if !arguments.edges.json {
            tell(&restored);
        }
        done.push(restored);
    }
    if arguments.edges.json {
        output::json(&done)?;
    }
    let differs = done.iter().any(|it| !it.differences.is_empty());
    Ok(ExitCode::from(u8::from(differs)))
}

/// One generation by its name, or those of an instant.
fn meant(vault: &Vault, arguments: &RestoreArguments) -> anyhow::Result<Vec<Generation>> {
    let from = arguments.from.as_deref();
    let now = SystemClock.now();
    let at = match (&arguments.at, arguments.generation.as_deref()) {
        (Some(at), _) => whole_second(until::past(at, now)?),
        (None, Some("latest") | None) => now,
        (None, Some(name)) => return Ok(vec![vault.generation(from, name)?]),
    };
    let databases = vault.generations(from, Part::Database);
    let files = vault.generations(from, Part::Files);
    let (databases, files) = (databases?, files.context("the files cannot be listed")?);
    let (database, files) = chosen(&databases, &files, at);
    let found: Vec<_> = [database, files].into_iter().flatten().cloned().collect();
    if database.is_none() && !databases.is_empty() || found.is_empty() {
        bail!(
            "there is no generation of {at} or before\n  `yagura backup list` shows those there are"
        );
    }
    Ok(found)
}

/// Generations are listed to the second: an instant that is given so means all of that second. One
/// that is given to the minute means its beginning.
fn whole_second(at: Timestamp) -> Timestamp {
    let given_to_the_second = at.0.is_multiple_of(1_000) && !at.0.is_multiple_of(60_000);
    Timestamp(at.0 + if given_to_the_second { 999 } else { 0 })
}

fn tell(restored: &Restored) {
    let generation = &restored.generation;
    let seconds = restored.restored_ms as f64 / 1_000.0;
    println!(
        "{} {} of {}: {} in {seconds:.1} s, at {}",
        generation.part.word(),
        words::name(generation),
        generation.at,
        output::bytes(generation.bytes),
        restored.to.display()
    );
    if restored.differences.is_empty() && restored.rows_compared == Some(false) {
        println!("  every byte is as recorded");
        println!("  the rows of the dump are compared in a server alone: --into FILE");
    } else if restored.differences.is_empty() {
        println!("  identical with its record");
    } else {
        println!("  DIFFERS from its record:");
        for difference in &restored.differences {
            println!("  - {difference}");
        }
    }
}

/// Bytes and time left, on a terminal.
struct Told {
    began: std::time::Instant,
    next_ms: AtomicU64,
    shown: bool,
}

impl Told {
    fn new() -> Self {
        Self {
            began: monotonic(),
            next_ms: AtomicU64::new(0),
            shown: std::io::stderr().is_terminal(),
        }
    }

    fn progress(&self, done: u64, of: u64) {
        let passed = monotonic().duration_since(self.began).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let whole = done >= of;
        if !self.shown || !whole && passed < self.next_ms.load(Ordering::Relaxed) {
            return;
        }
        self.next_ms
            .store(passed + TOLD_EVERY_MS, Ordering::Relaxed);
        let line = line(done, of, passed);
        let end = if whole { "\n" } else { "" };
        let _nobody_may_look = write!(std::io::stderr(), "\r{line}\x1b[K{end}");
    }
}

fn line(done: u64, of: u64, passed_ms: u64) -> String {
    let rate = done
        .saturating_mul(1_000)
        .checked_div(passed_ms)
        .unwrap_or(0);
    let left = of.saturating_sub(done).checked_div(rate);
    let left = left.map_or_else(|| "?".to_owned(), output::span);
    format!(
        "{} of {}, {} a second, {left} left",
        output::bytes(done),
        output::bytes(of),
        output::bytes(rate)
    )
}

#[cfg(test)]
mod tests {
    use yagura_control::Timestamp;

    use super::{line, whole_second};

    #[test]
    fn an_instant_as_it_is_listed_finds_its_generation() {
        for (given, meant) in [
            (1_795_410_187_000, 1_795_410_187_999),
            (1_795_410_187_001, 1_795_410_187_001),
            (1_795_410_180_000, 1_795_410_180_000),
        ] {
            assert_eq!(whole_second(Timestamp(given)), Timestamp(meant));
        }
    }

    #[test]
    fn the_time_left_is_told() {
        let told = line(100 << 20, 300 << 20, 10_000);
        assert_eq!(told, "100 MiB of 300 MiB, 10 MiB a second, 20 s left");
        assert!(line(0, 10, 0).ends_with("? left"));
    }
}
