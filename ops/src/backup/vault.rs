//! All targets of one configuration: what the command and the scheduler ask for.
//!
//! Every function here blocks, some for long.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use secrecy::SecretString;
use yagura_config::settings::{BackupSettings, CmsSettings};
use yagura_control::Timestamp;

use super::drill::{DrillSummary, Rehearsal};
use super::engine::{Generation, Part, Progress, Pruned, Reading};
use super::error::BackupError;
use super::leftovers::Leftovers;
use super::postgres::{Server, Whose};
use super::restore::{self, Restored};
use super::retention::{self, Reason};
use super::take::{self, PATIENCE, Taken};
use super::target::Target;

/// The targets, opened when they are needed.
pub struct Vault {
    pub(crate) settings: BackupSettings,
    pub(crate) targets: Vec<Target>,
}

/// A generation, and for what reasons it is kept.
pub type Verdict = (Generation, Vec<Reason>);

impl Vault {
    /// Reads the password. Wants a runtime around it, for places behind a network.
    ///
    /// # Errors
    /// The password's file, or that of a target, cannot be read.
    pub fn open(settings: BackupSettings) -> Result<Self, BackupError> {
        let file = &settings.password_file;
        let password = fs::read_to_string(file).map_err(BackupError::at(file))?;
        let password = SecretString::from(password.trim_end_matches(['\r', '\n']));
        fs::create_dir_all(&settings.data).map_err(BackupError::at(&settings.data))?;
        let target = |it| Target::new(it, &settings.data, &password);
        let targets = settings
            .targets
            .iter()
            .map(target)
            .collect::<Result<_, _>>()?;
        Ok(Self { targets, settings })
    }

