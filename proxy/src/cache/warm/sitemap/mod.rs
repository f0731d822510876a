//! Follows the sitemap of an origin that has no change feed.
//!
//! It is read again and again (`sitemap_interval`). What is new in it, changed by its `lastmod`, or
//! has no copy, is fetched; everything else is asked for confirmation once a day. What is held is
//! kept in a file, so that a restart does not fetch all of it again. A sitemap that cannot be read
//! changes nothing. `read.rs` is the format, `listed.rs` the decisions.

pub(crate) mod listed;
pub(crate) mod read;

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use http::StatusCode;
use rand::Rng;
use serde::{Deserialize, Serialize};
use yagura_config::settings::{HostPattern, SitemapSettings};
use yagura_control::order::WarmerStatus;

use super::SharedStatus;
use super::fetching::Fetching;
use crate::cache::FetchError;
use crate::cache::backoff;
use crate::cache::fetcher::Fetcher;
use listed::Listed;
use read::{Fault, Sitemap};

/// Most URLs of all files together.
const MOST_URLS: usize = 200_000;
/// Most files of an index.
const MOST_FILES: usize = 100;
/// How often what is held is asked for confirmation.
const CONFIRM_EVERY: Duration = Duration::from_secs(86_400);
/// How often, at most, what is held is written down while much is fetched.
const SAVE_EVERY: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// What the copies are, as the sitemap told it when they were fetched; in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    targets: Listed,
}

/// The warmer of one site.
pub struct SitemapWarmer {
    fetching: Fetching,
    settings: SitemapSettings,
    hosts: Vec<HostPattern>,
    file: PathBuf,
    status: SharedStatus,
    held: Held,
    saved: Held,
    saved_at: Option<Duration>,
    /// What the sitemap says; none before it was read.
    listed: Option<Listed>,
    /// How often it could not be read, one time after another.
    unread: u32,
}

/// Why a sitemap could not be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the origin answers {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("none of its URLs is of this site's hosts")]
    Foreign,
}

type Reading = Pin<Box<dyn Future<Output = Result<Listed, Unread>> + Send>>;

impl SitemapWarmer {
    /// A warmer that keeps in `file` what it holds.
    #[must_use]
    pub fn new(
        fetching: Fetching,
        settings: SitemapSettings,
        hosts: Vec<HostPattern>,
        file: PathBuf,
        status: SharedStatus,
    ) -> Self {
        if let Some(last_good) = fetching.last_good() {
            last_good.listings().begin(fetching.site());
        }
        Self {
            fetching,
            settings,
            hosts,
            file,
            status,
            held: Held::default(),
            saved: Held::default(),
            saved_at: None,
            listed: None,
            unread: 0,
        }
    }

    /// Follows the sitemap until the task is dropped.
    pub async fn run(mut self) {
        self.held = super::load(&self.file).await;
        self.saved = self.held.clone();
        let mut reading = self.read(Duration::ZERO);
        loop {
            tokio::select! {
                read = &mut reading => {
                    let pause = self.take_in(read).await;
                    reading = self.read(pause);
                }
                (target, done) = self.fetching.turn() => self.ended(target, done),
            }
            self.save().await;
        }
    }

