//! A collector of OpenTelemetry's traces as far as an edge needs one: it takes OTLP in JSON, keeps the
//! spans, and can refuse.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// A running collector.
#[derive(Clone, Default)]
pub struct Collector {
    spans: Arc<Mutex<Vec<Value>>>,
    refuses: Arc<AtomicBool>,
}

impl Collector {
    /// Starts at an address.
    pub async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let collector = Self::default();
        let shared = collector.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let collector = shared.clone();
                let answer = service_fn(move |request| {
                    let collector = collector.clone();
                    async move { Ok::<_, Infallible>(collector.take(request).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer),
                );
            }
        });
        collector
    }

    /// Refuses from now on, or no longer.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Value> {
        self.spans.lock().unwrap().clone()
    }

    async fn take(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::from("{}"));
        if self.refuses.load(Ordering::SeqCst) {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return response;
        }
        assert_eq!(request.uri(), "/v1/traces");
        assert_eq!(request.headers()["content-type"], "application/json");
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let told: Value = serde_json::from_slice(&body).unwrap();
        let resource = &told["resourceSpans"][0];
        let attributes = resource["resource"]["attributes"].to_string();
        assert!(attributes.contains("yagura-edge"), "{attributes}");
        let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
        self.spans.lock().unwrap().extend_from_slice(spans);
        response
    }
}
