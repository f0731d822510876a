//! Fetches a response anew and takes it in: for stale-while-revalidate, and for the warmer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use tokio::sync::Semaphore;
use yagura_control::Clock;

use super::fetch::{FetchError, Source};
use super::{Cache, OriginHealth, SiteCache, storable};

/// Most fetches at a time that no reader waits for.
const CONCURRENT: usize = 16;

/// A site's way to its origin, shared by readers' refreshes and the warmer.
pub struct Refresher {
    cache: Arc<Cache>,
    site: SiteCache,
    source: Source,
    clock: Arc<dyn Clock>,
    origin: Arc<OriginHealth>,
    under_way: Mutex<HashSet<String>>,
    permits: Semaphore,
}

impl Refresher {
    /// A refresher of one site.
    #[must_use]
    pub fn new(
        cache: Arc<Cache>,
        site: SiteCache,
        source: Source,
        clock: Arc<dyn Clock>,
        origin: Arc<OriginHealth>,
    ) -> Arc<Self> {
        let (under_way, permits) = (Mutex::default(), Semaphore::new(CONCURRENT));
        Arc::new(Self {
            cache,
            site,
            source,
            clock,
            origin,
            under_way,
            permits,
        })
    }

    /// What the cache knows of the site.
    #[must_use]
    pub const fn site(&self) -> &SiteCache {
        &self.site
    }

    /// Fetches what a reader asked for in the background, unless that is already under way.
    /// `authority` is the host with the port readers use.
    pub fn refresh_soon(self: &Arc<Self>, authority: &str, host: &str, target: &str) {
        let key = self.site.key(host, target);
        let new = lock(&self.under_way).insert(key.clone());
        if !new {
            return;
        }
        let (this, authority, target) = (self.clone(), authority.to_owned(), target.to_owned());
        tokio::spawn(async move {
            let permit = this.permits.acquire().await;
            if let Err(error) = this.fetch_into(&key, &authority, &target).await {
                tracing::debug!(%target, %error, "a refresh failed; the stale copy stays");
            }
            drop(permit);
            lock(&this.under_way).remove(&key);
        });
    }

    /// Fetches a target of the site's first host and takes the response in; gives its status.
    ///
    /// # Errors
    /// The origin did not answer. A 5xx is an answer, and changes nothing.
    pub async fn refresh(&self, target: &str) -> Result<StatusCode, FetchError> {
        let key = self.site.key(&self.source.host, target);
        self.fetch_into(&key, &self.source.host, target).await
    }

    async fn fetch_into(
        &self,
        key: &str,
        authority: &str,
        target: &str,
    ) -> Result<StatusCode, FetchError> {
        let most_bytes = self.cache.max_object_bytes();
        let fetched = self
            .source
            .fetch(authority, target, most_bytes, &*self.clock)
            .await;
        match &fetched {
            Ok(_) => self.origin.answered(),
            Err(_) => self.origin.failed(self.clock.now()),
        };
        let fetched = fetched?;
        let decided = storable(
            key.to_owned(),
            (&Method::GET, &fetched.request_headers),
            (fetched.status, &fetched.headers),
            fetched.requested_at,
            fetched.received_at,
        );
        match decided {
            Ok(mut stored) if !fetched.status.is_server_error() => {
                stored.body = fetched.body;
                self.cache.fill(&self.site, stored).kept().await;
            }
            Err(_) if matches!(fetched.status, StatusCode::NOT_FOUND | StatusCode::GONE) => {
                self.cache.forget(key);
            }
            _ => {}
        }
        Ok(fetched.status)
    }
}

fn lock(under_way: &Mutex<HashSet<String>>) -> std::sync::MutexGuard<'_, HashSet<String>> {
    under_way
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
