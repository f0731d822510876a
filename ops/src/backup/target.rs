//! A target: its two repositories, their locks, and the memory that they were there.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use yagura_config::settings::{PlaceSettings, TargetSettings};

use super::engine::{Engine, Generation, Part, Rustic, Shape};
use super::error::BackupError;
use super::lock::Lock;
use super::store;
use super::store::paced::Pace;

pub(crate) struct Target {
    pub(crate) settings: TargetSettings,
    data: PathBuf,
    database: Rustic,
    files: Rustic,
}

impl Target {
    /// Opens nothing yet. Wants a runtime around it, for places behind a network.
    pub(crate) fn new(
        settings: &TargetSettings,
        data: &std::path::Path,
        password: &SecretString,
    ) -> Result<Self, BackupError> {
        let afar = !matches!(settings.place, PlaceSettings::Folder(_));
        let pace = settings.bandwidth.map(|rate| Arc::new(Pace::new(rate)));
        let engine = |part: Part, shape: Shape| {
            let place = store::open(settings, part.word(), pace.as_ref())
                .map_err(BackupError::at(&settings.name))?;
            let cache = afar.then(|| data.join("cache"));
            let password = password.clone();
            Ok(Rustic::new(place, password, shape, cache))
        };
        Ok(Self {
            database: engine(Part::Database, Shape::Pages)?,
            files: engine(Part::Files, Shape::Files)?,
            settings: settings.clone(),
            data: data.to_owned(),
        })
    }

    pub(crate) const fn engine(&self, part: Part) -> &dyn Engine {
        match part {
            Part::Database => &self.database,
            Part::Files => &self.files,
        }
    }

    pub(crate) fn lock(&self, part: Part, patience: Duration) -> Result<Lock, BackupError> {
        let path = Lock::path(&self.data, &self.settings.name, part.word());
        Lock::take(&path, patience)
    }

    /// Makes the repository the first time. One that was there and is gone is not made anew: a disk
    /// that is not mounted would get an empty one, and nobody would notice.
    pub(crate) fn prepare(&self, part: Part, new: bool) -> Result<(), BackupError> {
        let known = self.data.join("known");
        let mark = known.join(format!("{}-{}", self.settings.name, part.word()));
        let engine = self.engine(part);
        engine.prepare(new || !mark.exists())?;
        fs::create_dir_all(&known).map_err(BackupError::at(&known))?;
        fs::write(&mark, engine.place()).map_err(BackupError::at(&mark))
    }

    /// The generation of this name, or whose name begins so, or `latest`.
    pub(crate) fn find(&self, part: Part, wanted: &str) -> Result<Option<Generation>, BackupError> {
        let mut all = self.engine(part).generations()?;
        if wanted == "latest" {
            return Ok(all.pop());
        }
        all.retain(|generation| generation.id.starts_with(wanted));
        Ok((all.len() == 1).then(|| all.pop()).flatten())
    }
}
