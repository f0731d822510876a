//! A small HTTP origin of the tests' own: what a city has today, behind which the edge is put.
//! It answers by its URL, counts what reaches it, and can be stopped.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running origin.
pub struct Origin {
    seen: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Origin {
    /// Starts at an address.
    pub async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = seen.clone();
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let noted = noted.clone();
                connections.spawn(async move {
                    let answer = service_fn(move |request| {
                        let noted = noted.clone();
                        async move { Ok::<_, Infallible>(respond(request, &noted).await) }
                    });
                    let _closed = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Self { seen, serving }
    }

    /// Requests that reached it so far, as `METHOD target`.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Stops it, with every connection.
    pub async fn stop(self) {
        self.serving.abort();
        let _aborted = self.serving.await;
    }
}

/// The URL says what is wanted: `?cc=` the Cache-Control, `?status=` the status, `?etag=` a validator.
async fn respond(request: Request<Incoming>, seen: &Mutex<Vec<String>>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let number = {
        let mut seen = seen.lock().unwrap();
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
            return response.body(Full::default()).unwrap();
        }
    }
    if let Some(value) = wanted("vary") {
        response = response.header("vary", value);
    }
    let fields = [
        "host",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-evil",
        "accept-language",
        "via",
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
    response.body(Full::from(text)).unwrap()
}
