//! How the backups stand: what the scheduler writes down after each act, and the command reads.
//!
//! One file, `status.json`, replaced whole; beside it `metrics.prom` with the same figures for the
//! text collector of Prometheus's node exporter.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

use super::drill::DrillSummary;
use super::error::BackupError;

const FILE: &str = "status.json";
const METRICS: &str = "metrics.prom";

/// Everything that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// When it was written.
    pub at: Timestamp,
    /// Since when the scheduler keeps it: where nothing was done yet, time counts from here.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// By target, then by repository.
    pub targets: BTreeMap<String, BTreeMap<String, Standing>>,
    /// The newest drill.
    #[serde(default)]
    pub drill: Option<DrillSummary>,
}

/// One repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// The town can be restored as it was then: a generation holds that state.
    pub restorable_as_of: Option<Timestamp>,
    /// The last act that succeeded.
    pub succeeded_at: Option<Timestamp>,
    /// Since when every act fails.
    pub failing_since: Option<Timestamp>,
    /// Why the last one failed.
    pub failure: Option<String>,
    /// Generations that were taken or copied since the first start.
    pub generations: u64,
    /// Bytes of the repository, when it was tidied last.
    pub bytes: Option<u64>,
    /// When generations were forgotten and bytes removed last.
    pub tidied_at: Option<Timestamp>,
    /// When packs were read last.
    pub checked_at: Option<Timestamp>,
    /// When each share of the packs was read last.
    pub read: BTreeMap<u32, Timestamp>,
    /// What that found.
    pub faults: Vec<String>,
    /// Since when the alarm stands.
    pub alarm_since: Option<Timestamp>,
}

impl Standing {
    /// An act succeeded: the state of `as_of` is held.
    pub(crate) fn succeeded(&mut self, now: Timestamp, as_of: Option<Timestamp>, new: u64) {
        self.succeeded_at = Some(now);
        // What a clock that was wrong wrote into the future is true no longer.
        let before = self.restorable_as_of.filter(|at| *at <= now);
        self.restorable_as_of = before.max(as_of).or(self.restorable_as_of);
        self.failing_since = None;
        self.failure = None;
        self.generations += new;
    }

    /// An act failed.
    pub(crate) fn failed(&mut self, now: Timestamp, why: String) {
        let since = self.failing_since.filter(|since| *since <= now);
        self.failing_since = Some(since.unwrap_or(now));
        self.failure = Some(why);
    }

    /// What is wrong enough to wake somebody; nothing when all is well. `watched_since` counts where
    /// there never was a generation.
    #[must_use]
    pub fn alarm(
        &self,
        now: Timestamp,
        watched_since: Timestamp,
        after: Duration,
    ) -> Option<String> {
        if let Some(fault) = self.faults.first() {
            return Some(format!("the repository is damaged: {fault}"));
        }
        let mut last = self.restorable_as_of.unwrap_or(watched_since);
        if last > now {
            // A clock that was wrong: what is known is how long everything fails.
            last = self.failing_since.unwrap_or(now);
        }
        if now.since(last) <= after {
            return None;
        }
        let why = self.failure.as_deref().unwrap_or("nothing arrives");
        Some(match self.restorable_as_of {
            Some(as_of) => format!("restorable only as of {as_of}: {why}"),
            None => format!("there is no generation yet: {why}"),
        })
    }
}

