//! A stored response, and its form ready for the wire.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use yagura_control::{TagSet, Timestamp};

use super::date;
use super::directives::Fields;
use super::encoding::{self, Accepted, Coding};
use super::policy::{OWN_TARGETED_FIELD, Terms};

/// A response as it came from the origin, with the terms it is stored on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Site, host where it matters, and target; see `key.rs`.
    pub key: String,
    /// Its status.
    pub status: StatusCode,
    /// End-to-end fields, without the cache tags and without `content-length`.
    pub headers: HeaderMap,
    /// The whole representation.
    pub body: Bytes,
    /// When it was asked for; purges compare with this.
    pub requested_at: Timestamp,
    /// When it was there.
    pub received_at: Timestamp,
    /// Freshness and selection.
    pub terms: Terms,
    /// Names under which it is purged.
    pub tags: TagSet,
}

/// Fields between two neighbours only (RFC 9110, section 7.6.1), which are never stored.
const HOP_BY_HOP: [HeaderName; 8] = [
    http::header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    http::header::PROXY_AUTHENTICATE,
    http::header::TE,
    http::header::TRAILER,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
];

impl Stored {
    /// Seconds since the origin made or confirmed it (RFC 9111, section 4.2.3).
    #[must_use]
    pub fn age_s(&self, now: Timestamp) -> u64 {
        self.terms
            .initial_age_s
            .saturating_add(now.since(self.received_at).as_secs())
    }

    /// Makes it ready for the wire; `encodable` where the site gives it in several codings.
    #[must_use]
    pub fn prepare(self, encodable: bool) -> Prepared {
        Prepared::new(self, encodable)
    }
}

/// Takes out of a response what is not stored: fields of one connection, those Connection names,
/// `age` (told anew on every answer), and what the origin tells this edge alone.
pub fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(http::header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    headers.remove(http::header::AGE);
    headers.remove(http::header::CONTENT_LENGTH);
    headers.remove(yagura_control::tags::FIELD_NAME);
    headers.remove(OWN_TARGETED_FIELD);
}

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
    fn new(stored: Stored, encodable: bool) -> Self {
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
        is_unchanged(*status, headers, if_none_match, if_modified_since)
    }

    pub(super) fn mark_valid(&self, count: u64) {
        self.valid_at.store(count, Ordering::Relaxed);
    }
}

/// Whether a response of this status and with these fields is what a request's conditions name.
#[must_use]
pub fn is_unchanged(
    status: StatusCode,
    headers: &HeaderMap,
    if_none_match: Option<&str>,
    if_modified_since: Option<&str>,
) -> bool {
    if status != StatusCode::OK {
        return false;
    }
    if let Some(list) = if_none_match {
        let own = headers
            .get(http::header::ETAG)
            .and_then(|tag| tag.to_str().ok());
        return list.trim() == "*"
            || own.is_some_and(|own| entity_tags(list).any(|tag| weak_equal(tag, own)));
    }
    // Without Last-Modified the date it was made stands for it (RFC 9111, section 4.3.2).
    let own = |name: HeaderName| date::read(headers.get(name)?.to_str().ok()?);
    let modified = own(http::header::LAST_MODIFIED).or_else(|| own(http::header::DATE));
    let since = if_modified_since.and_then(date::read);
    matches!((modified, since), (Some(modified), Some(since)) if modified <= since)
}

/// Members of an If-None-Match list. A comma may stand inside an entity tag, so quotes are minded.
fn entity_tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    })
    .map(str::trim)
}

/// Weak comparison (RFC 9110, section 8.8.3.2).
fn weak_equal(one: &str, other: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    one.ends_with('"') && opaque(one) == opaque(other)
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
pub(super) mod tests {
    use http::HeaderValue;

    use super::*;

    /// A response for tests, with an entity tag, asked for at `requested_at`.
    pub fn response(key: &str, body: &'static str, tags: &str, requested_at: Timestamp) -> Stored {
        let mut headers = HeaderMap::new();
        headers.insert("etag", HeaderValue::from_static("\"v,1\""));
        headers.insert("content-type", HeaderValue::from_static("text/plain"));
        headers.insert(
            "last-modified",
            HeaderValue::from_static("Mon, 23 Nov 2026 00:00:00 GMT"),
        );
        let terms = Terms {
            lifetime_s: 60,
            initial_age_s: 0,
            stale_while_revalidate_s: None,
            must_revalidate: false,
            shared_must_revalidate: false,
            basis: yagura_control::order::Basis::default(),
            vary: Vec::new(),
        };
        Stored {
            key: key.to_owned(),
            status: StatusCode::OK,
            headers,
            body: Bytes::from_static(body.as_bytes()),
            requested_at,
            received_at: requested_at,
            terms,
            tags: TagSet::from_field_value(tags),
        }
    }

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

    #[test]
    fn conditions_are_compared_weakly_and_in_order() {
        let prepared = response("town\n\n/", "hello", "", Timestamp(0)).prepare(false);
        for list in ["\"v,1\"", "W/\"v,1\"", "\"x\", \"v,1\"", "*"] {
            assert!(prepared.is_unchanged(Some(list), None), "{list}");
        }
        for list in ["\"v", "1\"", "\"v,2\"", "v,1", ""] {
            assert!(
                !prepared.is_unchanged(Some(list), Some("Tue, 24 Nov 2026 00:00:00 GMT")),
                "{list}"
            );
        }
        assert!(prepared.is_unchanged(None, Some("Mon, 23 Nov 2026 00:00:00 GMT")));
        assert!(!prepared.is_unchanged(None, Some("Sun, 22 Nov 2026 00:00:00 GMT")));
        assert!(!prepared.is_unchanged(None, Some("yesterday")));
    }

    #[test]
    fn fields_of_one_connection_are_taken_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-own"),
            ("x-own", "1"),
            ("age", "3"),
            ("cache-tag", "a"),
            ("etag", "\"1\""),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        end_to_end(&mut headers);
        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["etag"]
        );
    }
}
