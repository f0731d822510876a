//! The scheduler: takes generations at their time, carries them to the other targets, tidies, reads
//! packs by turns, rehearses restores, and says how it stands.
//!
//! Each target is a task of its own, and what blocks is done by a thread of its own: a place that
//! hangs keeps nobody else waiting, and not even the end of the process. What a target has missed it
//! gets when it is back, because a copy brings whatever it lacks.
//!
//! The first target reads the sources. The others copy from it, and read the sources themselves while
//! it fails.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use yagura_config::settings::{BackupSettings, CmsSettings, HookSettings};
use yagura_control::{Clock, Timestamp};

use super::announce::{self, Announcement};
use super::drill::{DrillSummary, Rehearsal};
use super::engine::Part;
use super::error::BackupError;
use super::pages;
use super::schedule::{self, Supply};
use super::status::{Standing, Status};
use super::take::{Taken, sqlite};
use super::vault::Vault;

/// Between two looks at what is due.
const BEAT: Duration = Duration::from_secs(1);

/// What the scheduler is told at its start.
pub struct Schedule {
    /// `[backup]`.
    pub settings: BackupSettings,
    /// `[cms]`, whose pages a drill compares.
    pub cms: Option<CmsSettings>,
    /// `[[hook]]`.
    pub hooks: Vec<HookSettings>,
}

struct Desk {
    vault: Vault,
    cms: Option<CmsSettings>,
    hooks: Vec<HookSettings>,
    clock: Arc<dyn Clock>,
    status: Mutex<Status>,
    /// The first target failed last time: the others read the sources.
    first_fails: AtomicBool,
    started: Timestamp,
    /// Counts what the first target did, so that the others hear of it.
    done: watch::Sender<u64>,
}

/// Runs until it is dropped.
///
/// # Errors
/// The password or the folder of the state cannot be used.
pub async fn run(schedule: Schedule, clock: Arc<dyn Clock>) -> Result<(), BackupError> {
    let data = schedule.settings.data.clone();
    let vault = Vault::open(schedule.settings)?;
    let names: Vec<String> = vault.names().into_iter().map(str::to_owned).collect();
    let mut status = Status::read(&data).unwrap_or_default();
    status.targets.retain(|name, _| names.contains(name));
    let started = *status.since.get_or_insert(clock.now());
    let desk = Arc::new(Desk {
        vault,
        cms: schedule.cms,
        hooks: schedule.hooks,
        status: Mutex::new(status),
        first_fails: AtomicBool::new(false),
        started,
        done: watch::Sender::new(0),
        clock,
    });
    let mut tasks = JoinSet::new();
    for (index, name) in names.iter().enumerate() {
        tasks.spawn(keep(desk.clone(), name.clone(), index == 0));
        tasks.spawn(look_after(desk.clone(), name.clone()));
    }
    tasks.spawn(rehearse(desk.clone()));
    tasks.spawn(watch_age(desk));
    tracing::info!(targets = names.len(), "backups are made");
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Something that blocks, in a thread that the end of the process does not wait for.
async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (give, take) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new()
        .name("backup".to_owned())
        .spawn(move || {
            let _around = runtime.enter();
            let _nobody_may_wait = give.send(act());
        });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread for a backup");
        return None;
    }
    take.await.ok()
}

/// What one act on a repository came to.
struct Outcome {
    as_of: Option<Timestamp>,
    new: u64,
}

impl Desk {
    fn note(&self, target: &str, part: Part, change: impl FnOnce(&mut Standing)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        change(status.standing(target, part.word()));
        self.write(&mut status);
    }

    fn write(&self, status: &mut Status) {
        status.at = self.clock.now();
        status.drill = DrillSummary::latest(&self.vault.settings.data).or(status.drill.take());
        if let Err(error) = status.write(&self.vault.settings.data) {
            tracing::error!(%error, "the backups' status could not be written");
        }
    }

    fn standing(&self, target: &str, part: Part) -> Standing {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.standing(target, part.word()).clone()
    }

    fn concluded(&self, target: &str, part: Part, outcome: Result<Outcome, String>) -> bool {
        let now = self.clock.now();
        match outcome {
            Ok(outcome) => {
                self.note(target, part, |it| {
                    it.succeeded(now, outcome.as_of, outcome.new)
                });
                true
            }
            Err(why) => {
                tracing::warn!(target, part = part.word(), %why, "a backup failed");
                self.note(target, part, |it| it.failed(now, why));
                false
            }
        }
    }

