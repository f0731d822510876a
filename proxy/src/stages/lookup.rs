//! 5. What is stored: in memory, then on disk.

use http::{Method, StatusCode};
use pingora::http::RequestHeader;

use super::reply::{Detail, Reply};
use crate::cache::{Directives, Fields, Lookup};
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
    let wants = wants(request);
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
        Lookup::Stale(prepared) => {
            visit.fallback = Some(prepared);
            only_if_cached(&wants)
        }
        Lookup::Withdrawn => {
            visit.withdrawn = true;
            only_if_cached(&wants)
        }
        Lookup::Absent => only_if_cached(&wants),
    }
}

/// A request that must not reach the origin (RFC 9111, section 5.2.1.7).
fn only_if_cached(wants: &Directives) -> Found {
    if wants.only_if_cached {
        return Found::Answer(Reply::refusal(StatusCode::GATEWAY_TIMEOUT.as_u16(), false));
    }
    Found::Forward
}

fn wants(request: &RequestHeader) -> Directives {
    let mut wants = Directives::read(&request.headers, "cache-control");
    // Pragma counts only without Cache-Control (RFC 9111, section 5.4).
    if !wants.present
        && request
            .headers
            .first("pragma")
            .is_some_and(|pragma| pragma.contains("no-cache"))
    {
        wants.no_cache = true;
    }
    wants
}
