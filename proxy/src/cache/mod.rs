//! The two-level cache: *hot* in memory, *last-good* on disk. This file is the facade; nothing
//! outside this folder knows how either level works.
//!
//! - `key.rs`, `normalise.rs`, `directives.rs`, `policy.rs`, `vary.rs`, `validate.rs`, `purges.rs`:
//!   decisions, pure but for the purge table.
//! - `sight.rs`, `explain.rs`: what a lookup would find and what would come of it, for operators.
//! - `stored.rs`: a stored response; `prepared.rs`: its form ready for the wire; `encoding.rs` and
//!   `compressor.rs`: the same in other content codings.
//! - `hot.rs`, `last_good/`: the two levels.
//! - `fetcher.rs`, `flight.rs`: asking the origin, once for all who ask for the same; `origin.rs` its
//!   connections, `health.rs` whether it answers, `backoff.rs` how long it is left alone.
//! - `warm/`: fetches what nobody has asked for yet.
//!
//! A lookup never trusts that a purge reached an entry: it compares the entry with the purge table
//! every time (cheaply, see `purges.rs`). So a fill that was in flight during a purge may write
//! what it likes; it is not shown.

mod backoff;
mod compressor;
pub(crate) mod date;
pub(crate) mod directives;
pub mod encoding;
pub mod explain;
pub mod fetcher;
pub mod flight;
mod health;
mod hot;
pub mod key;
pub mod last_good;
pub mod normalise;
pub(crate) mod origin;
pub mod policy;
pub mod prepared;
mod purges;
pub mod sight;
pub mod stored;
pub mod validate;
pub mod vary;
pub mod warm;

use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use yagura_control::order::{HotStatus, LastGoodStatus, Purge, Target};
use yagura_control::{TagSet, Timestamp};

pub use directives::{Directives, Fields};
pub use health::OriginHealth;
pub use key::SiteCache;
pub use last_good::{Kept, Rules};
pub use origin::{FetchError, Interim, Origin};
pub use policy::{NotStored, Terms};
pub use prepared::Prepared;
pub use purges::Table as PurgeTable;
pub use stored::Stored;

use compressor::Compressor;
use hot::Hot;
use last_good::LastGood;
use policy::Reuse;
use purges::{Purges, Verdict};

/// What a lookup found.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// Answer with it.
    Fresh(Arc<Prepared>),
    /// Answer with it, and fetch a new one.
    StaleWhileRevalidate(Arc<Prepared>),
    /// Ask the origin; answer with it only when the origin does not answer.
    Stale(Arc<Prepared>),
    /// Ask the origin whether it still holds; answer with it only when the origin says so.
    Unconfirmed(Arc<Prepared>),
    /// Ask the origin; when it does not answer, say that the page is gone.
    Withdrawn,
    /// Ask the origin.
    Absent,
}

/// Both levels and the purges.
#[derive(Debug)]
pub struct Cache {
    hot: Arc<Hot>,
    compressor: Compressor,
    last_good: Option<LastGood>,
    purges: Purges,
    max_object_bytes: usize,
}

