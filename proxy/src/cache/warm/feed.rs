//! Follows the CMS's change feed.
//!
//! At each start the feed is read from its beginning: what changed since the position that is kept
//! in a file is fetched, and so is what was listed before and has no copy any more. The position is
//! the number up to which every change is held durably or known to fail; it is written after the
//! copies are synced. A CMS with another epoch was restored or replaced: everything is fetched
//! again, and what is held meanwhile is kept.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};
use yagura_control::client::{Client, ClientError};
use yagura_control::feed::{Change, FeedEntry, FeedPage, FeedQuery, MAX_LIMIT};
use yagura_control::order::{Purge, Target, WarmerStatus};

use super::SharedStatus;
use super::fetching::Fetching;
use crate::cache::backoff;

const LONG_POLL_MS: u64 = 25_000;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often, at most, the position is written while much is fetched.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// How far the warmer is, in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    epoch: String,
    seq: u64,
    /// URLs up to there whose fetch failed.
    #[serde(default)]
    owed: Vec<String>,
}

/// The warmer of one site.
pub struct FeedWarmer {
    fetching: Fetching,
    feed: Client,
    file: PathBuf,
    status: SharedStatus,
    saved: Position,
    saved_at: Option<Duration>,
    /// The epoch being read, and up to where.
    epoch: String,
    read: u64,
    head: u64,
    /// Since when the feed has not answered, in questions.
    silent: u32,
}

type Asking = Pin<Box<dyn Future<Output = Result<FeedPage, ClientError>> + Send>>;

impl FeedWarmer {
    /// A warmer that keeps its position in `file`.
    #[must_use]
    pub fn new(fetching: Fetching, feed: Client, file: PathBuf, status: SharedStatus) -> Self {
        if let Some(last_good) = fetching.last_good() {
            last_good.listings().begin(fetching.site());
        }
        Self {
            fetching,
            feed,
            file,
            status,
            saved: Position::default(),
            saved_at: None,
            epoch: String::new(),
            read: 0,
            head: 0,
            silent: 0,
        }
    }

    /// Follows the feed until the task is dropped.
    pub async fn run(mut self) {
        self.saved = super::load(&self.file).await;
        let mut asking = self.ask(Duration::ZERO);
        loop {
            tokio::select! {
                answered = &mut asking => {
                    let pause = self.take_in(answered).await;
                    asking = self.ask(pause);
                }
                _ended = self.fetching.turn() => {}
            }
            self.save().await;
        }
    }

