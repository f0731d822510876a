//! The drill: a restore that is rehearsed, from the place that would be left, as proof that it works.
//!
//! The newest generation and an older one are restored into scratch and compared with their records;
//! a dump of PostgreSQL is loaded into a server for it, so that its rows are compared too; the newest
//! is then served by a CMS of its own, on its own sockets and without edges, and pages of
//! it are compared with those that the town's CMS answers now. A page that was changed since the
//! generation was taken is no evidence, and is left out. `drill/report.rs` writes what was found.

mod pages;
mod report;

use pages::Served;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use yagura_config::settings::CmsSettings;
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::engine::{Generation, Part};
use super::error::BackupError;
use super::postgres::{Scratch, Server};
use super::restore::{Restored, chosen, holds_database};
use super::status::replace;
use super::take::sqlite;
use super::vault::Vault;

/// Pages that are compared.
pub(crate) const PAGES: usize = 100;
/// The newest drill in short, beside the reports.
const LATEST: &str = "latest.json";
/// Between two drills another older generation is taken, by this many seconds.
const TURN_S: u64 = 86_400;

/// One step, as it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was done.
    pub what: String,
    /// Whether it went as it must.
    pub passed: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What was seen.
    pub seen: Vec<String>,
}

/// A drill, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// When it began.
    pub at: Timestamp,
    /// From where was restored.
    pub target: String,
    /// Whether every step went as it must.
    pub passed: bool,
    /// From nothing to a town that answers, in milliseconds: the newest generation alone.
    pub recovery_ms: u64,
    /// The instant whose state was restored.
    pub restored_as_of: Option<Timestamp>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A drill in short, for the status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillSummary {
    /// When it began.
    pub at: Timestamp,
    /// From where.
    pub target: String,
    /// Whether it succeeded.
    pub passed: bool,
    /// From nothing to a town that answers.
    pub recovery_ms: u64,
    /// What failed first.
    pub failure: Option<String>,
    /// The report, as HTML; beside it lies the same as JSON.
    pub report: PathBuf,
}

impl DrillSummary {
    /// The newest one, whoever asked for it.
    pub(crate) fn latest(data: &Path) -> Option<Self> {
        let bytes = fs::read(data.join("drills").join(LATEST)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub(crate) fn write(&self, data: &Path) -> Result<(), BackupError> {
        let folder = data.join("drills");
        fs::create_dir_all(&folder).map_err(BackupError::at(&folder))?;
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        replace(&folder.join(LATEST), &json)
    }
}

/// The drill, and what it needs beside the vault.
pub(crate) struct Rehearsal<'a> {
    pub(crate) vault: &'a Vault,
    /// Where the town's CMS answers; without one, no pages are compared.
    pub(crate) cms: Option<&'a CmsSettings>,
    /// The target that would be left; the last of the configuration by default.
    pub(crate) target: Option<String>,
    pub(crate) now: Timestamp,
}

impl Rehearsal<'_> {
    /// Does all of it and writes the report; that a step fails is a result and no error.
    pub(crate) fn run(&self) -> Result<DrillSummary, BackupError> {
        let last = self.vault.names().last().map(|name| (*name).to_owned());
        let target = self.target.clone().or(last).unwrap_or_default();
        let data = &self.vault.settings.data;
        let scratch = data.join("drill-scratch");
        remove(&scratch)?;
        let mut steps = Vec::new();
        let (recovery_ms, restored_as_of) = self.steps(&target, &scratch, &mut steps);
        remove(&scratch)?;
        let drill = Drill {
            at: self.now,
            passed: steps.iter().all(|step| step.passed),
            target,
            recovery_ms,
            restored_as_of,
            steps,
        };
        let summary = report::write(&data.join("drills"), &drill)?;
        summary.write(data)?;
        Ok(summary)
    }

    fn steps(
        &self,
        target: &str,
        scratch: &Path,
        steps: &mut Vec<Step>,
    ) -> (u64, Option<Timestamp>) {
        let began = monotonic();
        let listed = Part::ALL.map(|part| self.vault.generations(Some(target), part));
        let [databases, files] = match listed {
            [Ok(databases), Ok(files)] => [databases, files],
            [databases, files] => {
                let failures = [databases.err(), files.err()];
                let failures = failures.iter().flatten().map(ToString::to_string);
                steps.push(step(
                    "list the generations",
                    began,
                    failures.collect(),
                    false,
                ));
                return (0, None);
            }
        };
        let dumps: Vec<Generation> = files
            .iter()
            .filter(|it| holds_database(it))
            .cloned()
            .collect();
        // A PostgreSQL database lies in the generations of files.
        let with_rows = if databases.is_empty() {
            &dumps
        } else {
            &databases
        };
        let mut server = (!dumps.is_empty() && sqlite(&self.vault.settings).is_none())
            .then(|| self.server(steps))
            .flatten();
        let mut rounds = vec![("newest", self.now)];
        if let Some(older) = older(with_rows, self.now) {
            rounds.push(("older", older.at));
        }
        let mut recovery_ms = 0;
        let mut as_of = None;
        for (name, at) in rounds {
            let (database, files) = chosen(&databases, &files, at);
            let Some(newest) = database.or(files) else {
                steps.push(step(
                    "find a generation",
                    began,
                    vec!["there is none".to_owned()],
                    false,
                ));
                continue;
            };
            let folder = scratch.join(name);
            let loaded = match &mut server {
                Some(server) => self.empty(server, name, steps),
                None => None,
            };
            for generation in [database, files].into_iter().flatten() {
                steps.push(self.restore(target, generation, &folder, loaded.as_ref(), name));
            }
            if name == "newest" {
                as_of = Some(newest.at);
                if let Some(cms) = self.cms {
                    steps.push(pages::compare(cms, &folder, self.served(loaded), PAGES));
                }
                recovery_ms = millis(began);
            }
        }
        (recovery_ms, as_of)
    }

