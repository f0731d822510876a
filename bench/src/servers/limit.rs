//! The practical limit: parses a request, looks its path up, writes a prepared head and the body.
//! It knows no cache rules, no hosts, no conditions and no log; nothing that serves HTTP from
//! memory through sockets can be expected to cost less.

use std::collections::HashMap;
use std::sync::Arc;

use crate::objects;

/// Prepared answers, by path.
pub struct Limit {
    answers: HashMap<String, Prepared, ahash::RandomState>,
}

struct Prepared {
    head: Vec<u8>,
    body: Arc<[u8]>,
}

impl Limit {
    /// Every sized object.
    pub fn new() -> Self {
        let answers = [1, 10, 100].into_iter().filter_map(|kib| {
            let path = objects::sized(kib);
            let body = objects::body(&path)?;
            // As many fields as the origin's answer has behind a cache.
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncache-control: max-age=3600\r\n\
                 etag: \"limit-{kib}\"\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let prepared = Prepared {
                head: head.into_bytes(),
                body: body.into(),
            };
            Some((path, prepared))
        });
        Self {
            answers: answers.collect(),
        }
    }

    /// The answer to a request.
    pub fn answer(&self, request: &httparse::Request<'_, '_>, out: &mut Vec<u8>) -> Arc<[u8]> {
        match self.answers.get(request.path.unwrap_or_default()) {
            Some(Prepared { head, body }) => {
                out.extend_from_slice(head);
                body.clone()
            }
            None => {
                out.extend_from_slice(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
                Arc::new([])
            }
        }
    }
}
