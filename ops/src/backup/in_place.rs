//! A restore in place: the CMS's own database becomes what it was.
//!
//! In this order, so that every step has a way back: nobody else has the database open; the present
//! state is kept as a generation; the wanted one is restored beside it and compared with its record;
//! its change feed begins anew, so that edges fetch all of it; the two change names at once; and it is
//! looked through again. Media are named by their content and are only added: what the present state
//! has more is no harm, and the way back needs it. What was done is written to `restores.jsonl`.
//!
//! There is one database under the name at any time, the one or the other. `in_place/plan.rs` writes
//! down how far it came; the next run finishes a restore that was killed after the swap, and sweeps
//! one that was killed before. `in_place/sqlite.rs`, `in_place/postgres.rs`: what is particular.

mod plan;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;

use super::engine::{Generation, Part, Progress};
use super::error::BackupError;
use super::lock::Lock;
use super::restore::{self, Restored};
use super::take::{Taken, sqlite};
use super::target::Target;
use super::vault::Vault;
pub use plan::{Plan, Stage};

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Replaced {
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// Their reason.
    pub reason: String,
    /// Where it was recorded as an order, and for which request.
    #[serde(default)]
    pub order: Ordered,
    /// The generation that is in place now.
    pub restored: Generation,
    /// The way back: the state before, as a generation of the first target. None where there was no
    /// database that could be read.
    pub before: Option<Generation>,
    /// The database as it was: a file, or a database of the server.
    pub kept: Option<String>,
    /// The way back by hand, for a shell or for `psql`.
    pub by_hand: Option<String>,
    /// Media that had been lost and are there again.
    pub media_added: usize,
    /// What is left to be done.
    pub notes: Vec<String>,
}

/// What became of a restore in place that was broken off.
#[derive(Clone, Debug)]
pub enum Mended {
    /// It was killed before the swap: nothing was replaced, and what it had begun is swept away.
    Swept(Box<Plan>),
    /// It was killed after the swap: it was looked through and written down now.
    Finished(Box<Replaced>),
}

/// What is wanted.
pub struct InPlace<'a> {
    /// From where; the first target by default.
    pub target: Option<&'a str>,
    /// The generation of the database: of files, where it is a PostgreSQL dump.
    pub database: Generation,
    /// The files' generation whose media are added; not needed where `database` is one of files.
    pub files: Option<Generation>,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Where it was recorded as an order, and for which request.
    pub order: Ordered,
}

/// What edges have in their journals of a restore in place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ordered {
    /// The edges that wrote it down before it began, with the order's number there. With none, the
    /// record in `restores.jsonl` is the only one.
    pub recorded: Vec<String>,
    /// The request that a second person approved, or that was carried out with break-glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// The CMS's database, of either kind, with the names that a restore gives to things beside it.
trait Database {
    /// Whether there is one.
    fn exists(&self) -> Result<bool, BackupError>;
    /// Nobody else uses it.
    fn alone(&self) -> Result<(), BackupError>;
    /// The folder of what is restored.
    fn beside(&self) -> &Path;
    /// The folder of restored media.
    fn media(&self) -> PathBuf;
    /// Restores beside the present one, and compares.
    fn restore(
        &self,
        from: &Target,
        wanted: Generation,
        progress: Progress<'_>,
    ) -> Result<Restored, BackupError>;
    /// Makes edges that follow the feed read everything anew.
    fn begin_another_feed(&self) -> Result<(), BackupError>;
    /// The restored one takes the name, and the present one another, both at once.
    fn swap(&self) -> Result<(), BackupError>;
    /// Whether the restored one still lies beside.
    fn is_beside(&self) -> Result<bool, BackupError>;
    /// What is wrong with the one that has the name.
    fn faults(&self) -> Result<Vec<String>, BackupError>;
    /// Takes the swap back.
    fn back(&self) -> Result<(), BackupError>;
    /// Removes what is beside, but never the state of before.
    fn sweep(&self, swapped: bool) -> Result<(), BackupError>;
    /// Where the database of before is.
    fn kept(&self) -> Result<Option<String>, BackupError>;
    /// How a person takes the swap back.
    fn by_hand(&self) -> String;
    /// What a person has to do besides.
    fn notes(&self) -> Result<Vec<String>, BackupError>;
}

/// How long others are waited for to let go of the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits a moment for whoever has the database: the desk may be taking a generation. False when it has
/// been long enough.
fn waited(began: Instant) -> bool {
    if monotonic().duration_since(began) > PATIENCE {
        return false;
    }
    std::thread::park_timeout(Duration::from_millis(100));
    true
}