    /// A server for the dumps.
    fn server(&self, steps: &mut Vec<Step>) -> Option<Scratch> {
        let began = monotonic();
        let what = "find a PostgreSQL server to load dumps into";
        let opened = Scratch::open(&self.vault.settings, self.now)
            .and_then(|scratch| Ok((scratch.told()?, scratch)));
        match opened {
            Ok((told, scratch)) => {
                steps.push(step(what, began, vec![told], true));
                Some(scratch)
            }
            Err(error) => {
                steps.push(step(what, began, vec![error.to_string()], false));
                None
            }
        }
    }

    /// An empty database on it.
    fn empty(&self, server: &mut Scratch, name: &str, steps: &mut Vec<Step>) -> Option<Server> {
        let began = monotonic();
        match server.make(name) {
            Ok(database) => Some(database),
            Err(error) => {
                let seen = vec![error.to_string()];
                steps.push(step("make a database to load into", began, seen, false));
                None
            }
        }
    }

    fn served(&self, loaded: Option<Server>) -> Served {
        match loaded {
            Some(loaded) => Served::Loaded {
                loaded,
                present: Server::of(&self.vault.settings),
            },
            None => Served::File,
        }
    }

    fn restore(
        &self,
        target: &str,
        generation: &Generation,
        folder: &Path,
        loaded: Option<&Server>,
        name: &str,
    ) -> Step {
        let part = generation.part.word();
        let what = format!(
            "restore the {name} generation of {part}, of {}",
            generation.at
        );
        let began = monotonic();
        let to = folder.join(part);
        let (vault, target, generation) = (self.vault, Some(target), generation.clone());
        let restored = match loaded {
            Some(server) => vault.restore_into(target, generation, &to, server, &|_, _| {}),
            None => vault.restore(target, generation, &to, &|_, _| {}),
        };
        match restored {
            Ok(restored) => {
                let compared = restored.rows_compared != Some(false);
                let passed = restored.differences.is_empty() && compared;
                step(&what, began, seen(&restored), passed)
            }
            Err(error) => step(&what, began, vec![error.to_string()], false),
        }
    }
}

fn seen(restored: &Restored) -> Vec<String> {
    let mut lines = vec![format!(
        "{} bytes in {} ms; compared in {} ms",
        restored.generation.bytes, restored.restored_ms, restored.compared_ms
    )];
    if let Ok(state) = restored.generation.state() {
        for table in state.database.iter().flat_map(|it| &it.tables) {
            lines.push(format!(
                "{}: {} rows, {}",
                table.name, table.rows, table.digest
            ));
        }
        if let Some(files) = state.all_files {
            lines.push(format!(
                "{} files, {} bytes, {}",
                files.count, files.bytes, files.digest
            ));
        }
    }
    if restored.differences.is_empty() {
        let told = match restored.rows_compared {
            Some(true) => "identical with its record; integrity and references are sound",
            Some(false) => {
                "every byte is as recorded, but the rows of the dump could not be compared"
            }
            None => "identical with its record",
        };
        lines.push(told.to_owned());
    }
    lines.extend(restored.differences.iter().cloned());
    lines
}

/// Not the newest; another one at each drill.
fn older(databases: &[Generation], now: Timestamp) -> Option<&Generation> {
    let (_newest, others) = databases.split_last()?;
    let count = u64::try_from(others.len())
        .ok()
        .filter(|count| *count > 0)?;
    let turn = (now.seconds() / TURN_S) % count;
    others.get(usize::try_from(turn).ok()?)
}

fn step(what: &str, began: std::time::Instant, seen: Vec<String>, passed: bool) -> Step {
    Step {
        what: what.to_owned(),
        passed,
        took_ms: millis(began),
        seen,
    }
}

fn millis(began: std::time::Instant) -> u64 {
    u64::try_from(monotonic().duration_since(began).as_millis()).unwrap_or(u64::MAX)
}

fn remove(folder: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::at(folder)(error))
        }
        _ => Ok(()),
    }
}
