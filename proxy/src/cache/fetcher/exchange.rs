//! One question to the origin and what becomes of its answer: a confirmation, a response that is
//! stored while it passes, or one that only passes.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::sync::OwnedSemaphorePermit;
use yagura_control::Timestamp;

use super::{Entry, Fetcher, Question};
use crate::cache::flight::{Head, Pilot, ResponseHead};
use crate::cache::origin::{Answer, Body, FetchError, Interim};
use crate::cache::prepared::Prepared;
use crate::cache::stored::end_to_end;
use crate::cache::validate::{self, Confirmed};
use crate::cache::{Fields, Stored, encoding, storable};
use crate::counters::Fetching;

/// How long a passenger of a response that is not kept may hold it up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an answer is.
enum Opened {
    /// It confirms what is stored, or speaks of something else.
    Confirmed(Head),
    /// A response that is coming.
    Response(Box<Coming>),
}

/// A response that is coming.
struct Coming {
    head: Arc<ResponseHead>,
    body: Body,
    collector: Option<Collector>,
}

/// Gathers a response that is to be stored.
struct Collector {
    stored: Stored,
    pieces: Vec<Bytes>,
    bytes: usize,
    most_bytes: usize,
}

impl Coming {
    /// Gathers a piece; false when the response turns out too large to be stored.
    fn collect(&mut self, piece: &Bytes) -> bool {
        let Some(collector) = &mut self.collector else {
            return false;
        };
        collector.bytes += piece.len();
        if collector.bytes > collector.most_bytes {
            self.collector = None;
            return false;
        }
        collector.pieces.push(piece.clone());
        true
    }
}

/// A response on its way to one reader.
pub struct Direct {
    coming: Box<Coming>,
    fetcher: Arc<Fetcher>,
    /// Count it, until it ends.
    _under_way: (OwnedSemaphorePermit, Fetching),
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Direct")
            .field("head", &self.coming.head)
            .finish_non_exhaustive()
    }
}

impl Direct {
    /// Its head.
    #[must_use]
    pub const fn head(&self) -> &Arc<ResponseHead> {
        &self.coming.head
    }

