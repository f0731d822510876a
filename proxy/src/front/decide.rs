//! What the front does with a request: answer, hand on, or refuse.

use std::sync::Arc;

use http::StatusCode;
use pingora::http::RequestHeader;
use yagura_config::settings::PlainHttp;
use yagura_control::Timestamp;

use super::Connection;
use super::head::{self, BodyLength, Head};
use super::minded::Minded;
use crate::cache::{Directives, Fields, Lookup, Prepared};
use crate::hsts::Hsts;
use crate::ingress::Class;
use crate::limits::path;
use crate::limits::refused::Limit;
use crate::routing::{Site, without_port};
use crate::state::Edge;

/// What to do.
pub enum Decision {
    /// Answer from memory.
    Answer(Answer),
    /// Let the stages decide; if they do not answer, hand it on.
    Ask(Box<RequestHeader>, HandOn),
    /// Give it to pingora.
    HandOn(HandOn),
    /// Answer with this status, for the limit that was met, and end the connection: where the next
    /// request begins is unknown.
    Refuse(StatusCode, Option<Limit>),
}

/// How a request is given to pingora.
pub struct HandOn {
    /// Bytes of those read that belong to it.
    pub bytes: usize,
    /// Another head in place of the one read.
    pub head: Option<Vec<u8>>,
    /// The reader wants the connection to end.
    pub close: bool,
    /// It is to be read whole before it is given on, because it is short: who sends it drop by drop
    /// must not keep a connection to the origin.
    pub gathered: bool,
    /// The protocol may change, and what passes then has a pace of its own.
    pub switching: bool,
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
    /// It came over TLS.
    pub tls: bool,
    /// Whose site it is, for the log.
    pub site: Arc<Site>,
    /// What it came as.
    pub class: Class,
}

impl Answer {
    /// What the reader is told about TLS, where the origin does not say it itself.
    #[must_use]
    pub fn hsts(&self) -> Option<&Hsts> {
        let hsts = self.site.hsts.as_ref()?;
        (self.tls && !self.prepared.says_hsts).then_some(hsts)
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.not_modified {
            StatusCode::NOT_MODIFIED.as_u16()
        } else {
            self.prepared.stored.status.as_u16()
        }
    }

    /// Counts it, with the bytes of its body.
    pub fn count(&self, bytes: u64) {
        self.site.seen.counters.hit(self.status(), bytes);
        let door = &self.site.door;
        if door.is_behind() {
            let class = door.counted_as(self.class);
            self.site.seen.comings.count(class, self.at);
        }
    }

    /// Bytes of the body that goes with it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        if self.not_modified || self.head_only {
            0
        } else {
            self.prepared.stored.body.len() as u64
        }
    }
}

/// Decides about the request whose head is the first `length` bytes read.
pub fn decide(edge: &Edge, connection: &mut Connection, length: usize) -> Decision {
    let Some(bytes) = connection.lent.read.get(..length) else {
        return Decision::Refuse(StatusCode::BAD_REQUEST, None);
    };
    // Not the reader who asked before, also where the connection has ceased to be a cloud's.
    connection.client = connection.admitted.caller.address();
    let limits = &connection.admitted.settings;
    if let Some(limit) = head::over(bytes, limits) {
        return over(edge, limit);
    }
    let mut room = head::room();
    let head = match head::read(bytes, &mut room) {
        Ok(head) => head,
        Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) => {
            return over(edge, Limit::HeadSize);
        }
        Err(status) => return Decision::Refuse(status, None),
    };
    if head.fields.count() > limits.head_fields {
        return over(edge, Limit::HeadSize);
    }
    // Who asks matters to a hit only for the log, and where somebody is banned.
    let caller = &connection.admitted.caller;
    let speaks_for_others = caller.speaks_for_others();
    let mut is_banned = false;
    if speaks_for_others && edge.minds_readers_of_hits() {
        connection.client = caller.reader(&head.fields);
        is_banned = edge.limits.is_banned(connection.client);
    }
    let over = (connection.tls, caller.class());
    if !is_banned && let Some(answer) = hit(edge, over, &mut connection.lent.key, &head) {
        return Decision::Answer(answer);
    }
    if speaks_for_others {
        connection.client = caller.reader(&head.fields);
    }
    let body = match head.body {
        BodyLength::None => 0,
        BodyLength::Known(body) => usize::try_from(body).unwrap_or(usize::MAX),
        // Where it ends is known only when it is read; pingora ends the connection if more follows.
        BodyLength::Chunked => usize::MAX,
    };
    if head.method == "CONNECT" {
        // It has no place at a web site (RFC 9110, section 9.3.6).
        let limit = edge.limits.refused.count(Limit::Method);
        return Decision::Refuse(StatusCode::METHOD_NOT_ALLOWED, Some(limit));
    }
    let switching = head.fields.has("upgrade");
    let bytes = if switching {
        usize::MAX
    } else {
        length.saturating_add(body)
    };
    let rewritten = match head.in_origin_form() {
        Ok(rewritten) => rewritten,
        Err(status) => return Decision::Refuse(status, None),
    };
    let plain = rewritten.is_none() && is_plain(&head);
    let hand_on = HandOn {
        bytes,
        head: rewritten,
        close: head.minded.close,
        switching,
        gathered: !switching
            && matches!(head.body, BodyLength::Known(bytes) if bytes <= GATHERED)
            && !head.fields.has("expect"),
    };
    match plain.then(|| head.to_request()).flatten() {
        Some(request) => Decision::Ask(Box::new(request), hand_on),
        None => Decision::HandOn(hand_on),
    }
}

