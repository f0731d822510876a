//! Everything the cache asks an origin for: what readers miss or find stale, refreshes in the
//! background, and the warmer's fetches.
//!
//! Who asks for the same at the same time shares one request (`flight.rs`). What is for one reader
//! alone is found out by its first response; from then on, for a while, nobody waits for another.
//! Requests to the origin are bounded in number, and a refresh that failed is not tried again at
//! once (`backoff.rs`).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use moka::sync::Cache as Memory;
use rand::Rng;
use tokio::sync::{Semaphore, SemaphorePermit};
use yagura_control::{Clock, Timestamp};

use super::backoff::Backoff;
use super::flight::{Flight, Head, News, Passenger, Pilot, ResponseHead};
use super::origin::{Answer, Body, FetchError, Origin};
use super::stored::{Prepared, end_to_end};
use super::validate::{self, Confirmed};
use super::{
    Cache, Directives, Fields, Kept, Lookup, OriginHealth, SiteCache, Stored, encoding, policy,
    storable, vary,
};
use crate::counters::Counters;

/// Most fetches at a time that no reader waits for.
const BACKGROUND: usize = 16;
/// How long a URL whose response was for one reader is not waited for by others.
const PERSONAL: Duration = Duration::from_secs(60);
/// Most URLs of which that is remembered, and most failed refreshes.
const REMEMBERED: u64 = 100_000;
/// How long a passenger of a response that is not kept may hold it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A site's way to its origin, shared by readers, refreshes and the warmer.
pub struct Fetcher {
    cache: Arc<Cache>,
    site: SiteCache,
    origin: Arc<Origin>,
    clock: Arc<dyn Clock>,
    health: Arc<OriginHealth>,
    counters: Arc<Counters>,
    flights: Mutex<HashMap<String, Arc<Flight>>>,
    personal: Memory<String, ()>,
    refreshing: Mutex<HashSet<String>>,
    failed: Memory<String, Backoff>,
    readers: Semaphore,
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
    /// The way to this origin; at most `most_requests` of readers are under way at a time.
    #[must_use]
    pub fn new(
        cache: Arc<Cache>,
        site: SiteCache,
        origin: Arc<Origin>,
        clock: Arc<dyn Clock>,
        (health, counters): (Arc<OriginHealth>, Arc<Counters>),
        most_requests: usize,
    ) -> Arc<Self> {
        let remember = |long| {
            Memory::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(long)
        };
        Arc::new(Self {
            cache,
            site,
            origin,
            clock,
            health,
            counters,
            flights: Mutex::default(),
            personal: remember(PERSONAL).build(),
            refreshing: Mutex::default(),
            failed: Memory::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(2 * Backoff::LONGEST)
                .build(),
            readers: Semaphore::new(most_requests),
            most_readers: most_requests,
            background: Semaphore::new(BACKGROUND),
        })
    }

    /// What the cache knows of the site.
    #[must_use]
    pub const fn site(&self) -> &SiteCache {
        &self.site
    }

