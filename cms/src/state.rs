//! What every handler, action and job of a running CMS shares.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use yagura_config::settings::CmsSettings;
use yagura_control::{Clock, Timestamp};

use crate::domain::patience::Guesses;
use crate::error::CmsError;
use crate::store::{Change, Store};

/// The running CMS; cheap to clone.
#[derive(Clone)]
pub struct CmsState {
    /// The database.
    pub store: Store,
    /// What the operator wrote.
    pub settings: Arc<CmsSettings>,
    clock: Arc<dyn Clock>,
    signals: Arc<Signals>,
    guesses: Arc<Mutex<Guesses>>,
}

/// Told after every commit that concerns edges.
struct Signals {
    commits: watch::Sender<u64>,
}

impl CmsState {
    /// Opens the store of these settings, and makes the folder of media.
    ///
    /// # Errors
    /// The database or the folder cannot be used.
    pub async fn open(settings: CmsSettings, clock: Arc<dyn Clock>) -> Result<Self, CmsError> {
        let store = Store::open(&settings.database).await?;
        let media = &settings.media;
        tokio::fs::create_dir_all(media)
            .await
            .map_err(CmsError::at(media))?;
        let signals = Arc::new(Signals {
            commits: watch::Sender::new(0),
        });
        Ok(Self {
            store,
            settings: Arc::new(settings),
            clock,
            signals,
            guesses: Arc::default(),
        })
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The failed tries to sign in since the start.
    pub(crate) fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The edges that must acknowledge a purge, as they are named in jobs.
    #[must_use]
    pub fn edges(&self) -> Vec<String> {
        let edges = self.settings.edges.edges.iter();
        edges.map(ToString::to_string).collect()
    }

    /// Where the content of a media item is.
    #[must_use]
    pub fn media_file(&self, id: &crate::domain::MediaId) -> PathBuf {
        self.settings.media.join(&id.0)
    }

    /// Commits a change and wakes what follows from it.
    ///
    /// # Errors
    /// The database refused; nothing of the change happened.
    pub async fn commit(&self, change: Change) -> Result<(), CmsError> {
        change.commit().await?;
        self.signals.commits.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Ends at the next commit; create it before looking, so that none is missed.
    #[must_use]
    pub fn next_commit(&self) -> watch::Receiver<u64> {
        self.signals.commits.subscribe()
    }
}
