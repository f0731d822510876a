//! 6. What is stored: in memory, then on disk.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Method, StatusCode, header};
use pingora::http::RequestHeader;

use super::reply::{Detail, Reply};
use super::{fetch, waf};
use crate::cache::{Directives, Fields, Lookup, Prepared};
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;
use crate::waf::Mode;

/// What came of it.
pub enum Found {
    /// Answer.
    Answer(Reply),
    /// Ask the origin through the cache, with what is to be confirmed.
    Ask(Option<Arc<Prepared>>),
    /// Forward the request as it is.
    Forward,
}

/// Preconditions that only the origin can judge (RFC 9110, sections 13.1.1 and 13.1.4).
pub const FOR_THE_ORIGIN: [&str; 2] = ["if-match", "if-unmodified-since"];

/// Looks the request up, and notes for later stages what to do when the origin is dead.
pub async fn find(edge: &Edge, site: &Site, request: &RequestHeader, visit: &mut Visit) -> Found {
    let safe = matches!(request.method, Method::GET | Method::HEAD);
    if !safe || !site.cache.stores || FOR_THE_ORIGIN.iter().any(|name| request.headers.has(name)) {
        return Found::Forward;
    }
    let key = site.cache.key(&visit.host, &visit.target);
    // The origin is asked for what the key says, or its answer would be another request's.
    if let Cow::Owned(target) = site.cache.rules.target(&visit.target) {
        visit.target = target;
    }
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
            if waf::lets_ask(edge, site, request, visit).await
                && let Some(question) =
                    fetch::question(edge, request, visit, Some(prepared.clone()))
            {
                site.fetcher.refresh_soon(question);
            }
            Found::Answer(Reply::stored(&prepared, now, request, Detail::Revalidating))
        }
        Lookup::Stale(prepared) if site.seen.upstreams.are_left_alone(now) => {
            visit.outcome = "last-good";
            Found::Answer(Reply::stored(&prepared, now, request, Detail::LastGood))
        }
        Lookup::Stale(_) | Lookup::Unconfirmed(_) | Lookup::Withdrawn | Lookup::Absent
            if wants.only_if_cached =>
        {
            // It must not reach the origin (RFC 9111, section 5.2.1.7).
            visit.outcome = "not-cached";
            let status = StatusCode::GATEWAY_TIMEOUT.as_u16();
            Found::Answer(Reply::refusal(status, request.method == Method::HEAD))
        }
        Lookup::Stale(prepared) => {
            visit.fallback = Some(prepared.clone());
            Found::Ask(Some(prepared))
        }
        Lookup::Unconfirmed(prepared) => Found::Ask(Some(prepared)),
        Lookup::Withdrawn => {
            visit.withdrawn = true;
            absent(edge, site, request, &wants, visit)
        }
        Lookup::Absent => absent(edge, site, request, &wants, visit),
    }
}

/// Nothing is stored. A request for a part is forwarded, and the whole is fetched for those to come.
fn absent(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    wants: &Directives,
    visit: &mut Visit,
) -> Found {
    if wants.no_store {
        return Found::Forward;
    }
    if fetch::can_be_shared(request) {
        return Found::Ask(None);
    }
    if request.method == Method::GET
        && request.headers.contains_key(header::RANGE)
        && !request.headers.contains_key(header::AUTHORIZATION)
        && crate::waf::mode(site) != Mode::On
        && let Some(question) = fetch::question(edge, request, visit, None)
    {
        site.fetcher.refresh_soon(question);
    }
    Found::Forward
}