    /// Asks the origin, together with whoever asks for the same. `variant` names the variant where
    /// an answer to another one came before; see [`vary::variant_for`].
    pub fn join(self: &Arc<Self>, question: Question, variant: &str) -> Joined {
        if self.personal.contains_key(&question.key) {
            return self.alone(question);
        }
        let question = self.plain(question);
        let name = question.name(variant, self.cache.purge_count());
        let mut flights = lock(&self.flights);
        if let Some(passenger) = flights.get(&name).and_then(Flight::board) {
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
        self.start(pilot, question, Some((name, passenger.flight().clone())));
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

    /// Asks the origin for one reader, who waits for nobody.
    pub fn alone(self: &Arc<Self>, question: Question) -> Joined {
        let (pilot, passenger) = Flight::begin();
        self.start(pilot, question, None);
        Joined {
            passenger,
            first: true,
        }
    }

    /// In a task of its own, which goes on when the reader who began it leaves.
    fn start(
        self: &Arc<Self>,
        pilot: Pilot,
        question: Question,
        open: Option<(String, Arc<Flight>)>,
    ) {
        let this = self.clone();
        tokio::spawn(async move {
            let mut entry = Entry {
                fetcher: &this,
                open,
            };
            let result = match this.permit().await {
                Ok(_permit) => this.fly(&pilot, question, &mut entry).await,
                Err(error) => Err(error),
            };
            drop(entry);
            pilot.end(result);
        });
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, FetchError> {
        let busy = || FetchError::Busy(self.most_readers);
        tokio::time::timeout(self.origin.connect_timeout(), self.readers.acquire())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())
    }

    async fn fly(
        &self,
        pilot: &Pilot,
        question: Question,
        entry: &mut Entry<'_>,
    ) -> Result<(), FetchError> {
        let _counted = self.counters.fetching();
        let mut fields = question.fields;
        let stored = question.stored.as_ref().map(|prepared| &prepared.stored);
        fields.extend(stored.and_then(validate::conditions).unwrap_or_default());
        let requested_at = self.clock.now();
        let asked = self
            .origin
            .get(fields.clone(), &question.target, pilot.interim_teller())
            .await;
        let mut answer = self.noted(asked)?;
        let exchange = Exchange {
            fields: &fields,
            requested_at,
            received_at: self.clock.now(),
        };
        if self.site.encodes && !fields.contains_key(header::ACCEPT_ENCODING) {
            encoding::forget_vary(&mut answer.headers);
        }
        if let (StatusCode::NOT_MODIFIED, Some(prepared)) = (answer.status, &question.stored) {
            pilot.head(self.confirmed(prepared, &answer.headers, &exchange), true);
            // Nothing follows; read to its end, the connection is kept.
            let _empty = answer.body.whole(0).await;
            return Ok(());
        }
        let taken = self.taken(&question.key, &answer, &exchange);
        // What came encoded for one reader is not stored; the next one asks for it plain.
        let plain = !(self.site.encodes && fields.contains_key(header::ACCEPT_ENCODING));
        let for_one = !plain && answer.headers.contains_key(header::CONTENT_ENCODING);
        if for_one && taken.is_ok() {
            self.personal.invalidate(&question.key);
        }
        let fits = || {
            let most = self.cache.max_object_bytes() as u64;
            length(&answer.headers).is_none_or(|length| length <= most)
        };
        let stored = taken.ok().filter(|_| !for_one && fits());
        if stored.is_none() {
            entry.close();
            if !(for_one || answer.status.is_server_error()) {
                self.personal.insert(question.key.clone(), ());
            }
        }
        let mut head = ResponseHead::new(&answer, stored.as_ref(), exchange.received_at);
        if self.site.encodes && head.stored {
            head.vary_by_coding();
        }
        pilot.head(Head::Response(Arc::new(head)), stored.is_some());
        self.carry(pilot, answer.body, stored, entry).await
    }

    /// Carries the body to the passengers, and into the cache.
    async fn carry(
        &self,
        pilot: &Pilot,
        mut body: Body,
        mut stored: Option<Stored>,
        entry: &mut Entry<'_>,
    ) -> Result<(), FetchError> {
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        while let Some(piece) = body.piece().await? {
            bytes += piece.len();
            if stored.is_some() {
                if bytes > self.cache.max_object_bytes() {
                    (stored, pieces) = (None, Vec::new());
                    entry.close();
                    pilot.let_go();
                } else {
                    pieces.push(piece.clone());
                }
            }
            if !pilot.piece(piece, PATIENCE).await {
                return Ok(());
            }
        }
        if let Some(mut stored) = stored {
            stored.body = joined(pieces);
            self.personal.invalidate(&stored.key);
            let prepared = Arc::new(stored.prepare(self.site.encodes));
            self.cache.fill(&self.site, &prepared);
        }
        Ok(())
    }

    /// What a 304 makes of the stored response.
    fn confirmed(&self, before: &Prepared, headers: &HeaderMap, exchange: &Exchange<'_>) -> Head {
        let Exchange {
            fields,
            requested_at,
            received_at,
        } = *exchange;
        let stored = &before.stored;
        match validate::confirmed(stored, fields, headers, requested_at, received_at) {
            Confirmed::Updated(updated) => {
                let prepared = Arc::new(updated.prepare(self.site.encodes));
                prepared.adopt_encodings(before);
                self.cache.fill(&self.site, &prepared);
                Head::Confirmed(prepared)
            }
            Confirmed::Once(updated) => {
                self.cache.forget(&stored.key);
                Head::Confirmed(Arc::new(updated.prepare(self.site.encodes)))
            }
            Confirmed::Other => Head::Unclear,
        }
    }

    /// The response as it is stored, without its body. What is not stored may still say that there
    /// is nothing any more.
    fn taken(
        &self,
        key: &str,
        answer: &Answer,
        exchange: &Exchange<'_>,
    ) -> Result<Stored, Option<policy::NotStored>> {
        let decided = storable(
            key.to_owned(),
            (&Method::GET, exchange.fields),
            (answer.status, &answer.headers),
            exchange.requested_at,
            exchange.received_at,
        );
        match decided {
            // An error that says how long it holds spares the origin (RFC 9111, section 3).
            Ok(stored) if answer.status.is_server_error() && stored.terms.lifetime_s == 0 => {
                Err(None)
            }
            Ok(stored) => Ok(stored),
            Err(why) => {
                if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
                    self.cache.forget(key);
                }
                Err(Some(why))
            }
        }
    }

    /// Notes what an attempt tells of the origin.
    fn noted<T>(&self, asked: Result<T, FetchError>) -> Result<T, FetchError> {
        let (now, site) = (self.clock.now(), &self.site.name);
        match &asked {
            Ok(_) => {
                if self.health.answered() {
                    tracing::info!(%site, "the origin answers");
                }
            }
            Err(error) if error.is_of_the_origin() => {
                if self.health.failed(now, rand::rng().random()) {
                    tracing::warn!(%site, %error, "the origin does not answer");
                }
            }
            Err(_) => {}
        }
        asked
    }

    /// Asks in the background for what a reader was given stale, unless that is under way already
    /// or failed a short time ago.
    pub fn refresh_soon(self: &Arc<Self>, question: Question) {
        let key = question.key.clone();
        if self.personal.contains_key(&key) {
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

    /// Under what a target of the site's first host is stored.
    #[must_use]
    pub fn own_key(&self, target: &str) -> String {
        self.site.key(&self.origin.host, target)
    }

    /// Asks, for the site's first host, whether what is stored of a target still holds.
    ///
    /// # Errors
    /// The site's host cannot stand in a field.
    pub fn confirm_own(
        self: &Arc<Self>,
        stored: Arc<Prepared>,
        target: &str,
    ) -> Result<Passenger, FetchError> {
        let question = Question {
            key: stored.stored.key.clone(),
            target: self.site.rules.target(target).into_owned(),
            fields: Origin::own_fields(&self.origin.host)?,
            // However fresh it is: the origin is to say so.
            wants: Directives {
                no_cache: true,
                ..Directives::default()
            },
            stored: Some(stored),
        };
        Ok(self.join(question, "").passenger)
    }

    /// Fetches a target of the site's first host, of which nothing is stored.
    ///
    /// # Errors
    /// The origin did not answer, or with more than `most_bytes`.
    pub async fn fetch(
        &self,
        target: &str,
        most_bytes: usize,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let fields = Origin::own_fields(&self.origin.host)?;
        let asked = self.origin.get(fields, target, |_| ()).await;
        let answer = self.noted(asked)?;
        Ok((answer.status, answer.body.whole(most_bytes).await?))
    }

    /// Fetches a target of the site's first host and takes the response in durably. For the warmer.
    ///
    /// # Errors
    /// The origin did not answer. A 5xx is an answer, and changes nothing.
    pub async fn refresh(&self, target: &str) -> Result<Refreshed, FetchError> {
        let key = self.own_key(target);
        let target = self.site.rules.target(target);
        let fields = Origin::own_fields(&self.origin.host)?;
        let _counted = self.counters.fetching();
        let requested_at = self.clock.now();
        let asked = self.origin.get(fields.clone(), &target, |_| ()).await;
        let mut answer = self.noted(asked)?;
        let exchange = Exchange {
            fields: &fields,
            requested_at,
            received_at: self.clock.now(),
        };
        if self.site.encodes {
            encoding::forget_vary(&mut answer.headers);
        }
        let status = answer.status;
        let taken = self.taken(&key, &answer, &exchange);
        let body = answer.body.whole(self.cache.max_object_bytes()).await?;
        let mut kept = Kept::Yes;
        if let Ok(mut stored) = taken
            && !status.is_server_error()
        {
            stored.body = body;
            let prepared = Arc::new(stored.prepare(self.site.encodes));
            let filled = self.cache.fill(&self.site, &prepared);
            kept = filled.kept().await;
        }
        Ok(Refreshed { status, kept })
    }
}

/// What came of a fetch that no reader waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// The origin's status.
    pub status: StatusCode,
    /// Whether the durable copy, where there is to be one, is written.
    pub kept: Kept,
}

/// What was asked, and when.
struct Exchange<'f> {
    fields: &'f HeaderMap,
    requested_at: Timestamp,
    received_at: Timestamp,
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

impl ResponseHead {
    fn new(answer: &Answer, stored: Option<&Stored>, received_at: Timestamp) -> Self {
        let mut headers = answer.headers.clone();
        end_to_end(&mut headers);
        Self {
            status: answer.status,
            headers,
            age_s: answer.headers.first("age").and_then(|age| age.parse().ok()),
            length: length(&answer.headers),
            shared: stored.map(|stored| stored.terms.clone()),
            stored: stored.is_some(),
            received_at,
        }
    }
}

impl ResponseHead {
    /// The next reader may be given it in another coding.
    fn vary_by_coding(&mut self) {
        let length = self.length.and_then(|length| usize::try_from(length).ok());
        if encoding::is_encodable(self.status, &self.headers, length) {
            encoding::vary(&mut self.headers);
        }
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.first("content-length")?.parse().ok()
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() <= 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        whole.extend_from_slice(piece);
    }
    whole.freeze()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
