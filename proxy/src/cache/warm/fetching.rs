//! Does what the agenda says: the shell both warmers share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use rand::Rng;
use tokio::task::{Id, JoinSet};
use yagura_control::clock::monotonic;
use yagura_control::{Clock, Timestamp};

use super::agenda::{Agenda, Came, Kind, Next};
use crate::cache::fetcher::{Fetcher, Refreshed};
use crate::cache::flight::{Head, News};
use crate::cache::last_good::LastGood;
use crate::cache::validate;
use crate::cache::{Cache, FetchError, Kept, Stored};

/// How often a disk that refused is looked at again.
const DISK: Duration = Duration::from_secs(1);

/// Fetches under way, and the agenda they are taken from.
pub struct Fetching {
    cache: Arc<Cache>,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    pub(super) agenda: Agenda,
    running: JoinSet<Came>,
    paths: HashMap<Id, String>,
    began: Instant,
}

impl Fetching {
    /// Nothing is to be fetched yet; at most so many a second will be.
    #[must_use]
    pub fn new(
        cache: Arc<Cache>,
        fetcher: Arc<Fetcher>,
        clock: Arc<dyn Clock>,
        per_second: usize,
    ) -> Self {
        Self {
            cache,
            fetcher,
            clock,
            agenda: Agenda::new(per_second),
            running: JoinSet::new(),
            paths: HashMap::new(),
            began: monotonic(),
        }
    }

    pub(super) const fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    pub(super) const fn fetcher(&self) -> &Arc<Fetcher> {
        &self.fetcher
    }

    /// The site's name.
    pub(super) fn site(&self) -> &str {
        &self.fetcher.site().name
    }

    /// The civil time.
    pub(super) fn civil_time(&self) -> Timestamp {
        self.clock.now()
    }

    /// The agenda's time.
    pub(super) fn now(&self) -> Duration {
        monotonic().saturating_duration_since(self.began)
    }

    /// Until when the origin is left alone, in civil time.
    pub(super) fn resting_until(&self) -> Option<Timestamp> {
        let now = self.now();
        let wait = self.agenda.rests_until(now)?.saturating_sub(now);
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Some(Timestamp(self.clock.now().0.saturating_add(wait_ms)))
    }

    /// Takes note of a listed URL, for the store.
    pub(super) fn list(&self, path: &str) {
        if let Some(last_good) = &self.cache.last_good {
            let key = self.fetcher.own_key(path);
            last_good.listings().add(self.site(), &key);
        }
    }

    /// What the store is told of lists.
    pub(super) fn last_good(&self) -> Option<&LastGood> {
        self.cache.last_good.as_ref()
    }

    /// Those of the paths of which there is no durable copy.
    pub(super) async fn lacking(&self, paths: Vec<String>) -> Vec<String> {
        let (cache, fetcher) = (self.cache.clone(), self.fetcher.clone());
        let look = move || match &cache.last_good {
            None => Vec::new(),
            Some(last_good) => paths
                .into_iter()
                .filter(|path| !last_good.has(&fetcher.own_key(path)))
                .collect(),
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// Makes everything kept so far survive a power cut.
    pub(super) async fn sync(&self) -> std::io::Result<()> {
        self.cache.sync().await
    }

    /// Asks for what is due, and waits until something came back; gives its path, and whether it
    /// is done with. Never ends while nothing is to be asked. May be dropped at any time.
    pub(super) async fn turn(&mut self) -> (String, bool) {
        loop {
            let wait = self.ask_what_is_due();
            tokio::select! {
                Some(joined) = self.running.join_next_with_id() => {
                    // A fetch that panicked failed like any other.
                    let (id, came) = match joined {
                        Ok((id, came)) => (id, came),
                        Err(error) => (error.id(), Came::BrokenUrl),
                    };
                    if let Some(path) = self.paths.remove(&id) {
                        let chance = rand::rng().random_range(0.0..1.0);
                        let now = self.now();
                        let done = self.agenda.ended(&path, came, now, chance);
                        return (path, done);
                    }
                }
                () = tokio::time::sleep(wait.unwrap_or(Duration::MAX)) => {}
            }
        }
    }

    /// Gives how long nothing more is due; forever when none.
    fn ask_what_is_due(&mut self) -> Option<Duration> {
        let failing = self.last_good().is_some_and(LastGood::is_disk_failing);
        if failing {
            return (self.agenda.owed() > 0).then_some(DISK);
        }
        loop {
            let now = self.now();
            match self.agenda.next(now) {
                Next::Nothing => return None,
                Next::Wait(at) => return Some(at.saturating_sub(now)),
                Next::Ask(path, kind) => {
                    let asking = ask(
                        self.cache.clone(),
                        self.fetcher.clone(),
                        self.clock.now(),
                        path.clone(),
                        kind,
                    );
                    let id = self.running.spawn(asking).id();
                    self.paths.insert(id, path);
                }
            }
        }
    }
}

async fn ask(
    cache: Arc<Cache>,
    fetcher: Arc<Fetcher>,
    now: Timestamp,
    path: String,
    kind: Kind,
) -> Came {
    if kind == Kind::Confirm {
        let key = fetcher.own_key(&path);
        let read = move || cache.last_good.as_ref()?.read(&key, now);
        let held = tokio::task::spawn_blocking(read).await.ok().flatten();
        if let Some(stored) = held
            && validate::conditions(&stored).is_some()
            && let Some(came) = confirmed(&fetcher, stored, &path).await
        {
            return came;
        }
    }
    match fetcher.refresh(&path).await {
        Ok(Refreshed {
            kept: Kept::DiskFails | Kept::HandedOver,
            ..
        }) => Came::BrokenDisk,
        Ok(Refreshed {
            kept: Kept::NoRoom, ..
        }) => Came::BrokenUrl,
        Ok(Refreshed { status, .. }) => judged(status),
        Err(error) => failed(&error),
    }
}

/// Asks whether a copy still holds; none when the origin speaks of something else.
async fn confirmed(fetcher: &Arc<Fetcher>, stored: Stored, path: &str) -> Option<Came> {
    let stored = Arc::new(stored.prepare(fetcher.site().encodes));
    let mut passenger = match fetcher.confirm_own(stored, path) {
        Ok(passenger) => passenger,
        Err(error) => return Some(failed(&error)),
    };
    let mut came = Came::Held;
    loop {
        match passenger.next().await {
            Ok(News::Head(Head::Confirmed(_))) => return Some(Came::Held),
            Ok(News::Head(Head::Unclear)) => return None,
            Ok(News::Head(Head::Response(head))) => came = judged(head.status),
            Ok(News::End) => return Some(came),
            Ok(_) => {}
            Err(error) => return Some(failed(&error)),
        }
    }
}

/// A page may have gone between the list's word and the fetch; the list will say so.
fn judged(status: StatusCode) -> Came {
    let is_held = status.is_success()
        || status.is_redirection()
        || matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE);
    if is_held { Came::Held } else { Came::BrokenUrl }
}

/// One URL that takes too long tells nothing of the others; if they do too, the agenda sees it.
const fn failed(error: &FetchError) -> Came {
    match error {
        FetchError::Unreachable(_) => Came::BrokenOrigin,
        _ => Came::BrokenUrl,
    }
}
