//! A stored response: what came from the origin, and on which terms it is kept. Its form ready for
//! the wire: `prepared.rs`.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use yagura_control::{TagSet, Timestamp};

use super::date;
use super::policy::{OWN_TARGETED_FIELD, Terms};
use super::prepared::Prepared;
use crate::access_log::request_id::REQUEST_ID;

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
/// `age` (told anew on every answer), the name of the one request that was made for it, and what the
/// origin tells this edge alone.
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
    headers.remove(REQUEST_ID);
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
            stale_if_error_s: None,
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
            ("x-request-id", "of the first reader"),
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
