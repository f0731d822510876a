//! The thread that sends spans to the collector, many at a time. What is not taken is dropped: traces
//! are worth less than the memory of a machine in trouble.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use yagura_config::settings::TraceSettings;
use yagura_control::clock::monotonic;

use super::{Counts, Message, span};
use crate::access_log::Line;

/// Most spans that are sent together.
const TOGETHER: usize = 512;
/// How long spans wait for others to be sent with.
const TOGETHER_WITHIN: Duration = Duration::from_secs(1);
/// How long the collector may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most bytes of its answer that are read.
const MOST_ANSWER: usize = 64 << 10;

/// Sends what comes.
pub struct Exporter {
    settings: TraceSettings,
    edge: String,
    counts: Arc<Counts>,
    failing: bool,
}

impl Exporter {
    /// An exporter for the edge of this name.
    #[must_use]
    pub fn new(settings: TraceSettings, edge: &str, counts: Arc<Counts>) -> Self {
        Self {
            settings,
            edge: edge.to_owned(),
            counts,
            failing: false,
        }
    }

    /// Sends until [`Counts::ending`] is set and the queue is empty.
    pub fn run(mut self, messages: &Receiver<Message>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "traces cannot be sent");
                return;
            }
        };
        while let Ok(first) = messages.recv() {
            let batch = self.together(first, messages);
            if !batch.is_empty() {
                let spans = batch.iter().map(|line| span::of(line, &self.settings));
                let spans: Vec<_> = spans.collect();
                let body = span::together(&self.edge, &spans).to_string();
                let result = runtime.block_on(send(&self.settings, body));
                self.note(result, spans.len() as u64);
            }
            // A full queue is sent to its end, but to a collector that takes it.
            let is_last = batch.len() < TOGETHER || self.failing;
            if self.is_ending() && is_last {
                return;
            }
        }
    }

    fn is_ending(&self) -> bool {
        self.counts.ending.load(Ordering::Acquire)
    }

    /// The first, and those that come soon after it.
    fn together(&self, first: Message, messages: &Receiver<Message>) -> Vec<Line> {
        let began = monotonic();
        let mut batch = Vec::new();
        let mut next = first;
        loop {
            if let Message::Ended(line) = next {
                batch.push(line);
            }
            if batch.len() >= TOGETHER {
                return batch;
            }
            let rest = if self.is_ending() {
                Duration::ZERO
            } else {
                TOGETHER_WITHIN.saturating_sub(began.elapsed())
            };
            match messages.recv_timeout(rest) {
                Ok(message) => next = message,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return batch,
            }
        }
    }

    fn note(&mut self, result: Result<(), String>, spans: u64) {
        let add = |count: &AtomicU64| count.fetch_add(spans, Ordering::Relaxed);
        match result {
            Ok(()) => {
                add(&self.counts.sent);
                if std::mem::take(&mut self.failing) {
                    tracing::warn!("the collector takes traces again");
                }
            }
            Err(why) => {
                add(&self.counts.lost);
                // Told once, not every second.
                if !std::mem::replace(&mut self.failing, true) {
                    let collector = self.settings.collector;
                    tracing::warn!(%collector, why, "the collector takes no traces; they are dropped");
                }
            }
        }
    }
}

async fn send(settings: &TraceSettings, body: String) -> Result<(), String> {
    match tokio::time::timeout(DEADLINE, post(settings, body)).await {
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(status)) => Err(format!("it answered {status}")),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(format!("no answer within {DEADLINE:?}")),
    }
}

async fn post(settings: &TraceSettings, body: String) -> Result<StatusCode, String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let stream = TcpStream::connect(settings.collector)
        .await
        .map_err(|error| words(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| words(&error))?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(settings.path.as_str())
        .header(header::HOST, settings.collector.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| words(&error))?;
    let exchange = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| words(&error))?;
        let status = response.status();
        let _words = Limited::new(response.into_body(), MOST_ANSWER)
            .collect()
            .await;
        Ok(status)
    };
    // Whichever ends first: the connection ends only with the exchange, or by breaking.
    let (answer, _closed) = tokio::join!(exchange, connection);
    answer
}