impl Cache {
    /// Opens the cache; `last_good` is the folder of the durable copies and what holds for them.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn open(
        hot_bytes: u64,
        max_object_bytes: u64,
        last_good: Option<(&Path, Rules)>,
    ) -> std::io::Result<Arc<Self>> {
        let hot = Arc::new(Hot::new(hot_bytes));
        Ok(Arc::new(Self {
            compressor: Compressor::start(&hot)?,
            hot,
            last_good: last_good.map(|(folder, rules)| LastGood::open(folder, rules)),
            purges: Purges::default(),
            max_object_bytes: usize::try_from(max_object_bytes).unwrap_or(usize::MAX),
        }))
    }

    /// Largest body that is stored, in bytes.
    #[must_use]
    pub const fn max_object_bytes(&self) -> usize {
        self.max_object_bytes
    }

    /// Looks in memory. No I/O; used by the front on every request.
    #[must_use]
    pub fn hot(
        &self,
        site: &SiteCache,
        key: &str,
        fields: &impl Fields,
        wants: &Directives,
        now: Timestamp,
    ) -> Lookup {
        let Some(mut prepared) = self.hot.find(key) else {
            return Lookup::Absent;
        };
        let fields = &site.rules.seen(fields);
        if !vary::selects(&prepared.stored.terms, fields) {
            let wanted = vary::variant_for(&prepared.stored.terms, fields);
            match self.hot.variant(key, &wanted) {
                Some(variant) => prepared = variant,
                None => return Lookup::Absent,
            }
        }
        let found = self.judge(site, prepared, fields, wants, now);
        if matches!(found, Lookup::Withdrawn) {
            self.hot.remove(key);
        }
        found
    }

    /// How the variant is named that a request asks for, when one of them is in memory.
    fn variant_of(&self, key: &str, fields: &impl Fields) -> Option<String> {
        let prepared = self.hot.find(key)?;
        let terms = &prepared.stored.terms;
        (!terms.vary.is_empty()).then(|| vary::variant_for(terms, fields))
    }

    /// Looks on disk, checking every byte, and takes what is usable into memory.
    pub async fn durable(
        self: &Arc<Self>,
        site: &SiteCache,
        key: &str,
        fields: &impl Fields,
        wants: &Directives,
        now: Timestamp,
    ) -> Lookup {
        let absent = || {
            if self.purges.is_withdrawn(key) {
                Lookup::Withdrawn
            } else {
                Lookup::Absent
            }
        };
        let may_be_there = |last_good: &LastGood| last_good.may_have(key);
        if !(site.last_good && self.last_good.as_ref().is_some_and(may_be_there)) {
            return absent();
        }
        let (cache, name) = (self.clone(), key.to_owned());
        let read = move || cache.last_good.as_ref()?.read(&name, now);
        let Ok(Some(stored)) = tokio::task::spawn_blocking(read).await else {
            return absent();
        };
        let prepared = Arc::new(stored.prepare(site.encodes));
        let fields = &site.rules.seen(fields);
        let found = self.judge(site, prepared.clone(), fields, wants, now);
        match found {
            Lookup::Withdrawn => self.remove_withdrawn(key),
            Lookup::Absent => return absent(),
            // While the origin is dead the stale copy is asked for again and again.
            _ => self.keep_hot(&prepared),
        }
        found
    }

    fn judge(
        &self,
        site: &SiteCache,
        prepared: Arc<Prepared>,
        fields: &impl Fields,
        wants: &Directives,
        now: Timestamp,
    ) -> Lookup {
        let verdict = self.purges.verdict_of(&prepared);
        if verdict == Verdict::Withdrawn {
            return Lookup::Withdrawn;
        }
        if !vary::selects(&prepared.stored.terms, fields) {
            return Lookup::Absent;
        }
        let nothing = Directives::default();
        let wants = if site.honours_reload { wants } else { &nothing };
        let age_s = prepared.stored.age_s(now);
        match policy::reuse(&prepared.stored.terms, age_s, wants, site.window_s) {
            Reuse::Never => Lookup::Unconfirmed(prepared),
            _ if verdict == Verdict::Refreshed => Lookup::Stale(prepared),
            Reuse::Fresh => Lookup::Fresh(prepared),
            Reuse::WhileRevalidating => Lookup::StaleWhileRevalidate(prepared),
            Reuse::OnError if !(site.last_good || prepared.stored.terms.allows_on_error(age_s)) => {
                Lookup::Unconfirmed(prepared)
            }
            Reuse::OnError => Lookup::Stale(prepared),
        }
    }

    /// Takes in a whole response: into memory at once, onto the disk in the background. What a purge
    /// overtook on its way is kept as a last-good copy at most, what was withdrawn not at all.
    pub fn fill(self: &Arc<Self>, site: &SiteCache, prepared: &Arc<Prepared>) -> Filled {
        let stored = &prepared.stored;
        let verdict = self.purges.verdict(stored);
        if verdict == Verdict::Withdrawn || stored.body.len() > self.max_object_bytes {
            return Filled(None);
        }
        let kept = site.last_good && is_worth_keeping(stored.status) && self.last_good.is_some();
        if !kept && matches!(stored.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            // The origin says that there is nothing any more: no old copy contradicts it.
            self.forget(&stored.key);
        }
        let writing = kept.then(|| {
            let (cache, copy) = (self.clone(), prepared.clone());
            tokio::task::spawn_blocking(move || match &cache.last_good {
                // An overtaken response must not replace a newer one.
                Some(last_good)
                    if verdict == Verdict::Valid || !last_good.has(&copy.stored.key) =>
                {
                    last_good.write(&copy.stored)
                }
                _ => Kept::Yes,
            })
        });
        let usable = stored.terms.lifetime_s > 0 || validate::conditions(stored).is_some();
        if verdict == Verdict::Valid && (kept || usable) {
            self.keep_hot(prepared);
        }
        Filled(writing)
    }

    fn keep_hot(&self, prepared: &Arc<Prepared>) {
        self.hot.insert(prepared.clone());
        self.compressor.add(prepared);
    }

    /// Counts purges: a request that is under way since before the last one answers nobody who came
    /// after it.
    #[must_use]
    pub fn purge_count(&self) -> u64 {
        self.purges.count()
    }

    /// Notes that the origin answered 404 or 410 with a response that is not stored.
    pub fn forget(self: &Arc<Self>, key: &str) -> Filled {
        self.hot.remove(key);
        let removing = self.last_good.is_some().then(|| {
            let (cache, key) = (self.clone(), key.to_owned());
            tokio::task::spawn_blocking(move || {
                if let Some(last_good) = &cache.last_good {
                    last_good.remove(&key);
                }
                Kept::Yes
            })
        });
        Filled(removing)
    }

    fn remove_withdrawn(self: &Arc<Self>, key: &str) {
        let (cache, key) = (self.clone(), key.to_owned());
        tokio::task::spawn_blocking(move || {
            if let Some(last_good) = &cache.last_good {
                last_good.remove_if(&key, |stored| {
                    cache.purges.verdict(stored) == Verdict::Withdrawn
                });
            }
        });
    }

    /// An unsafe request changed the target (RFC 9111, section 4.4): what is stored is stale.
    pub fn invalidate(&self, site: &SiteCache, target: &str, now: Timestamp) {
        let refresh = vec![Target::Path(site.rules.target(target).into_owned())];
        let purge = Purge {
            site: site.name.to_string(),
            refresh,
            withdraw: Vec::new(),
        };
        self.purges.apply(&purge, now);
    }

    /// Takes over a purge that was given at `at` and is journalled. Effective at once.
    pub fn purge(&self, purge: &Purge, at: Timestamp) {
        self.purges.apply(purge, at);
    }

    /// How many prefixes the table of purges would hold with this purge.
    #[must_use]
    pub fn prefixes_with(&self, purge: &Purge) -> usize {
        self.purges.prefixes_with(purge)
    }

    /// Removes withdrawn copies from the disk. They are not shown in any case; this is so that they
    /// are not there either.
    pub async fn sweep_withdrawn(self: &Arc<Self>) {
        if !self.purges.has_withdrawals() {
            return;
        }
        let cache = self.clone();
        let sweep = move || {
            if let Some(last_good) = &cache.last_good {
                last_good.sweep(|stored| cache.purges.verdict(stored) == Verdict::Withdrawn);
            }
        };
        let _joined = tokio::task::spawn_blocking(sweep).await;
    }

    /// Lets go what no list names and nobody read for long, and tries a disk that failed again.
    pub async fn look_after(self: &Arc<Self>, retire: bool, now: Timestamp) {
        let cache = self.clone();
        let look = move || {
            if let Some(last_good) = &cache.last_good {
                last_good.try_again(now);
                if retire {
                    last_good.retire(now);
                }
            }
        };
        let _joined = tokio::task::spawn_blocking(look).await;
    }

    /// Counts what is on disk; run once, in the background.
    pub async fn take_stock(self: &Arc<Self>) {
        let cache = self.clone();
        let count = move || cache.last_good.as_ref().map(LastGood::take_stock);
        let _joined = tokio::task::spawn_blocking(count).await;
    }

    /// Makes everything filled so far survive a power cut.
    async fn sync(self: &Arc<Self>) -> std::io::Result<()> {
        let cache = self.clone();
        let sync = move || cache.last_good.as_ref().map_or(Ok(()), LastGood::sync);
        tokio::task::spawn_blocking(sync)
            .await
            .map_err(std::io::Error::other)?
    }

    /// Lets the folder be another process's: what is on disk is read, and stays as it is. Blocks until
    /// what is under way is done.
    pub fn seal(&self) {
        if let Some(last_good) = &self.last_good {
            last_good.seal();
        }
    }

    /// Takes the folder back.
    pub fn unseal(&self) {
        if let Some(last_good) = &self.last_good {
            last_good.unseal();
        }
    }

    /// The purges in force, for a snapshot.
    #[must_use]
    pub fn purge_table(&self) -> PurgeTable {
        self.purges.snapshot()
    }

    /// Takes over the purges of a snapshot.
    pub fn restore_purges(&self, table: PurgeTable) {
        self.purges.restore(table);
    }

    /// How both levels stand.
    #[must_use]
    pub fn status(&self) -> (HotStatus, Option<LastGoodStatus>) {
        (
            self.hot.status(),
            self.last_good.as_ref().map(LastGood::status),
        )
    }
}

