//! Traces for OpenTelemetry: off unless `[edge.traces]` is there.
//!
//! A request is one span, made when it ends out of what the access log's line holds (`span.rs`), so
//! that a request pays nothing twice. The trace has the number that the log and `X-Request-Id` have;
//! by it is decided whether it is told at all, here and, through `traceparent`, at the origin. Spans go
//! through a bounded queue to a thread of their own (`exporter.rs`), which sends them to a collector on
//! this machine; when that is slow or dead they are dropped and counted, and no reader waits. Why they
//! are written here and not by the SDK: docs/decisions/traces.md.

mod exporter;
mod span;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use http::{HeaderName, HeaderValue};
use yagura_config::settings::TraceSettings;

use crate::access_log::Line;
use crate::access_log::request_id::RequestId;
use crate::error::EdgeError;
use exporter::Exporter;

/// The field that carries a trace on (Trace Context, section 3.2).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Spans that may wait for the collector.
const WAITING: usize = 4096;

/// Where spans go, or nowhere.
pub struct Traces(Option<Open>);

struct Open {
    per_million: u32,
    spans: SyncSender<Message>,
    counts: Arc<Counts>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the queue holds.
enum Message {
    /// A request that ended.
    Ended(Line),
    /// Nothing: the thread is to look whether it is to end.
    Wake,
}

/// What became of spans since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// The collector took them.
    pub sent: AtomicU64,
    /// They did not fit into the queue, or the collector did not take them.
    pub lost: AtomicU64,
    /// The thread is to send what waits, and end.
    ending: AtomicBool,
}

impl Traces {
    /// Starts the thread that sends spans; `edge` is the edge's name.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn open(settings: Option<&TraceSettings>, edge: &str) -> Result<Self, EdgeError> {
        let Some(settings) = settings else {
            return Ok(Self(None));
        };
        let (spans, waiting) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let exporter = Exporter::new(settings.clone(), edge, counts.clone());
        let thread = std::thread::Builder::new()
            .name("traces".to_owned())
            .spawn(move || exporter.run(&waiting))
            .map_err(EdgeError::at("the thread that sends traces"))?;
        Ok(Self(Some(Open {
            per_million: settings.per_million,
            spans,
            counts,
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Whether any request is told.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the request of this number is told.
    #[must_use]
    pub fn tells_of(&self, id: RequestId) -> bool {
        let open = self.0.as_ref();
        open.is_some_and(|open| is_told(id, open.per_million))
    }

    /// Adds a request that ended and is told.
    pub fn add(&self, line: Line) {
        if let Some(open) = &self.0
            && open.spans.try_send(Message::Ended(line)).is_err()
        {
            open.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the origin is told of a request, where there are traces.
    #[must_use]
    pub fn parent(&self, id: RequestId) -> Option<HeaderValue> {
        self.is_on()
            .then(|| span::parent(id, self.tells_of(id)))
            .flatten()
    }

    /// How many spans the collector took, and how many were lost; none without traces.
    #[must_use]
    pub fn counts(&self) -> Option<(u64, u64)> {
        let counts = &self.0.as_ref()?.counts;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Some((of(&counts.sent), of(&counts.lost)))
    }

    /// Sends what waits, as long as the collector takes it, and ends the thread.
    pub fn finish(&self) {
        let Some(open) = &self.0 else { return };
        open.counts.ending.store(true, Ordering::Release);
        let _full_queue_wakes_too = open.spans.try_send(Message::Wake);
        let mut thread = open.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            let _ended = thread.join();
        }
    }
}

/// The share is taken of the number's last 56 bits, which are random (Trace Context level 2,
/// section 3.2.2.5), so that every program along the way decides alike.
const fn is_told(id: RequestId, per_million: u32) -> bool {
    const BITS: u32 = 56;
    let drawn = id.0 & ((1 << BITS) - 1);
    drawn * 1_000_000 < (per_million as u128) << BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_share_that_was_asked_for_is_told() {
        let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(7);
        let ids: Vec<RequestId> = (0..100_000).map(|_| RequestId::new(&mut dice)).collect();
        for (per_million, least, most) in [
            (1_000_000, 100_000, 100_000),
            (10_000, 900, 1100),
            (1, 0, 5),
        ] {
            let told = ids.iter().filter(|id| is_told(**id, per_million)).count();
            assert!((least..=most).contains(&told), "{told} of {per_million}");
        }
    }

    #[test]
    fn without_settings_nothing_is_told() {
        let traces = Traces::open(None, "edge").unwrap();
        assert!(!traces.is_on() && !traces.tells_of(RequestId(0)));
        assert_eq!(traces.parent(RequestId(0)), None);
        assert_eq!(traces.counts(), None);
        traces.finish();
    }
}
