//! Everything the cache asks an origin for: what readers miss or find stale, refreshes in the
//! background, and the warmer's fetches.
//!
//! Who asks for the same at the same time shares one request (`flight.rs`). What is for one reader
//! alone is found out by its first response; from then on, for a while, nobody waits for another.
//! Requests to the origin are bounded in number, and a refresh that failed is not tried again at
//! once (`backoff.rs`). What becomes of one answer: `exchange.rs`; fetches for the warmer: `own.rs`.

mod exchange;
mod own;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, header};
use moka::sync::Cache as Memory;
use rand::Rng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use yagura_config::settings::SiteSettings;
use yagura_control::Clock;

use super::backoff::Backoff;
use super::flight::{Flight, Head, News, Passenger, Pilot};
use super::origin::FetchError;
use super::prepared::Prepared;
use super::{Cache, Directives, Lookup, SiteCache, vary};
use crate::counters::Counters;
use crate::upstream::Upstreams;

pub use exchange::Direct;
pub use own::Refreshed;

/// Most fetches at a time that no reader waits for.
const BACKGROUND: usize = 16;
/// How long a URL whose response was for one reader is not waited for by others.
const PERSONAL: Duration = Duration::from_secs(60);
/// Most URLs of which that is remembered, and most failed refreshes.
const REMEMBERED: u64 = 100_000;

/// A site's way to its origin, shared by readers, refreshes and the warmer.
pub struct Fetcher {
    cache: Arc<Cache>,
    site: SiteCache,
    upstreams: Arc<Upstreams>,
    /// The site's first host, for what no reader asks for.
    host: String,
    connect_timeout: Duration,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    flights: Mutex<HashMap<String, Arc<Flight>>>,
    personal: Memory<String, ()>,
    refreshing: Mutex<HashSet<String>>,
    failed: Memory<String, Backoff>,
    readers: Arc<Semaphore>,
    most_readers: usize,
    background: Semaphore,
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Under what the response is stored.
    pub key: String,
    /// Path and query for the origin.
    pub target: String,
    /// The request's fields for the origin, without conditions.
    pub fields: HeaderMap,
    /// What is stored and to be confirmed.
    pub stored: Option<Arc<Prepared>>,
    /// What the reader wants of a stored response.
    pub wants: Directives,
}

impl Question {
    /// Equal for questions that one response answers: none that was asked before a purge answers one
    /// that was asked after it. Before anything is known of a URL its variants
    /// count as one; whoever is given the wrong one asks again, by `variant`.
    fn name(&self, variant: &str, purges: u64) -> String {
        let stored = self.stored.as_ref().map(|prepared| &prepared.stored);
        let confirming = stored.map_or(0, |stored| stored.requested_at.0);
        let own = stored.map(|stored| vary::variant_for(&stored.terms, &self.fields));
        let variant = own.as_deref().unwrap_or(variant);
        format!("{}\n{purges}\n{confirming}\n{variant}", self.key)
    }
}

/// A place on a flight.
#[derive(Debug)]
pub struct Joined {
    /// Reads what comes.
    pub passenger: Passenger,
    /// Whether the request was made for this one.
    pub first: bool,
}

impl Fetcher {
    /// The way to these upstreams; the settings bound how many requests of readers are under way
    /// to them at a time.
    #[must_use]
    pub fn new(
        cache: Arc<Cache>,
        site: SiteCache,
        settings: &SiteSettings,
        clock: Arc<dyn Clock>,
        (upstreams, counters): (Arc<Upstreams>, Arc<Counters>),
    ) -> Arc<Self> {
        Arc::new(Self {
            cache,
            site,
            upstreams,
            host: settings.first_host().to_owned(),
            connect_timeout: settings.connect_timeout,
            clock,
            counters,
            flights: Mutex::default(),
            personal: remembered(PERSONAL),
            refreshing: Mutex::default(),
            failed: remembered(2 * Backoff::LONGEST),
            readers: Arc::new(Semaphore::new(settings.origin_requests)),
            most_readers: settings.origin_requests,
            background: Semaphore::new(BACKGROUND),
        })
    }

    /// What the cache knows of the site.
    #[must_use]
    pub const fn site(&self) -> &SiteCache {
        &self.site
    }

    /// Whether responses of that key were found to be for one reader, a short time ago.
    #[must_use]
    pub fn is_personal(&self, key: &str) -> bool {
        self.personal.contains_key(key)
    }