    /// Asks the feed for what comes next, after a pause.
    fn ask(&self, pause: Duration) -> Asking {
        let query = FeedQuery {
            since: self.read,
            limit: MAX_LIMIT,
            wait_ms: LONG_POLL_MS,
        };
        let feed = self.feed.clone();
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            feed.feed(query).await
        })
    }

    /// Takes an answer in; gives the pause before the next question.
    async fn take_in(&mut self, answered: Result<FeedPage, ClientError>) -> Duration {
        let page = match answered {
            Ok(page) => page,
            Err(error) => {
                if self.silent == 0 {
                    tracing::warn!(%error, site = %self.fetching.site(), "the change feed does not answer; trying on");
                }
                self.silent = self.silent.saturating_add(1);
                let chance = rand::rng().random_range(0.0..1.0);
                return backoff::pause(self.silent, FIRST_PAUSE, LONGEST_PAUSE, chance);
            }
        };
        self.silent = 0;
        if page.epoch != self.epoch {
            self.begin(&page.epoch);
            if self.read > 0 {
                // This answer began in the middle of another feed.
                self.read = 0;
                return Duration::ZERO;
            }
        }
        if !page.entries.is_empty() {
            self.fetching.agenda.heard_from_origin(self.fetching.now());
        }
        let mut before = Vec::new();
        for entry in &page.entries {
            self.read = self.read.max(entry.seq);
            match &entry.change {
                Change::Withdrawn => self.withdraw(entry).await,
                Change::Present { .. } => {
                    self.fetching.list(&entry.path);
                    if entry.seq > self.saved.seq {
                        let now = self.fetching.now();
                        self.fetching
                            .agenda
                            .fetch(&entry.path, Some(entry.seq), now);
                    } else {
                        before.push(entry.path.clone());
                    }
                }
            }
        }
        for path in self.fetching.lacking(before).await {
            let now = self.fetching.now();
            self.fetching.agenda.fetch(&path, None, now);
        }
        self.head = page.head;
        if self.read >= self.head
            && let Some(last_good) = self.fetching.last_good()
        {
            last_good.listings().mark_whole(self.fetching.site());
        }
        Duration::ZERO
    }

    /// Begins a feed, after a start or with another epoch.
    fn begin(&mut self, epoch: &str) {
        epoch.clone_into(&mut self.epoch);
        self.fetching.agenda.clear();
        if let Some(last_good) = self.fetching.last_good() {
            last_good.listings().begin(self.fetching.site());
        }
        if epoch == self.saved.epoch {
            let now = self.fetching.now();
            for path in &self.saved.owed {
                self.fetching.agenda.fetch_again(path, now);
            }
        } else {
            tracing::info!(site = %self.fetching.site(), "a new change feed; warming from its start");
            self.saved = Position::default();
            epoch.clone_into(&mut self.saved.epoch);
        }
    }

    /// Drops what was withdrawn, durably before the position passes it.
    async fn withdraw(&mut self, entry: &FeedEntry) {
        self.fetching.agenda.drop(&entry.path);
        let key = self.fetching.fetcher().own_key(&entry.path);
        if let Some(last_good) = self.fetching.last_good() {
            last_good.listings().remove(self.fetching.site(), &key);
        }
        let is_old = entry.seq <= self.saved.seq;
        if is_old
            && !self
                .fetching
                .lacking(vec![entry.path.clone()])
                .await
                .is_empty()
        {
            return;
        }
        let rules = &self.fetching.fetcher().site().rules;
        let withdraw = vec![Target::Path(rules.target(&entry.path).into_owned())];
        let purge = Purge {
            site: self.fetching.site().to_owned(),
            refresh: Vec::new(),
            withdraw,
        };
        let cache = self.fetching.cache();
        cache.purge(&purge, self.fetching.civil_time());
        cache.forget(&key).kept().await;
    }

    /// How far everything is held or known to fail.
    fn position(&self) -> Position {
        let agenda = &self.fetching.agenda;
        let untried = agenda.first_untried().map(|seq| seq.saturating_sub(1));
        let mut owed: Vec<String> = agenda.failing_urls().map(str::to_owned).collect();
        owed.sort_unstable();
        Position {
            epoch: self.epoch.clone(),
            // While the feed is read from its beginning again, what is saved still holds.
            seq: untried.unwrap_or(self.read).max(self.saved.seq),
            owed,
        }
    }

    /// Writes the position down, when it is another than before, and tells of it.
    async fn save(&mut self) {
        if self.epoch.is_empty() {
            return;
        }
        let now = self.fetching.now();
        let lately = self.saved_at.is_some_and(|at| now < at + SAVE_EVERY);
        let all_in = self.fetching.agenda.owed() == self.fetching.agenda.failing();
        if !lately || all_in {
            let position = self.position();
            if position != self.saved {
                self.saved_at = Some(now);
                let kept = match self.fetching.sync().await {
                    Ok(()) => super::save(&self.file, &position).await,
                    Err(error) => Err(error),
                };
                match kept {
                    Ok(()) => self.saved = position,
                    Err(error) => {
                        tracing::debug!(%error, "the warmer's position cannot be written; trying on");
                    }
                }
            }
        }
        let agenda = &self.fetching.agenda;
        let status = WarmerStatus {
            position: self.saved.seq,
            head: self.head,
            complete: self.read >= self.head && self.saved.seq >= self.head && agenda.owed() == 0,
            failing: agenda.failing() as u64,
            resting_until: self.fetching.resting_until(),
        };
        super::tell(&self.status, status);
    }
}
