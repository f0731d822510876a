//! 5. What is stored: in memory, then on disk.

use std::sync::Arc;

use http::{Method, StatusCode};
use pingora::http::RequestHeader;

use super::reply::{Detail, Reply};
use super::{forward, last_good};
use crate::cache::refresh::Answered;
use crate::cache::{Directives, FetchError, Fields, Lookup, Prepared, validate};
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;

/// What came of it.
pub enum Found {
    /// Answer.
    Answer(Reply),
    /// Ask the origin.
    Forward,
}

/// Preconditions that only the origin can judge (RFC 9110, sections 13.1.1 and 13.1.4).
const FOR_THE_ORIGIN: [&str; 2] = ["if-match", "if-unmodified-since"];

/// Looks the request up, and notes for later stages what to do when the origin is dead.
pub async fn find(edge: &Edge, site: &Site, request: &RequestHeader, visit: &mut Visit) -> Found {
    let safe = matches!(request.method, Method::GET | Method::HEAD);
    if !safe || !site.cache.stores || FOR_THE_ORIGIN.iter().any(|name| request.headers.has(name)) {
        return Found::Forward;
    }
    let key = site.cache.key(&visit.host, &visit.target);
    let wants = Directives::of_request(&request.headers);
    let now = edge.clock.now();
    let mut found = edge
        .cache
        .hot(&site.cache, &key, &request.headers, &wants, now);
    if matches!(found, Lookup::Absent) {
        found = edge
            .cache
            .durable(&site.cache, &key, &request.headers, &wants, now)
            .await;
    }
    visit.key = Some(key);
    visit.outcome = "miss";
    match found {
        Lookup::Fresh(prepared) => {
            visit.outcome = "hit";
            Found::Answer(Reply::stored(&prepared, now, request, Detail::Hit))
        }
        Lookup::StaleWhileRevalidate(prepared) => {
            visit.outcome = "stale";
            site.refresher
                .refresh_soon(&visit.authority, &visit.host, &visit.target);
            Found::Answer(Reply::stored(&prepared, now, request, Detail::Revalidating))
        }
        Lookup::Stale(prepared) if site.seen.origin.is_known_dead(now) => {
            visit.outcome = "last-good";
            Found::Answer(Reply::stored(&prepared, now, request, Detail::LastGood))
        }
        Lookup::Stale(_) | Lookup::Unconfirmed(_) if wants.only_if_cached => only_if_cached(&wants),
        Lookup::Stale(prepared) => {
            visit.fallback = Some(prepared.clone());
            confirm(edge, site, request, visit, &prepared).await
        }
        Lookup::Unconfirmed(prepared) => confirm(edge, site, request, visit, &prepared).await,
        Lookup::Withdrawn => {
            visit.withdrawn = true;
            only_if_cached(&wants)
        }
        Lookup::Absent => only_if_cached(&wants),
    }
}

/// Asks the origin whether a stored response still holds; a stored one without validators is asked
/// for anew, and so is one for which the reader has conditions that only the origin can judge.
async fn confirm(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    visit: &mut Visit,
    prepared: &Arc<Prepared>,
) -> Found {
    if validate::conditions(&prepared.stored).is_none() {
        return Found::Forward;
    }
    let mut onward = request.clone();
    if forward::rewrite(&mut onward, false, visit).is_err() {
        return Found::Forward;
    }
    let mut fields = std::mem::take(&mut visit.sent);
    for name in [
        "if-none-match",
        "if-modified-since",
        "if-range",
        "range",
        "expect",
        "content-length",
    ] {
        fields.remove(name);
    }
    let answered = site
        .refresher
        .confirm(prepared, fields, &visit.target)
        .await;
    let now = edge.clock.now();
    visit.outcome = "stale";
    match answered {
        Ok(Answered::Confirmed(prepared)) => {
            visit.outcome = "confirmed";
            Found::Answer(Reply::stored(&prepared, now, request, Detail::Confirmed))
        }
        Ok(Answered::Replaced(prepared)) => {
            Found::Answer(Reply::stored(&prepared, now, request, Detail::Replaced))
        }
        Ok(Answered::Passing(fetched))
            if fetched.status.is_server_error() && visit.fallback.is_some() =>
        {
            Found::Answer(last_good::reply(edge, request, visit))
        }
        Ok(Answered::Passing(fetched)) => Found::Answer(Reply::passing(&fetched, request)),
        Ok(Answered::Unclear) | Err(FetchError::TooLarge(_)) => Found::Forward,
        Err(error) => {
            tracing::debug!(site = %site.settings.name, %error, "nothing confirms a stored response");
            Found::Answer(last_good::reply(edge, request, visit))
        }
    }
}

/// A request that must not reach the origin (RFC 9111, section 5.2.1.7).
fn only_if_cached(wants: &Directives) -> Found {
    if wants.only_if_cached {
        return Found::Answer(Reply::refusal(StatusCode::GATEWAY_TIMEOUT.as_u16(), false));
    }
    Found::Forward
}
