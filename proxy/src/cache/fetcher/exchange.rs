//! One question to the origin and what becomes of its answer: a confirmation, a response that is
//! stored while it passes, or one that only passes.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use rand::Rng;
use yagura_control::Timestamp;

use super::{Entry, Fetcher, Question};
use crate::cache::flight::{Head, Pilot, ResponseHead};
use crate::cache::origin::{Answer, Body, FetchError};
use crate::cache::prepared::Prepared;
use crate::cache::stored::end_to_end;
use crate::cache::validate::{self, Confirmed};
use crate::cache::{Fields, Stored, encoding, policy, storable};

/// How long a passenger of a response that is not kept may hold it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was asked, and when.
pub(super) struct Exchange<'f> {
    pub(super) fields: &'f HeaderMap,
    pub(super) requested_at: Timestamp,
    pub(super) received_at: Timestamp,
}

impl Fetcher {
    /// One question and its answer: to the passengers, and into the cache.
    pub(super) async fn fly(
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
    pub(super) fn taken(
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
    pub(super) fn noted<T>(&self, asked: Result<T, FetchError>) -> Result<T, FetchError> {
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