impl Status {
    /// Reads it; a status that is not there is an empty one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(data: &Path) -> Result<Self, BackupError> {
        let path = data.join(FILE);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            bytes => bytes.map_err(BackupError::at(&path))?,
        };
        let status: Self = serde_json::from_slice(&bytes).map_err(|error| BackupError::Record {
            generation: path.display().to_string(),
            why: error.to_string(),
        })?;
        let drill = DrillSummary::latest(data).or(status.drill);
        Ok(Self { drill, ..status })
    }

    pub(crate) fn write(&self, data: &Path) -> Result<(), BackupError> {
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        replace(&data.join(FILE), &json)?;
        replace(&data.join(METRICS), self.metrics().as_bytes())
    }

    pub(crate) fn standing(&mut self, target: &str, part: &str) -> &mut Standing {
        let parts = self.targets.entry(target.to_owned()).or_default();
        parts.entry(part.to_owned()).or_default()
    }

    /// As Prometheus reads it (text exposition format 0.0.4).
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let seconds = |at: Option<Timestamp>| at.map(Timestamp::seconds);
        type Figure = (&'static str, &'static str, fn(&Standing) -> Option<u64>);
        let figures: [Figure; 4] = [
            (
                "restorable_as_of_seconds",
                "Instant whose state can be restored.",
                |it| it.restorable_as_of.map(Timestamp::seconds),
            ),
            (
                "bytes",
                "Size of the repository when it was tidied last.",
                |it| it.bytes,
            ),
            ("failing", "1 when the last act failed.", |it| {
                Some(it.failing_since.is_some().into())
            }),
            ("alarm", "1 while the alarm stands.", |it| {
                Some(it.alarm_since.is_some().into())
            }),
        ];
        for (name, help, figure) in figures {
            let _never_fails = writeln!(
                text,
                "# HELP yagura_backup_{name} {help}\n# TYPE yagura_backup_{name} gauge"
            );
            for (target, parts) in &self.targets {
                for (part, standing) in parts {
                    if let Some(value) = figure(standing) {
                        let labels = format!("target=\"{target}\",repository=\"{part}\"");
                        let _never_fails =
                            writeln!(text, "yagura_backup_{name}{{{labels}}} {value}");
                    }
                }
            }
        }
        if let Some(drill) = &self.drill {
            let at = seconds(Some(drill.at)).unwrap_or(0);
            let _never_fails = writeln!(
                text,
                "# HELP yagura_backup_drill_seconds When a restore was rehearsed last.\n\
                 # TYPE yagura_backup_drill_seconds gauge\nyagura_backup_drill_seconds {at}\n\
                 # HELP yagura_backup_drill_passed 1 when it succeeded.\n\
                 # TYPE yagura_backup_drill_passed gauge\nyagura_backup_drill_passed {}",
                u8::from(drill.passed)
            );
        }
        text
    }
}

/// A file is there whole, old or new.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let new = path.with_extension("new");
    fs::write(&new, bytes).map_err(BackupError::at(&new))?;
    fs::rename(&new, path).map_err(BackupError::at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);
    const AFTER: Duration = Duration::from_secs(600);

    #[test]
    fn an_alarm_comes_with_age_and_with_damage_and_not_before() {
        let mut it = Standing::default();
        let later = |seconds: u64| START.plus(Duration::from_secs(seconds));
        assert_eq!(it.alarm(later(600), START, AFTER), None);
        assert!(
            it.alarm(later(601), START, AFTER)
                .unwrap()
                .contains("no generation")
        );
        it.succeeded(later(601), Some(later(600)), 1);
        assert_eq!(it.alarm(later(1_200), START, AFTER), None);
        it.failed(later(700), "the disk is full".to_owned());
        it.failed(later(800), "the disk is full".to_owned());
        assert_eq!(it.failing_since, Some(later(700)));
        assert!(
            it.alarm(later(1_201), START, AFTER)
                .unwrap()
                .contains("the disk is full")
        );
        // A clock that went back: what was of the future is not waited for.
        it.succeeded(later(10), Some(later(10)), 0);
        assert_eq!(it.restorable_as_of, Some(later(10)));
        it.faults.push("pack x".to_owned());
        assert!(
            it.alarm(later(20), START, AFTER)
                .unwrap()
                .contains("pack x")
        );
    }

    #[test]
    fn figures_are_told_by_target_and_repository() {
        let mut status = Status::default();
        status
            .standing("disk", "database")
            .succeeded(START, Some(START), 1);
        let told = status.metrics();
        let line = "yagura_backup_restorable_as_of_seconds{target=\"disk\",repository=\"database\"} 1000\n";
        assert!(told.contains(line), "{told}");
    }
}