/// A step was done; tests break off here.
type Watched<'a> = &'a dyn Fn(&str);

impl Vault {
    /// Restores in place. The CMS must be stopped.
    ///
    /// # Errors
    /// Something failed; the database is the one of before, unless the message says otherwise.
    pub fn restore_in_place(
        &self,
        wanted: InPlace<'_>,
        now: Timestamp,
        progress: Progress<'_>,
    ) -> Result<Replaced, BackupError> {
        self.restore_watched(wanted, now, progress, &|_| {})
    }

    pub(crate) fn restore_watched(
        &self,
        wanted: InPlace<'_>,
        now: Timestamp,
        progress: Progress<'_>,
        watched: Watched<'_>,
    ) -> Result<Replaced, BackupError> {
        let _one_at_a_time = self.in_place_lock()?;
        if let Some(plan) = self.broken_off()? {
            return Err(BackupError::BrokenOff {
                at: plan.at,
                reason: plan.reason,
            });
        }
        let data = &self.settings.data;
        let database = self.database(now)?;
        let mut plan = Plan {
            at: now,
            by: wanted.by.clone(),
            reason: wanted.reason.clone(),
            order: wanted.order.clone(),
            restored: wanted.database.clone(),
            before: None,
            media_added: 0,
            stage: Stage::Keeping,
        };
        plan.write(data)?;
        watched("planned");
        match self.steps(&*database, wanted, &mut plan, progress, watched) {
            Ok(()) => self.finish(&*database, plan, watched),
            Err(error) => {
                // After the swap the plan stays, and the next run goes on with it.
                if !plan.has_swapped(database.is_beside()?) {
                    database.sweep(false)?;
                    Plan::remove(data)?;
                }
                Err(error)
            }
        }
    }

    /// A restore in place that was broken off, if one was.
    ///
    /// # Errors
    /// What was written of it cannot be read.
    pub fn broken_off(&self) -> Result<Option<Plan>, BackupError> {
        Plan::read(&self.settings.data)
    }

    /// Finishes or sweeps away a restore in place that was broken off.
    ///
    /// # Errors
    /// The database failed, or the restored one is not sound; the message says what to do.
    pub fn mend(&self) -> Result<Option<Mended>, BackupError> {
        let _one_at_a_time = self.in_place_lock()?;
        let Some(plan) = self.broken_off()? else {
            return Ok(None);
        };
        let database = self.database(plan.at)?;
        if plan.has_swapped(database.is_beside()?) {
            let replaced = self.finish(&*database, plan, &|_| {})?;
            return Ok(Some(Mended::Finished(Box::new(replaced))));
        }
        database.sweep(false)?;
        Plan::remove(&self.settings.data)?;
        Ok(Some(Mended::Swept(Box::new(plan))))
    }