    fn every(&self, part: Part) -> Duration {
        let settings = &self.vault.settings;
        let size = sqlite(settings).and_then(|path| path.metadata().ok());
        schedule::every(settings, part, size.map(|it| it.len()))
    }

    fn tell(&self, kind: &'static str, place: (&str, &str), words: String) {
        tracing::error!(kind, target = place.0, repository = place.1, %words, "BACKUPS NEED A PERSON");
        let announcement = Announcement::new(kind, self.clock.now(), place, words);
        announce::tell(&self.hooks, &announcement);
    }
}

fn told<T>(result: Option<Result<T, BackupError>>) -> Result<T, String> {
    match result {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the thread ended without a word".to_owned()),
    }
}

/// Reads the sources into a target.
async fn take(desk: &Arc<Desk>, target: &str, part: Part) -> Result<Outcome, String> {
    let (held, name) = (desk.clone(), target.to_owned());
    let at = desk.clock.now();
    let taken = blocking(move || held.vault.take(&name, part, at, false)).await;
    Ok(match told(taken)? {
        Taken::New(_) => Outcome {
            as_of: Some(at),
            new: 1,
        },
        Taken::Unchanged(_) => Outcome {
            as_of: Some(at),
            new: 0,
        },
        Taken::Nothing => Outcome {
            as_of: None,
            new: 0,
        },
    })
}

/// Copies from the first target what this one lacks.
async fn copy(desk: &Arc<Desk>, target: &str, part: Part) -> Result<Outcome, String> {
    let first = desk
        .vault
        .names()
        .first()
        .map(|it| (*it).to_owned())
        .unwrap_or_default();
    // Asked before: what the first gets meanwhile may not be in the copy.
    let as_of = desk.standing(&first, part).restorable_as_of;
    let (held, name) = (desk.clone(), target.to_owned());
    let now = desk.clock.now();
    let copied = blocking(move || held.vault.copy(&name, part, now, false)).await;
    let new = u64::try_from(told(copied)?).unwrap_or(u64::MAX);
    Ok(Outcome { as_of, new })
}

/// Keeps one target supplied.
async fn keep(desk: Arc<Desk>, target: String, first: bool) {
    let mut heard = desk.done.subscribe();
    let mut supply = Supply::default();
    let mut changes = Changes::default();
    loop {
        let mut failed = false;
        let direct = first || desk.first_fails.load(Ordering::Acquire);
        for part in Part::ALL {
            let now = desk.clock.now();
            if direct && !supply.is_due(part, desk.every(part), now) {
                continue;
            }
            let seen = if direct {
                changes.look(&desk, part).await
            } else {
                None
            };
            let outcome = if direct && seen.as_ref().is_some_and(|seen| seen.unchanged) {
                let as_of = Some(now);
                Ok(Outcome { as_of, new: 0 })
            } else if direct {
                take(&desk, &target, part).await
            } else {
                copy(&desk, &target, part).await
            };
            let well = desk.concluded(&target, part, outcome);
            if well {
                supply.given(part, now);
                changes.remember(part, seen);
            }
            failed |= !well;
        }
        if first {
            desk.first_fails.store(failed, Ordering::Release);
            desk.done.send_modify(|count| *count += 1);
        }
        if let Some(pause) = supply.ended(failed) {
            tokio::time::sleep(pause).await;
            continue;
        }
        if direct {
            tokio::time::sleep(BEAT).await;
        } else {
            let _the_desk_holds_the_sender = heard.changed().await;
        }
    }
}

/// Whether the database changed since it was kept last.
#[derive(Default)]
struct Changes {
    kept: Option<String>,
}

struct Seen {
    signature: String,
    unchanged: bool,
}

impl Changes {
    async fn look(&self, desk: &Desk, part: Part) -> Option<Seen> {
        if part == Part::Files {
            return None;
        }
        let path = sqlite(&desk.vault.settings)?;
        let looked = blocking(move || pages::signature(&path)).await;
        let signature = looked?.ok()?;
        let unchanged = self.kept.as_ref() == Some(&signature);
        Some(Seen {
            signature,
            unchanged,
        })
    }

    fn remember(&mut self, part: Part, seen: Option<Seen>) {
        if part == Part::Database {
            self.kept = seen.map(|seen| seen.signature);
        }
    }
}

