//! Follows the CMS's change feed, so that last-good is complete and not just what was read.
//!
//! The position up to which every change is held durably is kept in a file beside the copies,
//! written after they are synced. A CMS with another epoch was restored or replaced: the warmer
//! begins again from the start, and keeps what it has meanwhile.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use yagura_control::Clock;
use yagura_control::client::Client;
use yagura_control::feed::{Change, FeedPage, FeedQuery};
use yagura_control::order::{Purge, Target, WarmerStatus};

use super::Cache;
use super::fetcher::Fetcher;

const PAGE_ENTRIES: u32 = 200;
const LONG_POLL_MS: u64 = 25_000;
/// Fetches at a time; the CMS has readers and staff to serve as well.
const CONCURRENT: usize = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How far the warmer is, in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    epoch: String,
    seq: u64,
}

/// What others may see of a warmer.
pub type SharedStatus = Arc<Mutex<WarmerStatus>>;

/// The warmer of one site.
pub struct Warmer {
    cache: Arc<Cache>,
    fetcher: Arc<Fetcher>,
    feed: Client,
    clock: Arc<dyn Clock>,
    position_file: PathBuf,
    status: SharedStatus,
    /// URLs whose fetch failed and is owed.
    owed: BTreeSet<String>,
}

impl Warmer {
    /// A warmer that keeps its position in `position_file`.
    #[must_use]
    pub fn new(
        cache: Arc<Cache>,
        fetcher: Arc<Fetcher>,
        feed: Client,
        clock: Arc<dyn Clock>,
        position_file: PathBuf,
        status: SharedStatus,
    ) -> Self {
        Self {
            cache,
            fetcher,
            feed,
            clock,
            position_file,
            status,
            owed: BTreeSet::new(),
        }
    }

    /// Follows the feed until the task is dropped.
    pub async fn run(mut self) {
        let mut position = self.load().await;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.step(&mut position).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    if pause == FIRST_PAUSE {
                        tracing::warn!(%error, site = %self.fetcher.site().name, "the change feed does not answer; trying on");
                    }
                    // Jitter, so that several edges do not come back in one beat.
                    let jitter = rand::rng().random_range(0.5..1.0);
                    tokio::time::sleep(pause.mul_f64(jitter)).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
        }
    }

    /// Reads one page of the feed and holds what it says.
    async fn step(&mut self, position: &mut Position) -> Result<(), StepError> {
        let wait_ms = if self.owed.is_empty() {
            LONG_POLL_MS
        } else {
            1000
        };
        let query = FeedQuery {
            since: position.seq,
            limit: PAGE_ENTRIES,
            wait_ms,
        };
        let page = self.feed.feed(query).await?;
        if page.epoch != position.epoch {
            tracing::info!(site = %self.fetcher.site().name, "a new change feed; warming from its start");
            *position = Position {
                epoch: page.epoch.clone(),
                seq: 0,
            };
            if query.since > 0 {
                return Ok(());
            }
        }
        let paths = self.take_in(&page);
        self.fetch_all(paths).await;
        self.cache.sync().await?;
        if let Some(last) = page.entries.last() {
            position.seq = last.seq;
            self.save(position).await?;
        }
        self.tell(position, page.head);
        Ok(())
    }

    /// Drops what was withdrawn, and gives what is to be fetched.
    fn take_in(&mut self, page: &FeedPage) -> BTreeSet<String> {
        let mut wanted = std::mem::take(&mut self.owed);
        for entry in &page.entries {
            match &entry.change {
                Change::Present { .. } => {
                    wanted.insert(entry.path.clone());
                }
                Change::Withdrawn => {
                    wanted.remove(&entry.path);
                    let site = self.fetcher.site();
                    let withdraw = vec![Target::Path(site.rules.target(&entry.path).into_owned())];
                    let purge = Purge {
                        site: site.name.to_string(),
                        refresh: Vec::new(),
                        withdraw,
                    };
                    self.cache.purge(&purge, self.clock.now());
                    self.cache.forget(&site.key("", &entry.path));
                }
            }
        }
        wanted
    }

    async fn fetch_all(&mut self, paths: BTreeSet<String>) {
        let mut waiting = paths.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < CONCURRENT {
                let Some(path) = waiting.next() else { break };
                let fetcher = self.fetcher.clone();
                running.spawn(async move {
                    let held =
                        matches!(fetcher.refresh(&path).await, Ok(status) if is_held(status));
                    (path, held)
                });
            }
            match running.join_next().await {
                None => break,
                Some(Ok((_, true))) | Some(Err(_)) => {}
                Some(Ok((path, false))) => {
                    self.owed.insert(path);
                }
            }
        }
    }

    fn tell(&self, position: &Position, head: u64) {
        let mut status = self
            .status
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *status = WarmerStatus {
            position: position.seq,
            head,
            complete: position.seq >= head && self.owed.is_empty(),
            failing: self.owed.len() as u64,
        };
    }

    async fn load(&self) -> Position {
        let bytes = tokio::fs::read(&self.position_file)
            .await
            .unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    async fn save(&self, position: &Position) -> Result<(), StepError> {
        let partial = self.position_file.with_extension("partial");
        let bytes = serde_json::to_vec(position).map_err(std::io::Error::other)?;
        tokio::fs::write(&partial, bytes).await?;
        tokio::fs::rename(&partial, &self.position_file).await?;
        Ok(())
    }
}

/// Whether a status means that the URL needs no other fetch. A page may have gone between the
/// feed's word and the fetch; the feed will say so.
fn is_held(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection() || matches!(status.as_u16(), 404 | 410)
}

#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Feed(#[from] yagura_control::client::ClientError),
    #[error("the copies cannot be made durable: {0}")]
    Disk(#[from] std::io::Error),
}