/// Bodies up to this size are read before anybody is asked about them.
const GATHERED: u64 = 16 << 10;

/// Counts a limit that the head met, and refuses with the status that says so.
fn over(edge: &Edge, limit: Limit) -> Decision {
    let status = match edge.limits.refused.count(limit) {
        Limit::Line => StatusCode::URI_TOO_LONG,
        _ => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    };
    Decision::Refuse(status, Some(limit))
}

/// Whether nothing follows the head and the answer is not of pingora's kind.
fn is_plain(head: &Head<'_>) -> bool {
    const OF_PINGORA: [&str; 4] = ["expect", "upgrade", "te", "http2-settings"];
    matches!(head.method, "GET" | "HEAD")
        && head.http11
        && head.body == BodyLength::None
        && head.target.starts_with('/')
        && !OF_PINGORA.iter().any(|name| head.fields.has(name))
}

fn hit(
    edge: &Edge,
    (tls, class): (bool, Class),
    key: &mut String,
    head: &Head<'_>,
) -> Option<Answer> {
    let head_only = match head.method {
        "GET" => false,
        "HEAD" => true,
        _ => return None,
    };
    if !head.http11
        || head.body != BodyLength::None
        || !head.target.starts_with('/')
        || head.minded.is_not_plain
    {
        return None;
    }
    let plain = Plain {
        tls,
        class,
        head_only,
        authority: head.host?,
        target: head.target,
        minded: &head.minded,
    };
    plain_hit(edge, &plain, key, &head.fields)
}

/// A read with nothing in it that only the stages or the origin can judge.
pub struct Plain<'r> {
    /// TLS is spoken with the reader.
    pub tls: bool,
    /// What the connection is.
    pub class: Class,
    /// HEAD.
    pub head_only: bool,
    /// Host with port, as the request names it.
    pub authority: &'r str,
    /// Path and query.
    pub target: &'r str,
    /// What its fields say.
    pub minded: &'r Minded<'r>,
}

/// The hit that answers a plain read.
pub fn plain_hit(
    edge: &Edge,
    plain: &Plain<'_>,
    key: &mut String,
    fields: &impl Fields,
) -> Option<Answer> {
    let host = without_port(plain.authority);
    let lower;
    let host = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        lower = host.to_ascii_lowercase();
        lower.as_str()
    } else {
        host
    };
    let plan = edge.switchboard.plan();
    let site = plan.site_of(host)?;
    let now = edge.clock.now();
    if !site.cache.stores
        || !site.shows_site()
        || site.covers(plain.target)
        // The stages give it its one spelling.
        || !path::is_normal(plain.target, site.settings.requests.paths)
        // Who may not, or whose own address matters.
        || !site.door.answers_at_once(plain.class)
        || !(plain.tls || site.settings.http == PlainHttp::Serve)
        || site.redirect_of(host, plain.target, now).is_some()
    {
        return None;
    }
    site.cache.write_key(host, plain.target, key);
    let wants = if plain.minded.asks {
        Directives::of_request(fields)
    } else {
        Directives::default()
    };
    let Lookup::Fresh(prepared) = edge.cache.hot(&site.cache, key, fields, &wants, now) else {
        return None;
    };
    let prepared = prepared.representation(fields).clone();
    // A field in several lines is one list; the slow path puts it together.
    if plain.minded.if_none_match.has_more {
        return None;
    }
    let tag = plain.minded.if_none_match.text();
    let since = plain.minded.if_modified_since.text();
    let conditional = tag.is_some() || since.is_some();
    Some(Answer {
        at: now,
        age_s: prepared.stored.age_s(now),
        not_modified: conditional && prepared.is_unchanged(tag, since),
        head_only: plain.head_only,
        close: plain.minded.close,
        tls: plain.tls,
        class: plain.class,
        site: site.clone(),
        prepared,
    })
}
