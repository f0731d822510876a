//! 9. What the origin answered: taken into the cache while it passes to the reader.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, Method, StatusCode, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, ErrorSource, ErrorType, Result};

use crate::access_log::request_id::REQUEST_ID;
use crate::cache::policy::OWN_TARGETED_FIELD;
use crate::cache::storable;
use crate::state::Edge;
use crate::visit::{Collecting, Visit};

/// Most memory reserved on an origin's word alone, in bytes.
const RESERVED: usize = 1 << 20;

/// The head. An error where a copy is better than what the origin says.
///
/// # Errors
/// The origin failed and there is a last-good copy, which `fail_to_proxy` answers with.
pub fn head(
    edge: &Edge,
    request: &RequestHeader,
    response: &ResponseHeader,
    visit: &mut Visit,
) -> Result<()> {
    let Some(site) = visit.site.clone() else {
        return Ok(());
    };
    if response.status.is_informational() {
        return Ok(());
    }
    let status = response.status;
    if let Some(upstream) = &visit.upstream {
        let now = edge.clock.now();
        site.seen.upstreams.note_answer(upstream, status, now);
    }
    if status.is_server_error() && (visit.fallback.is_some() || visit.withdrawn) {
        let mut error = Error::explain(ErrorType::HTTPStatus(status.as_u16()), "the origin failed");
        error.esource = ErrorSource::Upstream;
        return Err(error);
    }
    let unsafe_method = !matches!(
        request.method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    );
    if unsafe_method && (status.is_success() || status.is_redirection()) && site.cache.stores {
        invalidate(edge, visit, response);
    }
    let Some(key) = visit.key.clone() else {
        return Ok(());
    };
    if status == StatusCode::NOT_MODIFIED {
        return Ok(());
    }
    let received_at = edge.clock.now();
    let asked = (&request.method, &visit.sent);
    match storable(
        key.clone(),
        asked,
        (status, &response.headers),
        visit.requested_at,
        received_at,
    ) {
        // An error that says how long it holds spares the origin (RFC 9111, section 3).
        Ok(stored) if !status.is_server_error() || stored.terms.lifetime_s > 0 => {
            let announced = response.headers.get(header::CONTENT_LENGTH);
            let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
            if announced.is_none_or(|length: usize| length <= edge.cache.max_object_bytes()) {
                let body = BytesMut::with_capacity(announced.unwrap_or(0).min(RESERVED));
                visit.collecting = Some(Collecting {
                    stored,
                    body,
                    announced,
                });
            }
        }
        Err(_)
            if request.method == Method::GET
                && matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) =>
        {
            edge.cache.forget(&key);
        }
        _ => {}
    }
    Ok(())
}

/// A piece of the body.
pub fn body(edge: &Edge, piece: Option<&Bytes>, end: bool, visit: &mut Visit) {
    let Some(collecting) = &mut visit.collecting else {
        return;
    };
    if let Some(piece) = piece {
        if collecting.body.len() + piece.len() > edge.cache.max_object_bytes() {
            visit.collecting = None;
            return;
        }
        collecting.body.extend_from_slice(piece);
    }
    if end {
        finish(edge, visit);
    }
}

/// The end of a response without a body, of which no piece tells the end.
pub fn finish_empty(edge: &Edge, visit: &mut Visit) {
    if visit
        .collecting
        .as_ref()
        .is_some_and(|collecting| collecting.body.is_empty())
    {
        finish(edge, visit);
    }
}

fn finish(edge: &Edge, visit: &mut Visit) {
    let (Some(collecting), Some(site)) = (visit.collecting.take(), &visit.site) else {
        return;
    };
    // A response cut short is never stored (RFC 9111, section 3.3).
    if collecting
        .announced
        .is_some_and(|announced| announced != collecting.body.len())
    {
        return;
    }
    let mut stored = collecting.stored;
    stored.body = collecting.body.freeze();
    edge.cache
        .fill(&site.cache, &Arc::new(stored.prepare(site.cache.encodes)));
}

/// What a successful unsafe request changed: its target, and what the response names on the same
/// host (RFC 9111, section 4.4).
fn invalidate(edge: &Edge, visit: &Visit, response: &ResponseHeader) {
    let Some(site) = &visit.site else { return };
    let now = edge.clock.now();
    edge.cache.invalidate(&site.cache, &visit.target, now);
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let Some(url) = response
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
        else {
            continue;
        };
        let own = url.split_once("://").map_or(Some(url), |(_, rest)| {
            let (authority, _) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            rest.get(authority.len()..)
                .filter(|_| authority.eq_ignore_ascii_case(&visit.authority))
        });
        if let Some(target) = own.filter(|target| target.starts_with('/')) {
            let target = site.cache.spelled(target);
            edge.cache.invalidate(&site.cache, &target, now);
        }
    }
}

/// Fields that are for this edge, or for the connection to the origin (RFC 9110, section 7.6.1).
const PRIVATE: [&str; 4] = [
    yagura_control::tags::FIELD_NAME,
    OWN_TARGETED_FIELD,
    "keep-alive",
    "proxy-connection",
];

/// The head on its way to the reader.
///
/// # Errors
/// A field cannot be written.
pub fn outward(response: &mut ResponseHeader, visit: &Visit) -> Result<()> {
    if response.status.is_informational() {
        return Ok(());
    }
    for name in PRIVATE {
        response.remove_header(name);
    }
    response.append_header("via", "1.1 yagura")?;
    if visit.tells_its_id() {
        response.insert_header(REQUEST_ID, visit.id.value())?;
    }
    let hsts = header::STRICT_TRANSPORT_SECURITY;
    if let Some(own) = visit.hsts()
        && !response.headers.contains_key(&hsts)
    {
        response.insert_header(hsts, own.value())?;
    }
    if let Some(site) = &visit.site
        && site.cache.stores
    {
        let stored = if visit.collecting.is_some() {
            "; stored"
        } else {
            ""
        };
        let forwarded = match (visit.fallback.is_some(), visit.key.is_some()) {
            (true, _) => "stale",
            (false, true) => "uri-miss",
            (false, false) => "method",
        };
        let status = format!("yagura; fwd={forwarded}{stored}");
        response.append_header(HeaderName::from_static("cache-status"), status)?;
    }
    Ok(())
}
