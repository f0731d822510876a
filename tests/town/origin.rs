//! A small HTTP origin of the tests' own: what a city has today, behind which the edge is put.
//! It answers by its URL, counts what reaches it, and can be stopped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running origin.
pub struct Origin {
    noted: Arc<Noted>,
    serving: JoinHandle<()>,
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It answers with this status.
    Status(u16),
    /// It closes the connection instead of an answer.
    Disconnect,
    /// It does not answer while it fails.
    Silence,
}

/// What it saw, and whether it may answer.
struct Noted {
    seen: Mutex<Vec<String>>,
    /// Requests with `?held` are answered while this is true; with `?stalled` their second half is.
    open: watch::Sender<bool>,
    failure: watch::Sender<Option<Failure>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Origin {
    /// Starts at an address.
    pub async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let noted = Arc::new(Noted {
            seen: Mutex::default(),
            open: watch::Sender::new(false),
            failure: watch::Sender::new(None),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        });
        let shared = noted.clone();
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let noted = shared.clone();
                connections.spawn(async move {
                    let answer = service_fn(move |request| {
                        let noted = noted.clone();
                        async move { respond(request, &noted).await }
                    });
                    let _closed = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Self { noted, serving }
    }

    /// Lets what is held go.
    pub fn open(&self) {
        self.noted.open.send_replace(true);
    }

    /// Makes it fail from now on, or answer again.
    pub fn fail(&self, failure: Option<Failure>) {
        self.noted.failure.send_replace(failure);
    }

    /// Holds again what comes from now on.
    pub fn close(&self) {
        self.noted.open.send_replace(false);
    }

    /// Most requests that it had to answer at a time.
    pub fn most_under_way(&self) -> usize {
        self.noted.most_under_way.load(Ordering::SeqCst)
    }

    /// Requests that reached it so far, as `METHOD target`.
    pub fn seen(&self) -> Vec<String> {
        self.noted.seen.lock().unwrap().clone()
    }

    /// Stops it, with every connection.
    pub async fn stop(self) {
        self.serving.abort();
        let _aborted = self.serving.await;
    }
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

/// The URL says what is wanted: `?cc=` the Cache-Control, `?status=` the status, `?etag=` a validator,
/// `?vary=` the fields it varies by, `?tag=` its cache tags, `?held` and `?stalled` to wait for the test, `?broken` to break off in the middle, `?type=` the Content-Type, `?field=` any other field, `?long` for a body of some size, or `?long=` times the text.
async fn respond(request: Request<Incoming>, noted: &Noted) -> std::io::Result<Response<Body>> {
    let mut failure = noted.failure.subscribe();
    let failing = *failure.borrow();
    match failing {
        None => {}
        Some(Failure::Status(status)) => {
            let empty = Full::default().map_err(|never: Infallible| match never {});
            let response = Response::builder().status(status);
            return Ok(response.body(empty.boxed_unsync()).unwrap());
        }
        Some(Failure::Disconnect) => return Err(std::io::Error::other("closed as wanted")),
        Some(Failure::Silence) => {
            let _over = failure.wait_for(Option::is_none).await;
        }
    }
    let under_way = noted.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    noted.most_under_way.fetch_max(under_way, Ordering::SeqCst);
    let response = responded(request, noted).await;
    noted.under_way.fetch_sub(1, Ordering::SeqCst);
    Ok(response)
}

async fn responded(request: Request<Incoming>, noted: &Noted) -> Response<Body> {
    let whole = |text: String| {
        Full::from(text)
            .map_err(|never| match never {})
            .boxed_unsync()
    };
    let (head, body) = request.into_parts();
    let number = {
        let mut seen = noted.seen.lock().unwrap();
        seen.push(format!("{} {}", head.method, head.uri));
        seen.len()
    };
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    let wanted = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let mut response =
        Response::builder().status(wanted("status").map_or(200, |status| status.parse().unwrap()));
    if let Some(value) = wanted("cc") {
        response = response.header("cache-control", value);
    }
    if let Some(value) = wanted("etag").map(|tag| format!("\"{tag}\"")) {
        // A slow answer, so that readers who ask at the same time really meet.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let asked = head
            .headers
            .get("if-none-match")
            .is_some_and(|asked| asked == value.as_str());
        response = response.header("etag", &value);
        if asked {
            response = response.status(304).header("seen-if-none-match", value);
            return response.body(whole(String::new())).unwrap();
        }
    }
    if let Some(value) = wanted("tag") {
        response = response.header("cache-tag", value);
    }
    if let Some(value) = wanted("vary") {
        response = response.header("vary", value);
    }
    if let Some(field) = wanted("field") {
        let (name, value) = field.split_once(": ").unwrap();
        response = response.header(name, value);
    }
    if let Some(value) = wanted("type") {
        response = response.header("content-type", value);
    }
    let fields = [
        "host",
        "accept-encoding",
        "cookie",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-evil",
        "accept-language",
        "cookie",
        "via",
        "traceparent",
        "tracestate",
        "x-request-id",
        "yagura-access",
    ];
    for name in fields {
        if let Some(value) = head.headers.get(name) {
            response = response.header(format!("seen-{name}"), value);
        }
    }
    let text = format!(
        "answer {number} to {} with {} bytes: {}",
        head.method,
        body.len(),
        String::from_utf8_lossy(&body)
    );
    let text = match wanted("long") {
        Some(times) => text.repeat(times.parse().unwrap_or(200)),
        None => text,
    };
    let mut open = noted.open.subscribe();
    if wanted("held").is_some() {
        let _opened = open.wait_for(|open| *open).await.unwrap();
    }
    let (stalled, broken) = (wanted("stalled").is_some(), wanted("broken").is_some());
    if !(stalled || broken) {
        return response.body(whole(text)).unwrap();
    }
    let (first, second) = text.split_at(text.len() / 2);
    let (first, second) = (
        Bytes::from(first.to_owned()),
        Bytes::from(second.to_owned()),
    );
    let pieces = futures_util::stream::once(async move { Ok(Frame::data(first)) }).chain(
        futures_util::stream::once(async move {
            if broken {
                return Err(std::io::Error::other("broken off as wanted"));
            }
            let _opened = open.wait_for(|open| *open).await;
            Ok(Frame::data(second))
        }),
    );
    response
        .body(StreamBody::new(pieces).boxed_unsync())
        .unwrap()
}
