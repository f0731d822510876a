//! What no reader asked for: the warmer's fetches, for the site's first host.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use super::exchange::Exchange;
use super::{Fetcher, Question};
use crate::cache::flight::Passenger;
use crate::cache::origin::{FetchError, Origin};
use crate::cache::prepared::Prepared;
use crate::cache::{Directives, Kept, encoding};

/// What came of a fetch that no reader waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// The origin's status.
    pub status: StatusCode,
    /// Whether the durable copy, where there is to be one, is written.
    pub kept: Kept,
}

impl Fetcher {
    /// Under what a target of the site's first host is stored.
    #[must_use]
    pub fn own_key(&self, target: &str) -> String {
        self.site.key(&self.host, target)
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
            fields: Origin::own_fields(&self.host)?,
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
        let fields = Origin::own_fields(&self.host)?;
        let answer = self.asked(&fields, target, |_| ()).await?;
        Ok((answer.status, answer.body.whole(most_bytes).await?))
    }

    /// Fetches a target of the site's first host and takes the response in durably. For the warmer.
    ///
    /// # Errors
    /// The origin did not answer. A 5xx is an answer, and changes nothing.
    pub async fn refresh(&self, target: &str) -> Result<Refreshed, FetchError> {
        let key = self.own_key(target);
        let target = self.site.rules.target(target);
        let fields = Origin::own_fields(&self.host)?;
        let _counted = self.counters.fetching();
        let requested_at = self.clock.now();
        let mut answer = self.asked(&fields, &target, |_| ()).await?;
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
        if let Some(mut stored) = taken
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