    /// The next piece of its body; none at the end.
    ///
    /// # Errors
    /// The rest does not come.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, FetchError> {
        let piece = self.coming.body.piece().await?;
        self.note(piece.as_ref());
        Ok(piece)
    }

    /// What is there already, without waiting.
    ///
    /// # Errors
    /// As of [`Self::piece`].
    pub fn ready(&mut self) -> Option<Result<Option<Bytes>, FetchError>> {
        let ready = self.coming.body.ready()?;
        if let Ok(piece) = &ready {
            self.note(piece.as_ref());
        }
        Some(ready)
    }

    fn note(&mut self, piece: Option<&Bytes>) {
        match piece {
            Some(piece) => {
                self.coming.collect(piece);
            }
            None => self.fetcher.finish(self.coming.collector.take()),
        }
    }
}

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
        let mut coming = match self.opened(question, pilot.interim_teller()).await? {
            Opened::Confirmed(head) => {
                pilot.head(head, true);
                return Ok(());
            }
            Opened::Response(coming) => coming,
        };
        let mut kept = coming.collector.is_some();
        if !kept {
            entry.close();
        }
        pilot.head(Head::Response(coming.head.clone()), kept);
        while let Some(piece) = coming.body.piece().await? {
            if kept && !coming.collect(&piece) {
                kept = false;
                entry.close();
                pilot.let_go();
            }
            if !pilot.piece(piece, PATIENCE).await {
                return Ok(());
            }
        }
        self.finish(coming.collector);
        Ok(())
    }

    /// Asks the origin for one reader, who reads what comes straight from its connection and waits
    /// for nobody. What may be stored is stored all the same.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn direct(
        self: &Arc<Self>,
        mut question: Question,
        interim: impl FnMut(Interim),
    ) -> Result<Direct, FetchError> {
        question.stored = None;
        let permit = self.permit().await?;
        let counted = self.counters.fetching();
        match self.opened(question, interim).await? {
            Opened::Response(coming) => Ok(Direct {
                coming,
                fetcher: self.clone(),
                _under_way: (permit, counted),
            }),
            // Nothing was to be confirmed.
            Opened::Confirmed(_) => Err(FetchError::Broken("an unasked confirmation".to_owned())),
        }
    }

    /// Asks, and decides what becomes of the answer whose head has come.
    async fn opened(
        &self,
        question: Question,
        interim: impl FnMut(Interim),
    ) -> Result<Opened, FetchError> {
        let Question {
            key,
            target,
            mut fields,
            stored: confirming,
            ..
        } = question;
        let confirming = confirming.as_ref();
        let conditions = confirming.and_then(|prepared| validate::conditions(&prepared.stored));
        fields.extend(conditions.unwrap_or_default());
        let requested_at = self.clock.now();
        let mut answer = self.asked(&fields, &target, interim).await?;
        let exchange = Exchange {
            fields: &fields,
            requested_at,
            received_at: self.clock.now(),
        };
        let plain = self.site.encodes && !fields.contains_key(header::ACCEPT_ENCODING);
        if plain {
            encoding::forget_vary(&mut answer.headers);
        }
        if let (StatusCode::NOT_MODIFIED, Some(prepared)) = (answer.status, confirming) {
            let head = self.confirmed(prepared, &answer.headers, &exchange);
            // Nothing follows; read to its end, the connection is kept.
            let _empty = answer.body.whole(0).await;
            return Ok(Opened::Confirmed(head));
        }
        let taken = self.taken(&key, &answer, &exchange);
        // What came encoded for one reader is not stored; the next one asks for it plain.
        let for_one = !plain && self.site.encodes && answer.headers.has("content-encoding");
        let most = self.cache.max_object_bytes();
        let fits = length(&answer.headers).is_none_or(|length| length <= most as u64);
        let storable = taken.is_some();
        let stored = taken.filter(|_| !for_one && fits);
        if storable && for_one {
            self.personal.invalidate(&key);
        } else if stored.is_none() && !answer.status.is_server_error() {
            self.personal.insert(key, ());
        }
        let mut head = ResponseHead::new(&answer, stored.as_ref(), exchange.received_at);
        if self.site.encodes && head.stored {
            head.vary_by_coding();
        }
        let collector = stored.map(|stored| Collector {
            stored,
            pieces: Vec::new(),
            bytes: 0,
            most_bytes: most,
        });
        Ok(Opened::Response(Box::new(Coming {
            head: Arc::new(head),
            body: answer.body,
            collector,
        })))
    }

    /// Takes a whole response in.
    fn finish(&self, collector: Option<Collector>) {
        if let Some(Collector {
            mut stored, pieces, ..
        }) = collector
        {
            stored.body = joined(pieces);
            self.personal.invalidate(&stored.key);
            let prepared = Arc::new(stored.prepare(self.site.encodes));
            self.cache.fill(&self.site, &prepared);
        }
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

    /// The response as it is stored, without its body; none when it is not. What is not stored may
    /// still say that there is nothing any more.
    pub(super) fn taken(
        &self,
        key: &str,
        answer: &Answer,
        exchange: &Exchange<'_>,
    ) -> Option<Stored> {
        let decided = storable(
            key.to_owned(),
            (&Method::GET, exchange.fields),
            (answer.status, &answer.headers),
            exchange.requested_at,
            exchange.received_at,
        );
        match decided {
            // An error that says how long it holds spares the origin (RFC 9111, section 3).
            Ok(stored) if answer.status.is_server_error() && stored.terms.lifetime_s == 0 => None,
            Ok(stored) => Some(stored),
            Err(_) => {
                if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
                    self.cache.forget(key);
                }
                None
            }
        }
    }

    /// Asks the upstream whose turn it is; when not a byte of an answer comes from it, another one,
    /// as far as the budget allows. Notes what each attempt tells.
    pub(super) async fn asked(
        &self,
        fields: &HeaderMap,
        target: &str,
        mut tell: impl FnMut(Interim),
    ) -> Result<Answer, FetchError> {
        self.upstreams.count_request();
        let mut upstream = self.upstreams.first().ok_or(FetchError::Closed)?;
        let mut tried = Vec::new();
        let mut heard = false;
        loop {
            let tell = |interim| {
                heard = true;
                tell(interim);
            };
            let asked = upstream.origin.get(fields, target, tell).await;
            let now = self.clock.now();
            let error = match asked {
                Ok(answer) => {
                    self.upstreams.note_answer(&upstream, answer.status, now);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let of_the_origin = error.is_of_the_origin();
            self.upstreams
                .note_failure(&upstream, of_the_origin, &error, now);
            tried.push(upstream.index);
            if heard {
                return Err(error);
            }
            upstream = self.upstreams.next(&tried).ok_or(error)?;
        }
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