    /// Asks the origin, together with whoever asks for the same. `variant` names the variant where
    /// an answer to another one came before; see [`vary::variant_for`].
    pub fn join(self: &Arc<Self>, question: Question, variant: &str) -> Joined {
        let question = self.plain(question);
        let purges = self.cache.purge_count();
        let mut name = question.name(variant, purges);
        let mut flights = lock(&self.flights);
        let mut there = flights.get(&name).and_then(Flight::board);
        if there.is_none() && variant.is_empty() && question.stored.is_none() {
            // One of the variants may have come meanwhile, and tells how they are named.
            if let Some(variant) = self.cache.variant_of(&question.key, &question.fields) {
                name = question.name(&variant, purges);
                there = flights.get(&name).and_then(Flight::board);
            }
        }
        if let Some(passenger) = there {
            return Joined {
                passenger,
                first: false,
            };
        }
        let (pilot, passenger) = Flight::begin();
        // Between the look into the cache and this one a flight may have ended and filled it.
        let now = self.clock.now();
        let fields = &question.fields;
        if let Lookup::Fresh(prepared) =
            self.cache
                .hot(&self.site, &question.key, fields, &question.wants, now)
        {
            pilot.head(Head::Stored(prepared), true);
            pilot.end(Ok(()));
            return Joined {
                passenger,
                first: true,
            };
        }
        flights.insert(name.clone(), passenger.flight().clone());
        drop(flights);
        self.start(pilot, question, (name, passenger.flight().clone()));
        Joined {
            passenger,
            first: true,
        }
    }

    /// The same question for the body as it is, where it is encoded here.
    fn plain(&self, mut question: Question) -> Question {
        if self.site.encodes {
            question.fields.remove(header::ACCEPT_ENCODING);
        }
        question
    }

    /// In a task of its own, which goes on when the reader who began it leaves.
    fn start(self: &Arc<Self>, pilot: Pilot, question: Question, place: (String, Arc<Flight>)) {
        let this = self.clone();
        tokio::spawn(async move {
            let mut entry = Entry {
                fetcher: &this,
                open: Some(place),
            };
            let result = match this.permit().await {
                Ok(_permit) => this.fly(&pilot, question, &mut entry).await,
                Err(error) => Err(error),
            };
            drop(entry);
            pilot.end(result);
        });
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, FetchError> {
        let busy = || FetchError::Busy(self.most_readers);
        let readers = self.readers.clone();
        tokio::time::timeout(self.connect_timeout, readers.acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())
    }

    /// Asks in the background for what a reader was given stale, unless that is under way already
    /// or failed a short time ago.
    pub fn refresh_soon(self: &Arc<Self>, question: Question) {
        let key = question.key.clone();
        if self.is_personal(&key) || self.upstreams.first().is_none() {
            return;
        }
        let before = self.failed.get(&key);
        let too_early = before.is_some_and(|failed| self.clock.now() < failed.until);
        if too_early || !lock(&self.refreshing).insert(key.clone()) {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            let permit = this.background.acquire().await;
            let mut passenger = this.join(question, "").passenger;
            let result = loop {
                match passenger.next().await {
                    Ok(
                        News::End
                        | News::Head(Head::Stored(_) | Head::Confirmed(_) | Head::Unclear),
                    ) => {
                        break Ok(());
                    }
                    Ok(News::Head(Head::Response(head))) if head.status.is_server_error() => {
                        break Err(FetchError::Broken(head.status.to_string()));
                    }
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
            };
            match result {
                Ok(()) => this.failed.invalidate(&key),
                Err(error) => {
                    let next = Backoff::after(before, this.clock.now(), rand::rng().random());
                    this.failed.insert(key.clone(), next);
                    tracing::debug!(%key, %error, "a refresh failed; the stale copy stays");
                }
            }
            drop(permit);
            lock(&this.refreshing).remove(&key);
        });
    }
}

/// A flight's place among those that can be joined, until it is closed or dropped.
struct Entry<'f> {
    fetcher: &'f Fetcher,
    open: Option<(String, Arc<Flight>)>,
}

impl Entry<'_> {
    fn close(&mut self) {
        if let Some((name, flight)) = self.open.take() {
            let mut flights = lock(&self.fetcher.flights);
            if flights
                .get(&name)
                .is_some_and(|there| Arc::ptr_eq(there, &flight))
            {
                flights.remove(&name);
            }
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

/// What is known of URLs for so long, of a bounded number of them.
fn remembered<V: Clone + Send + Sync + 'static>(long: Duration) -> Memory<String, V> {
    Memory::builder()
        .max_capacity(REMEMBERED)
        .time_to_live(long)
        .build()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