    /// Whether a restore in place was done for this request already.
    ///
    /// # Errors
    /// The record of restores cannot be read.
    pub fn was_restored_for(&self, request: &str) -> Result<bool, BackupError> {
        let path = self.settings.data.join("restores.jsonl");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            text => text.map_err(BackupError::at(&path))?,
        };
        let of = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
        Ok(text
            .lines()
            .filter_map(of)
            .any(|line| line.pointer("/order/request").and_then(|it| it.as_str()) == Some(request)))
    }

    fn in_place_lock(&self) -> Result<Lock, BackupError> {
        let path = Lock::path(&self.settings.data, "restore", "in-place");
        Lock::take(&path, Duration::ZERO)
    }

    fn database(&self, at: Timestamp) -> Result<Box<dyn Database>, BackupError> {
        Ok(match sqlite(&self.settings) {
            Some(path) => Box::new(sqlite::Sqlite::at(path, at)),
            None => Box::new(postgres::Postgres::at(&self.settings, at)?),
        })
    }

    fn steps(
        &self,
        database: &dyn Database,
        wanted: InPlace<'_>,
        plan: &mut Plan,
        progress: Progress<'_>,
        watched: Watched<'_>,
    ) -> Result<(), BackupError> {
        let data = &self.settings.data;
        self.of_this_kind(&wanted.database)?;
        if database.exists()? {
            database.alone()?;
            plan.before = self.keep(plan.at)?;
        }
        watched("kept");
        plan.stage = Stage::Restoring;
        plan.write(data)?;
        let from = self.target(wanted.target)?;
        identical(&database.restore(from, wanted.database, progress)?)?;
        watched("restored");
        if let Some(files) = wanted.files {
            let folder = database.beside().join("files");
            identical(&restore::restore(from, files, &folder, None, progress)?)?;
        }
        plan.media_added = self.add_media(&database.media())?;
        database.begin_another_feed()?;
        watched("prepared");
        plan.stage = Stage::Swapping;
        plan.write(data)?;
        watched("about to swap");
        if database.exists()? {
            // It took a while, and somebody may have started the CMS.
            database.alone()?;
        }
        database.swap()?;
        watched("swapped");
        Ok(())
    }

    /// After the swap.
    fn finish(
        &self,
        database: &dyn Database,
        plan: Plan,
        watched: Watched<'_>,
    ) -> Result<Replaced, BackupError> {
        let data = &self.settings.data;
        let kept = database.kept()?;
        let faults = database.faults()?;
        if let (Some(fault), Some(_)) = (faults.first(), &kept) {
            database.back()?;
            database.sweep(true)?;
            Plan::remove(data)?;
            return Err(BackupError::Program {
                program: "restore".to_owned(),
                why: format!("{fault}; the database of before is in place again"),
            });
        }
        let by_hand = kept.is_some().then(|| database.by_hand());
        let mut notes = database.notes()?;
        notes.extend(faults);
        let replaced = Replaced {
            at: plan.at,
            by: plan.by,
            reason: plan.reason,
            order: plan.order,
            restored: plan.restored,
            before: plan.before,
            kept,
            by_hand,
            media_added: plan.media_added,
            notes,
        };
        watched("verified");
        self.write_down(&replaced)?;
        watched("written down");
        database.sweep(true)?;
        Plan::remove(data)?;
        Ok(replaced)
    }

    fn of_this_kind(&self, wanted: &Generation) -> Result<(), BackupError> {
        let engine = wanted.state()?.database.map(|it| it.engine);
        let own = match sqlite(&self.settings) {
            Some(_) => "sqlite",
            None => "postgresql",
        };
        match engine {
            Some(engine) if engine == own => Ok(()),
            _ => Err(BackupError::NoGeneration {
                wanted: format!("with a database of {own}: {} holds none", wanted.id),
            }),
        }
    }

    /// The present state as a generation; none, where what is there can be read no more. It stays as
    /// it is, under another name.
    fn keep(&self, now: Timestamp) -> Result<Option<Generation>, BackupError> {
        let first = self.target(None)?.settings.name.clone();
        let part = match sqlite(&self.settings) {
            Some(_) => Part::Database,
            None => Part::Files,
        };
        match self.take(&first, part, now, false) {
            Ok(Taken::New(generation) | Taken::Unchanged(generation)) => Ok(Some(generation)),
            Ok(Taken::Nothing) => Ok(None),
            Err(BackupError::Database { path, why }) => {
                tracing::warn!("{} is not kept as a generation: {why}", path.display());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn add_media(&self, from: &Path) -> Result<usize, BackupError> {
        let media = &self.settings.media;
        fs::create_dir_all(media).map_err(BackupError::at(media))?;
        let Ok(entries) = fs::read_dir(from) else {
            return Ok(0);
        };
        let mut added = 0;
        for entry in entries {
            let entry = entry.map_err(BackupError::at(from))?;
            let to = media.join(entry.file_name());
            if to.exists() {
                continue;
            }
            // Under its name it is whole, or not there.
            let half = to.with_extension("half");
            fs::copy(entry.path(), &half).map_err(BackupError::at(&half))?;
            fs::rename(&half, &to).map_err(BackupError::at(&to))?;
            added += 1;
        }
        let synced = File::open(media).and_then(|folder| folder.sync_all());
        synced.map_err(BackupError::at(media))?;
        Ok(added)
    }

    fn write_down(&self, replaced: &Replaced) -> Result<(), BackupError> {
        let path = self.settings.data.join("restores.jsonl");
        // One that was killed when it had been written down is not written twice.
        let written = fs::read_to_string(&path).unwrap_or_default();
        let at = serde_json::to_value(replaced.at).unwrap_or_default();
        let is_this = |line: &str| {
            let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
            line.is_some_and(|line| line.get("at") == Some(&at))
        };
        if written.lines().any(is_this) {
            return Ok(());
        }
        let mut line = serde_json::to_vec(replaced).unwrap_or_default();
        line.push(b'\n');
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(&path)
            .map_err(BackupError::at(&path))?;
        let written = file.write_all(&line).and_then(|()| file.sync_all());
        written.map_err(BackupError::at(&path))
    }
}

fn identical(restored: &Restored) -> Result<(), BackupError> {
    match restored.differences.first() {
        None => Ok(()),
        Some(difference) => Err(BackupError::Record {
            generation: restored.generation.id.clone(),
            why: format!("{difference}; nothing was replaced"),
        }),
    }
}