/// A response taken in or forgotten; its durable copy may still be being written or removed.
#[derive(Debug)]
pub struct Filled(Option<tokio::task::JoinHandle<Kept>>);

impl Filled {
    /// Ends when the durable copy is written, where there is to be one, and tells whether it was.
    pub async fn kept(self) -> Kept {
        match self.0 {
            None => Kept::Yes,
            Some(writing) => writing.await.unwrap_or(Kept::DiskFails),
        }
    }
}

/// Builds a storable response out of what came back, or says why it is not stored.
///
/// # Errors
/// See [`NotStored`].
pub fn storable(
    key: String,
    request: (&Method, &HeaderMap),
    response: (StatusCode, &HeaderMap),
    requested_at: Timestamp,
    received_at: Timestamp,
) -> Result<Stored, NotStored> {
    let (method, fields) = request;
    let (status, headers) = response;
    let terms = policy::decide(method, fields, status, headers, requested_at, received_at)?;
    let tags = headers
        .first(yagura_control::tags::FIELD_NAME)
        .unwrap_or("");
    let tags = TagSet::from_field_value(tags);
    let mut headers = headers.clone();
    stored::end_to_end(&mut headers);
    // A response without a date is given the time it was there (RFC 9110, section 6.6.1).
    if !headers.has("date")
        && let Ok(date) = httpdate::fmt_http_date(received_at.into()).try_into()
    {
        headers.insert(http::header::DATE, date);
    }
    let body = bytes::Bytes::new();
    Ok(Stored {
        key,
        status,
        headers,
        body,
        requested_at,
        received_at,
        terms,
        tags,
    })
}

/// Statuses that make sense to a reader when the origin is dead.
fn is_worth_keeping(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 300 | 301 | 308)
}

#[cfg(test)]
mod tests;