/// Forgets and prunes each day, and reads a part of the packs, so that each is read within a month.
async fn look_after(desk: Arc<Desk>, target: String) {
    let mut tried: HashMap<(Part, &str), Timestamp> = HashMap::new();
    loop {
        tokio::time::sleep(BEAT * 10).await;
        for part in Part::ALL {
            let standing = desk.standing(&target, part);
            let now = desk.clock.now();
            if standing.succeeded_at.is_none() {
                continue;
            }
            let last = tried.get(&(part, "tidy")).copied();
            if schedule::daily(standing.tidied_at, last, now) {
                tried.insert((part, "tidy"), now);
                tidy(&desk, &target, part, now).await;
            }
            let last = tried.get(&(part, "read")).copied().or(standing.checked_at);
            if let Some(share) = schedule::share(&standing.read, last, desk.started, now) {
                tried.insert((part, "read"), now);
                read(&desk, &target, part, share, now).await;
            }
        }
    }
}

async fn tidy(desk: &Arc<Desk>, target: &str, part: Part, now: Timestamp) {
    let (held, name) = (desk.clone(), target.to_owned());
    let tidied = blocking(move || {
        held.vault.tidy(&name, part, now)?;
        held.vault.size(&name, part)
    });
    match told(tidied.await) {
        Ok(bytes) => desk.note(target, part, |it| {
            it.bytes = Some(bytes);
            it.tidied_at = Some(now);
        }),
        Err(why) => tracing::warn!(target, part = part.word(), %why, "tidying failed"),
    }
}

async fn read(desk: &Arc<Desk>, target: &str, part: Part, share: u32, now: Timestamp) {
    let (held, name) = (desk.clone(), target.to_owned());
    let reading = schedule::reading(share);
    let checked = blocking(move || held.vault.check(Some(&name), part, reading));
    match told(checked.await) {
        Ok(faults) => desk.note(target, part, |it| {
            it.faults = faults;
            it.checked_at = Some(now);
            it.read.insert(share, now);
        }),
        Err(why) => tracing::warn!(target, part = part.word(), %why, "a check failed"),
    }
}

/// Rehearses a restore at its time. The first comes one interval after the first start.
async fn rehearse(desk: Arc<Desk>) {
    let mut tried = None;
    loop {
        tokio::time::sleep(BEAT).await;
        let now = desk.clock.now();
        let settings = &desk.vault.settings;
        let last = DrillSummary::latest(&settings.data).map(|drill| (drill.at, drill.passed));
        if !schedule::drill(last, tried, desk.started, settings.drill_every, now) {
            continue;
        }
        tried = Some(now);
        let held = desk.clone();
        let drilled = blocking(move || {
            let rehearsal = Rehearsal {
                vault: &held.vault,
                cms: held.cms.as_ref(),
                target: None,
                now,
            };
            rehearsal.run()
        });
        let summary = told(drilled.await).unwrap_or_else(|why| DrillSummary {
            at: now,
            failure: Some(why),
            ..DrillSummary::default()
        });
        if let Err(error) = summary.write(&desk.vault.settings.data) {
            tracing::error!(%error, "a drill could not be written down");
        }
        if let Some(failure) = summary.failure.clone() {
            desk.tell("drill-failed", (&summary.target, ""), failure);
        }
        let mut status = desk.status.lock().unwrap_or_else(PoisonError::into_inner);
        desk.write(&mut status);
    }
}

/// The alarm: once when it begins, and once when it ends.
async fn watch_age(desk: Arc<Desk>) {
    let after = desk.vault.settings.alarm_after;
    let parts = |it: &Part| *it == Part::Files || sqlite(&desk.vault.settings).is_some();
    let parts: Vec<Part> = Part::ALL.into_iter().filter(parts).collect();
    loop {
        tokio::time::sleep(BEAT).await;
        let now = desk.clock.now();
        for target in desk.vault.names() {
            for part in parts.iter().copied() {
                let standing = desk.standing(target, part);
                let alarm = standing.alarm(now, desk.started, after);
                let place = (target, part.word());
                match (standing.alarm_since, alarm) {
                    (None, Some(words)) => {
                        desk.note(target, part, |it| it.alarm_since = Some(now));
                        desk.tell("backup-alarm", place, words);
                    }
                    (Some(since), None) => {
                        desk.note(target, part, |it| it.alarm_since = None);
                        desk.tell(
                            "backup-alarm-over",
                            place,
                            format!("it stood since {since}"),
                        );
                    }
                    _ => {}
                }
            }
        }
    }
}
