//! Fetches a response anew and takes it in: for stale-while-revalidate, for the warmer, and for
//! readers who wait for the origin to confirm what is stored.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, StatusCode};
use tokio::sync::{Semaphore, watch};
use yagura_control::Clock;

use super::fetch::{FetchError, Fetched, Source};
use super::validate::{self, Confirmed};
use super::{Cache, OriginHealth, Prepared, SiteCache, storable};

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
    asking: Mutex<Asking>,
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
            asking: Mutex::default(),
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
        let fetched = self.asked(Source::own_fields(authority)?, target).await?;
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

    async fn asked(&self, fields: HeaderMap, target: &str) -> Result<Fetched, FetchError> {
        let most_bytes = self.cache.max_object_bytes();
        let fetched = self
            .source
            .fetch(fields, target, most_bytes, &*self.clock)
            .await;
        let _news = match &fetched {
            Ok(_) | Err(FetchError::TooLarge(_)) => self.origin.answered(),
            Err(error) if error.is_of_the_origin() => self.origin.failed(self.clock.now()),
            Err(_) => false,
        };
        fetched
    }

    /// Asks the origin whether a stored response still holds, with a reader's fields. Readers who
    /// ask for the same at the same time wait for one answer.
    ///
    /// # Errors
    /// The origin did not answer.
    pub async fn confirm(
        self: &Arc<Self>,
        prepared: &Arc<Prepared>,
        fields: HeaderMap,
        target: &str,
    ) -> Result<Answered, FetchError> {
        // The stored response itself is the name of the question: another variant is another one.
        let question = Arc::as_ptr(prepared) as usize;
        let mut answer = {
            let mut asking = lock(&self.asking);
            match asking.get(&question) {
                Some(answer) => answer.clone(),
                None => {
                    let (told, answer) = watch::channel(None);
                    asking.insert(question, answer.clone());
                    let (this, prepared, target) =
                        (self.clone(), prepared.clone(), target.to_owned());
                    // A task of its own: it goes on when the reader who began it leaves.
                    tokio::spawn(async move {
                        let answer = this.confirm_now(&prepared, fields, &target).await;
                        lock(&this.asking).remove(&question);
                        told.send_replace(Some(answer));
                    });
                    answer
                }
            }
        };
        let answered = answer.wait_for(Option::is_some).await;
        let answered =
            answered.map_err(|_| FetchError::Broken("the question was given up".to_owned()))?;
        answered
            .clone()
            .unwrap_or_else(|| Err(FetchError::Broken(String::new())))
    }

    async fn confirm_now(
        self: &Arc<Self>,
        prepared: &Prepared,
        mut fields: HeaderMap,
        target: &str,
    ) -> Result<Answered, FetchError> {
        let stored = &prepared.stored;
        fields.extend(validate::conditions(stored).unwrap_or_default());
        let fetched = self.asked(fields, target).await?;
        let (requested_at, received_at) = (fetched.requested_at, fetched.received_at);
        if fetched.status == StatusCode::NOT_MODIFIED {
            let asked = &fetched.request_headers;
            return Ok(
                match validate::confirmed(
                    stored,
                    asked,
                    &fetched.headers,
                    requested_at,
                    received_at,
                ) {
                    Confirmed::Updated(updated) => {
                        self.cache.fill(&self.site, updated.clone());
                        Answered::Confirmed(Arc::new(updated.prepare()))
                    }
                    Confirmed::Once(updated) => {
                        self.cache.forget(&stored.key);
                        Answered::Confirmed(Arc::new(updated.prepare()))
                    }
                    Confirmed::Other => Answered::Unclear,
                },
            );
        }
        let asked = (&Method::GET, &fetched.request_headers);
        let told = (fetched.status, &fetched.headers);
        match storable(stored.key.clone(), asked, told, requested_at, received_at) {
            Ok(mut new) if !fetched.status.is_server_error() => {
                new.body = fetched.body;
                self.cache.fill(&self.site, new.clone());
                Ok(Answered::Replaced(Arc::new(new.prepare())))
            }
            _ => {
                if matches!(fetched.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
                    self.cache.forget(&stored.key);
                }
                Ok(Answered::Passing(Arc::new(fetched)))
            }
        }
    }
}

/// What the origin said of a stored response.
#[derive(Clone, Debug)]
pub enum Answered {
    /// It holds; this is it, with what the confirmation changed.
    Confirmed(Arc<Prepared>),
    /// There is a new one, which is stored.
    Replaced(Arc<Prepared>),
    /// There is an answer that is not stored.
    Passing(Arc<Fetched>),
    /// The confirmation speaks of something else; ask without conditions.
    Unclear,
}

/// Answers that are waited for, by the stored response asked about.
type Asking = HashMap<usize, watch::Receiver<Option<Result<Answered, FetchError>>>>;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