    /// Names of the targets, in the order of the configuration.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.targets
            .iter()
            .map(|it| it.settings.name.as_str())
            .collect()
    }

    /// The target of this name; without one, the first.
    pub(crate) fn target(&self, name: Option<&str>) -> Result<&Target, BackupError> {
        let found = match name {
            None => self.targets.first(),
            Some(name) => self.targets.iter().find(|it| it.settings.name == name),
        };
        found.ok_or_else(|| BackupError::NoTarget(name.unwrap_or_default().to_owned()))
    }

    /// Takes a part now into one target, read from the sources themselves.
    ///
    /// # Errors
    /// The source or the target failed.
    pub fn take(
        &self,
        target: &str,
        part: Part,
        at: Timestamp,
        new: bool,
    ) -> Result<Taken, BackupError> {
        take::take(self.target(Some(target))?, part, &self.settings, at, new)
    }

    /// Copies what the first target has and this one lacks, of what is to be kept; says how many.
    ///
    /// # Errors
    /// Either target failed.
    pub fn copy(
        &self,
        target: &str,
        part: Part,
        now: Timestamp,
        new: bool,
    ) -> Result<usize, BackupError> {
        let from = self.target(None)?;
        let to = self.target(Some(target))?;
        let _lock = to.lock(part, PATIENCE)?;
        to.prepare(part, new)?;
        let kept = self.verdicts(from, part, now)?;
        let kept: HashSet<String> = kept
            .into_iter()
            .filter(|(_, reasons)| !reasons.is_empty())
            .map(|(generation, _)| generation.id)
            .collect();
        let wanted = |it: &Generation| kept.contains(&it.id);
        to.engine(part).copy(from.engine(part), &wanted)
    }

    /// Generations of a target, the oldest first.
    ///
    /// # Errors
    /// The target failed.
    pub fn generations(
        &self,
        target: Option<&str>,
        part: Part,
    ) -> Result<Vec<Generation>, BackupError> {
        self.target(target)?.engine(part).generations()
    }

    /// One generation of a target, by the beginning of its name.
    ///
    /// # Errors
    /// None or several begin so, or the target failed.
    pub fn generation(
        &self,
        target: Option<&str>,
        wanted: &str,
    ) -> Result<Generation, BackupError> {
        let target = self.target(target)?;
        for part in Part::ALL {
            if let Some(found) = target.find(part, wanted)? {
                return Ok(found);
            }
        }
        let wanted = wanted.to_owned();
        Err(BackupError::NoGeneration { wanted })
    }

    /// What is wrong with a target's repository; nothing when it is sound.
    ///
    /// # Errors
    /// The target failed.
    pub fn check(
        &self,
        target: Option<&str>,
        part: Part,
        reading: Reading,
    ) -> Result<Vec<String>, BackupError> {
        let target = self.target(target)?;
        let _lock = target.lock(part, PATIENCE)?;
        target.engine(part).check(reading)
    }

    /// Restores a generation into a folder.
    ///
    /// # Errors
    /// The target or the folder failed; that something differs is no error, but told.
    pub fn restore(
        &self,
        target: Option<&str>,
        generation: Generation,
        to: &Path,
        progress: Progress<'_>,
    ) -> Result<Restored, BackupError> {
        restore::restore(self.target(target)?, generation, to, None, progress)
    }

    /// The same, and loads the dump of a PostgreSQL database into an empty one, so that its rows too
    /// are compared.
    ///
    /// # Errors
    /// The target or the folder failed; what the server refuses is told as a difference.
    pub fn restore_into(
        &self,
        target: Option<&str>,
        generation: Generation,
        to: &Path,
        server: &Server,
        progress: Progress<'_>,
    ) -> Result<Restored, BackupError> {
        let into = Some((server, Whose::TheLoaders));
        restore::restore(self.target(target)?, generation, to, into, progress)
    }

    /// What it was opened with.
    #[must_use]
    pub const fn settings(&self) -> &BackupSettings {
        &self.settings
    }

    /// Rehearses a restore now, from this target or else the last one, and writes the report. Pages are
    /// compared with those of `cms`.
    ///
    /// # Errors
    /// The report cannot be written; a step that fails is told in it.
    pub fn drill(
        &self,
        target: Option<String>,
        cms: Option<&CmsSettings>,
        now: Timestamp,
    ) -> Result<DrillSummary, BackupError> {
        let vault = self;
        Rehearsal {
            vault,
            cms,
            target,
            now,
        }
        .run()
    }

    /// Bytes of a repository.
    ///
    /// # Errors
    /// The target failed.
    pub fn size(&self, target: &str, part: Part) -> Result<u64, BackupError> {
        self.target(Some(target))?.engine(part).size()
    }

    fn verdicts(
        &self,
        target: &Target,
        part: Part,
        now: Timestamp,
    ) -> Result<Vec<Verdict>, BackupError> {
        let all = target.engine(part).generations()?;
        let instants: Vec<_> = all.iter().map(|it| it.at).collect();
        let verdicts = retention::plan(&instants, &self.settings.keep, now);
        Ok(all.into_iter().zip(verdicts).collect())
    }

    /// What a tidying now would keep, and for what reasons; what has none would go.
    ///
    /// # Errors
    /// The target failed.
    pub fn plan(
        &self,
        target: &str,
        part: Part,
        now: Timestamp,
    ) -> Result<Vec<Verdict>, BackupError> {
        self.verdicts(self.target(Some(target))?, part, now)
    }

    /// Forgets what the plan does not keep, and prunes in two phases. Nothing at a target where
    /// nothing may be removed.
    ///
    /// # Errors
    /// The target failed.
    pub fn tidy(
        &self,
        target: &str,
        part: Part,
        now: Timestamp,
    ) -> Result<Option<Pruned>, BackupError> {
        let target = self.target(Some(target))?;
        if target.settings.append_only {
            return Ok(None);
        }
        let _lock = target.lock(part, PATIENCE)?;
        let verdicts = self.verdicts(target, part, now)?;
        if verdicts.is_empty() {
            // Nothing is known to be needed, and so nothing to be superfluous.
            return Ok(Some(Pruned::default()));
        }
        let gone = verdicts
            .into_iter()
            .filter(|(_, reasons)| reasons.is_empty());
        let gone: Vec<_> = gone.map(|(generation, _)| generation.id).collect();
        if !gone.is_empty() {
            target.engine(part).forget(&gone)?;
        }
        let path = Leftovers::path(&self.settings.data, &target.settings.name, part.word());
        let mut leftovers = Leftovers::read(&path)?;
        let pruned = target.engine(part).prune(&mut leftovers, now)?;
        leftovers.write(&path)?;
        Ok(Some(pruned))
    }
}
