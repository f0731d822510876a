//! A stored response ready for the wire: its heads written out, and the same in other content
//! codings once they are made (`compressor.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};

use super::directives::Fields;
use super::encoding::{self, Accepted, Coding};
use super::stored::{self, Stored};

/// A stored response with its heads written out, shared by every reader.
#[derive(Debug)]
pub struct Prepared {
    /// What it is made of.
    pub stored: Stored,
    /// Status line and fields for HTTP/1.1 with `content-length`; the lines that change from answer
    /// to answer and the empty line are added by whoever answers.
    pub head: Bytes,
    /// The same for 304 (RFC 9110, section 15.4.5).
    pub head_not_modified: Bytes,
    /// Fields as they go out, where they are not just the stored ones.
    fields: Option<HeaderMap>,
    /// The same in other codings, in the order of [`Coding::ALL`], once they are made.
    encoded: OnceLock<[Option<Arc<Prepared>>; 3]>,
    /// Whether the origin tells about TLS itself (RFC 6797).
    pub says_hsts: bool,
    /// The purge count at which it was last found valid; see `purges.rs`.
    pub(super) valid_at: AtomicU64,
}

/// Fields that a 304 repeats.
const NOT_MODIFIED_FIELDS: [HeaderName; 6] = [
    http::header::CACHE_CONTROL,
    http::header::CONTENT_LOCATION,
    http::header::DATE,
    http::header::ETAG,
    http::header::EXPIRES,
    http::header::VARY,
];

impl Prepared {
    pub(super) fn new(stored: Stored, encodable: bool) -> Self {
        let length = Some(stored.body.len());
        let encodable = encodable && encoding::is_encodable(stored.status, &stored.headers, length);
        let fields = encodable.then(|| {
            let mut fields = stored.headers.clone();
            encoding::vary(&mut fields);
            fields
        });
        let outgoing = fields.as_ref().unwrap_or(&stored.headers);
        let mut head = status_line(stored.status);
        for (name, value) in outgoing {
            line(&mut head, name.as_str(), value.as_bytes());
        }
        if !matches!(stored.status.as_u16(), 204 | 304) {
            line(
                &mut head,
                "content-length",
                stored.body.len().to_string().as_bytes(),
            );
        }
        let mut not_modified = status_line(StatusCode::NOT_MODIFIED);
        for name in &NOT_MODIFIED_FIELDS {
            for value in outgoing.get_all(name) {
                line(&mut not_modified, name.as_str(), value.as_bytes());
            }
        }
        let valid_at = AtomicU64::new(u64::MAX);
        Self {
            head: head.into(),
            head_not_modified: not_modified.into(),
            fields,
            encoded: OnceLock::new(),
            says_hsts: stored
                .headers
                .contains_key(http::header::STRICT_TRANSPORT_SECURITY),
            stored,
            valid_at,
        }
    }

    /// Its fields as they go out.
    #[must_use]
    pub fn fields(&self) -> &HeaderMap {
        self.fields.as_ref().unwrap_or(&self.stored.headers)
    }

    /// The fields of a 304 for it (RFC 9110, section 15.4.5).
    #[must_use]
    pub fn fields_not_modified(&self) -> HeaderMap {
        let outgoing = self.fields();
        let mut fields = HeaderMap::new();
        for name in &NOT_MODIFIED_FIELDS {
            for value in outgoing.get_all(name) {
                fields.append(name, value.clone());
            }
        }
        fields
    }

    /// Whether it is to be given in other codings that are not made yet.
    #[must_use]
    pub fn wants_encoding(&self) -> bool {
        self.fields.is_some() && self.encoded.get().is_none()
    }

    /// Takes the bodies in other codings, in the order of [`Coding::ALL`]; false when they were
    /// there already.
    pub fn add_encodings(&self, bodies: [Option<Bytes>; 3]) -> bool {
        let mut codings = Coding::ALL.into_iter();
        let encoded = bodies.map(|body| {
            let (coding, body) = (codings.next()?, body?);
            let stored = Stored {
                headers: encoding::encoded_fields(self.fields(), coding),
                body,
                ..self.stored.clone()
            };
            Some(Arc::new(Self::new(stored, false)))
        });
        self.encoded.set(encoded).is_ok()
    }

    /// Takes the encoded bodies of another one with the same body.
    pub fn adopt_encodings(&self, other: &Self) {
        if let (true, Some(encoded)) = (self.wants_encoding(), other.encoded.get()) {
            let body = |one: &Option<Arc<Self>>| Some(one.as_ref()?.stored.body.clone());
            self.add_encodings(encoded.each_ref().map(body));
        }
    }

    /// The representation for a reader: in the best coding that he accepts, or the one that he has
    /// already. A part is always one of the body as it is.
    #[must_use]
    pub fn representation<'p>(self: &'p Arc<Self>, request: &impl Fields) -> &'p Arc<Self> {
        let Some(encoded) = self.encoded.get() else {
            return self;
        };
        if request.has("range") {
            return self;
        }
        let accepted = Accepted::read(request);
        let of = |coding: Coding| encoded.get(coding as usize)?.as_ref();
        let had = request.first("if-none-match").and_then(|list| {
            let mut all = [None].into_iter().chain(Coding::ALL.map(Some));
            all.find_map(|coding| {
                let there = coding.map_or(Some(self), of)?;
                (accepted.takes(coding) && there.is_unchanged(Some(list), None)).then_some(there)
            })
        });
        had.or_else(|| accepted.best(|coding| of(coding).is_some()).and_then(of))
            .unwrap_or(self)
    }

    /// What it occupies in memory, about.
    #[must_use]
    pub fn weight_bytes(&self) -> u32 {
        const OVERHEAD: usize = 600;
        let bytes = 2 * self.head.len() + self.head_not_modified.len() + self.stored.body.len();
        let encoded = self.encoded.get().into_iter().flatten().flatten();
        let encoded: u32 = encoded.map(|encoded| encoded.weight_bytes()).sum();
        u32::try_from(bytes + self.stored.key.len() + OVERHEAD)
            .unwrap_or(u32::MAX)
            .saturating_add(encoded)
    }

    /// Whether a request's conditions are met by telling that nothing changed (RFC 9110, section
    /// 13.2.2): If-None-Match first, If-Modified-Since only without it.
    #[must_use]
    pub fn is_unchanged(
        &self,
        if_none_match: Option<&str>,
        if_modified_since: Option<&str>,
    ) -> bool {
        let Stored {
            status, headers, ..
        } = &self.stored;
        stored::is_unchanged(*status, headers, if_none_match, if_modified_since)
    }

    pub(super) fn mark_valid(&self, count: u64) {
        self.valid_at.store(count, Ordering::Relaxed);
    }
}

fn status_line(status: StatusCode) -> Vec<u8> {
    let reason = status.canonical_reason().unwrap_or("");
    format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes()
}

fn line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use yagura_control::Timestamp;

    use crate::cache::stored::tests::response;

    #[test]
    fn the_head_is_ready_for_the_wire() {
        let prepared = response("town\n\n/", "hello", "", Timestamp(0)).prepare(false);
        let head = String::from_utf8(prepared.head.to_vec()).unwrap();
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\netag: \"v,1\"\r\n"),
            "{head}"
        );
        assert!(head.ends_with("content-length: 5\r\n"), "{head}");
        let head = String::from_utf8(prepared.head_not_modified.to_vec()).unwrap();
        assert_eq!(head, "HTTP/1.1 304 Not Modified\r\netag: \"v,1\"\r\n");
    }
}
