//! The origin: the objects with the fields a content-managed site sends. One of them changes when
//! it is told to (`/version/N`), some are soon stale, some must not be stored.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use yagura_control::Clock;
use yagura_control::clock::SystemClock;

use crate::objects;

/// The bodies made so far, and what the changing object says.
pub struct Origin {
    bodies: HashMap<String, Arc<[u8]>, ahash::RandomState>,
    version: String,
    date: (u64, String),
}

impl Origin {
    /// An origin at version 0.
    pub fn new() -> Self {
        Self {
            bodies: HashMap::default(),
            version: "0".to_owned(),
            date: (0, String::new()),
        }
    }

    /// The answer to a request.
    pub fn answer(&mut self, request: &httparse::Request<'_, '_>, out: &mut Vec<u8>) -> Arc<[u8]> {
        self.refresh_date();
        let path = request.path.unwrap_or_default();
        if let Some(version) = path.strip_prefix("/version/") {
            version.clone_into(&mut self.version);
            return self.write(out, "200 OK", "no-store", "", Arc::new([]));
        }
        if path == objects::CHANGING {
            let body = format!("version {}", self.version).into_bytes();
            let tag = format!("etag: \"v{}\"\r\ncache-tag: notice\r\n", self.version);
            return self.write(out, "200 OK", "public, max-age=3600", &tag, body.into());
        }
        let Some(body) = self.body(path) else {
            return self.write(out, "404 Not Found", "no-store", "", Arc::new([]));
        };
        let control = if path.starts_with("/miss/") {
            "no-store"
        } else if path.starts_with("/outage/") {
            "public, max-age=1, stale-if-error=86400"
        } else {
            "public, max-age=3600"
        };
        let tag = format!(
            "etag: \"{:x}-{}\"\r\nlast-modified: Mon, 23 Nov 2026 00:00:00 GMT\r\n",
            body.len(),
            path.len()
        );
        self.write(out, "200 OK", control, &tag, body)
    }

    fn body(&mut self, path: &str) -> Option<Arc<[u8]>> {
        if let Some(body) = self.bodies.get(path) {
            return Some(body.clone());
        }
        let body: Arc<[u8]> = objects::body(path)?.into();
        self.bodies.insert(path.to_owned(), body.clone());
        Some(body)
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        status: &str,
        control: &str,
        more: &str,
        body: Arc<[u8]>,
    ) -> Arc<[u8]> {
        let _memory_is_there = write!(
            out,
            "HTTP/1.1 {status}\r\ndate: {}\r\ncontent-type: text/html; charset=utf-8\r\n\
             cache-control: {control}\r\n{more}content-length: {}\r\n\r\n",
            self.date.1,
            body.len()
        );
        body
    }

    fn refresh_date(&mut self) {
        let now = SystemClock.now();
        if now.seconds() != self.date.0 {
            self.date = (now.seconds(), httpdate::fmt_http_date(now.into()));
        }
    }
}
