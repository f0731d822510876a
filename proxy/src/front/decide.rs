//! What the front does with a request: answer, hand on, or refuse.

use std::sync::Arc;

use http::StatusCode;
use yagura_config::settings::PlainHttp;
use yagura_control::Timestamp;

use super::Connection;
use super::head::{self, BodyLength, Head};
use crate::cache::{Directives, Fields, Lookup, Prepared};
use crate::routing::{Site, without_port};
use crate::state::Edge;

/// What to do.
pub enum Decision {
    /// Answer from memory.
    Answer(Answer),
    /// Give it to pingora, with so many of the bytes read.
    HandOn {
        /// Bytes that belong to this request.
        bytes: usize,
        /// Another head in place of the one read.
        head: Option<Vec<u8>>,
    },
    /// Answer with this status and end the connection: where the next request begins is unknown.
    Refuse(StatusCode),
}

/// A hit.
pub struct Answer {
    /// What is answered.
    pub prepared: Arc<Prepared>,
    /// When it was found.
    pub at: Timestamp,
    /// Seconds since the origin made it.
    pub age_s: u64,
    /// The reader has it already.
    pub not_modified: bool,
    /// Only the head is wanted.
    pub head_only: bool,
    /// The reader wants the connection to end.
    pub close: bool,
    /// Whose site it is, for the log.
    pub site: Arc<Site>,
}

/// Fields that make a request more than a plain one.
const NOT_PLAIN: [&str; 10] = [
    "range",
    "if-range",
    "if-match",
    "if-unmodified-since",
    "authorization",
    "expect",
    "upgrade",
    "te",
    "proxy-authorization",
    "http2-settings",
];

/// Fields by which a reader says what may be answered from memory.
const ASKING: [&str; 2] = ["cache-control", "pragma"];

/// Decides about the request whose head is the first `length` bytes read.
pub fn decide(edge: &Edge, connection: &mut Connection, length: usize) -> Decision {
    let Some(bytes) = connection.read.get(..length) else {
        return Decision::Refuse(StatusCode::BAD_REQUEST);
    };
    let head = match head::read(bytes) {
        Ok(head) => head,
        Err(status) => return Decision::Refuse(status),
    };
    if let Some(answer) = hit(edge, connection.tls, &mut connection.key, &head) {
        return Decision::Answer(answer);
    }
    let body = match head.body {
        BodyLength::None => 0,
        BodyLength::Known(body) => usize::try_from(body).unwrap_or(usize::MAX),
        // Where it ends is known only when it is read; pingora ends the connection if more follows.
        BodyLength::Chunked => usize::MAX,
    };
    let switching = head.fields.has("upgrade") || head.method == "CONNECT";
    let bytes = if switching {
        usize::MAX
    } else {
        length.saturating_add(body)
    };
    match head.in_origin_form() {
        Ok(head) => Decision::HandOn { bytes, head },
        Err(status) => Decision::Refuse(status),
    }
}

fn hit(edge: &Edge, tls: bool, key: &mut String, head: &Head<'_>) -> Option<Answer> {
    let head_only = match head.method {
        "GET" => false,
        "HEAD" => true,
        _ => return None,
    };
    if !head.http11 || head.body != BodyLength::None || !head.target.starts_with('/') {
        return None;
    }
    if head.fields.any(|name| {
        NOT_PLAIN
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other))
    }) {
        return None;
    }
    let authority = head.host?;
    let host = without_port(authority);
    let lower;
    let host = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        lower = host.to_ascii_lowercase();
        lower.as_str()
    } else {
        host
    };
    let plan = edge.switchboard.plan();
    let site = plan.site_of(host)?;
    if !site.cache.stores
        || !site.settings.allow_from.is_empty()
        || !(tls || site.settings.http == PlainHttp::Serve)
        || site.redirects.find(host, head.target).is_some()
    {
        return None;
    }
    site.cache.write_key(host, head.target, key);
    let now = edge.clock.now();
    let asks = head
        .fields
        .any(|name| ASKING.iter().any(|other| name.eq_ignore_ascii_case(other)));
    let wants = if asks {
        Directives::of_request(&head.fields)
    } else {
        Directives::default()
    };
    let Lookup::Fresh(prepared) = edge.cache.hot(&site.cache, key, &head.fields, &wants, now)
    else {
        return None;
    };
    let (tag, since) = (
        head.fields.first("if-none-match"),
        head.fields.first("if-modified-since"),
    );
    // A field in several lines is one list; the slow path puts it together.
    if head.fields.lines("if-none-match").nth(1).is_some() {
        return None;
    }
    let conditional = tag.is_some() || since.is_some();
    let close = head.fields.lines("connection").any(|line| {
        let mut words = line.split(|byte| *byte == b',');
        words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
    });
    Some(Answer {
        at: now,
        age_s: prepared.stored.age_s(now),
        not_modified: conditional && prepared.is_unchanged(tag, since),
        head_only,
        close,
        site: site.clone(),
        prepared,
    })
}