    fn read(&self, pause: Duration) -> Reading {
        let fetcher = self.fetching.fetcher().clone();
        let (target, hosts) = (self.settings.target.clone(), self.hosts.clone());
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            read_all(&fetcher, &target, &hosts).await
        })
    }

    /// Takes the sitemap in; gives the pause before it is read again.
    async fn take_in(&mut self, read: Result<Listed, Unread>) -> Duration {
        let listed = match read {
            Ok(listed) => listed,
            Err(error) => {
                if self.unread == 0 {
                    tracing::warn!(%error, site = %self.fetching.site(), "the sitemap cannot be read; trying on");
                }
                self.unread = self.unread.saturating_add(1);
                let chance = rand::rng().random_range(0.0..1.0);
                let most = LONGEST_PAUSE.min(self.settings.interval);
                return backoff::pause(self.unread, FIRST_PAUSE, most, chance);
            }
        };
        self.unread = 0;
        let now = self.fetching.now();
        self.fetching.agenda.heard_from_origin(now);
        for gone in self.listed.iter().flat_map(Listed::keys) {
            if !listed.contains_key(gone) {
                self.fetching.agenda.drop(gone);
            }
        }
        if let Some(last_good) = self.fetching.last_good() {
            let fetcher = self.fetching.fetcher();
            let keys: Vec<String> = listed.keys().map(|path| fetcher.own_key(path)).collect();
            let keys = keys.iter().map(String::as_str);
            last_good.listings().replace(self.fetching.site(), keys);
        }
        self.held
            .targets
            .retain(|target, _| listed.contains_key(target));
        let changed = listed::changed(&listed, &self.held.targets);
        let before = self.held.targets.keys().cloned().collect();
        let lacking = self.fetching.lacking(before).await;
        for target in changed.iter().chain(&lacking) {
            self.held.targets.remove(target);
            // What fails already keeps to its own time, unless it changed.
            let told = self.listed.as_ref().and_then(|listed| listed.get(target));
            if !self.fetching.agenda.is_owed(target) || told != listed.get(target) {
                self.fetching.agenda.fetch(target, None, now);
            }
        }
        for target in listed.keys() {
            // Spread over the time, so that they do not all come at once, nor at a start.
            let chance = rand::rng().random_range(0.0..1.0);
            let due_at = now + CONFIRM_EVERY.mul_f64(0.1 + 0.9 * chance);
            self.fetching.agenda.confirm(target, due_at);
        }
        self.listed = Some(listed);
        self.settings.interval
    }

    fn ended(&mut self, target: String, done: bool) {
        let Some(date) = self.listed.as_ref().and_then(|listed| listed.get(&target)) else {
            return;
        };
        if done {
            let due_at = self.fetching.now() + CONFIRM_EVERY;
            self.fetching.agenda.confirm(&target, due_at);
            self.held.targets.insert(target, date.clone());
        }
    }

    /// Writes down what is held, when it is something else than before, and tells of it.
    async fn save(&mut self) {
        let Some(listed) = &self.listed else { return };
        let now = self.fetching.now();
        let agenda = &self.fetching.agenda;
        let lately = self.saved_at.is_some_and(|at| now < at + SAVE_EVERY);
        let all_in = agenda.owed() <= agenda.failing();
        if (!lately || all_in) && self.held != self.saved {
            self.saved_at = Some(now);
            let held = self.held.clone();
            let kept = match self.fetching.sync().await {
                Ok(()) => super::save(&self.file, &held).await,
                Err(error) => Err(error),
            };
            match kept {
                Ok(()) => self.saved = held,
                Err(error) => {
                    tracing::debug!(%error, "what the warmer holds cannot be written down; trying on");
                }
            }
        }
        let agenda = &self.fetching.agenda;
        let status = WarmerStatus {
            position: self.held.targets.len() as u64,
            head: listed.len() as u64,
            complete: agenda.owed() == 0 && self.held.targets.len() == listed.len(),
            failing: agenda.failing() as u64,
            resting_until: self.fetching.resting_until(),
        };
        super::tell(&self.status, status);
    }
}

/// Reads the sitemap, and what it is an index of.
async fn read_all(
    fetcher: &Fetcher,
    target: &str,
    hosts: &[HostPattern],
) -> Result<Listed, Unread> {
    let mut listed = Listed::new();
    let mut left_out = 0;
    match read_one(fetcher, target).await? {
        Sitemap::Pages(entries) => left_out += listed::add(&mut listed, entries, hosts, MOST_URLS),
        Sitemap::Index(files) => {
            let own = files
                .iter()
                .filter_map(|file| listed::target(&file.url, hosts));
            for file in own.take(MOST_FILES) {
                // One file that cannot be read makes all of it unread: its pages would seem gone.
                if let Sitemap::Pages(entries) = read_one(fetcher, &file).await? {
                    left_out += listed::add(&mut listed, entries, hosts, MOST_URLS);
                }
            }
        }
    }
    if left_out > 0 {
        tracing::info!(
            left_out,
            "URLs of the sitemap are of other hosts or beyond the limit"
        );
    }
    if listed.is_empty() {
        return Err(Unread::Foreign);
    }
    Ok(listed)
}

async fn read_one(fetcher: &Fetcher, target: &str) -> Result<Sitemap, Unread> {
    let (status, body) = fetcher.fetch(target, read::MOST_BYTES_SENT).await?;
    if status != StatusCode::OK {
        return Err(Unread::Status(status));
    }
    let reading = tokio::task::spawn_blocking(move || read::read(&body));
    match reading.await {
        Ok(read) => Ok(read?),
        Err(_) => Err(Unread::Fault(Fault::Root)),
    }
}
