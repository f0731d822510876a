//! What happens to a request that is no plain hit, one decision a file, in the order in which
//! [`answer`] calls them. A stage before the origin returns a [`Reply`] to end there.

pub mod challenge;
pub mod disaster;
pub mod door_state;
pub mod fetch;
pub mod forward;
pub mod host;
pub mod https;
pub mod ingress;
pub mod last_good;
pub mod limit;
pub mod lookup;
pub mod notice;
pub mod range;
pub mod receive;
pub mod redirect;
pub mod reply;
pub mod waf;

use pingora::http::RequestHeader;

use crate::state::Edge;
use crate::visit::Visit;
use lookup::Found;
use reply::Reply;

/// Stages 1 to 7: the reply, or none when the request is to be forwarded as it is. What is known
/// of the connection stands in the visit already.
pub async fn answer(edge: &Edge, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    if let Some(refusal) = host::find(edge, request, visit) {
        return Some(refusal);
    }
    let site = visit.site.clone()?;
    let early = challenge::find(edge, request, visit)
        .or_else(|| door_state::find(edge, &site, request, visit))
        .or_else(|| limit::check(edge, &site, request, visit))
        .or_else(|| ingress::check(edge, &site, request, visit))
        .or_else(|| redirect::find(&site, visit))
        .or_else(|| https::lift(&site, visit))
        .or_else(|| notice::find(edge, &site, request, visit))
        .or_else(|| disaster::find(&site, request, visit));
    if early.is_some() {
        return early;
    }
    match lookup::find(edge, &site, request, visit).await {
        Found::Answer(reply) => Some(reply),
        // Nobody is to be asked.
        Found::Ask(_) | Found::Forward if site.seen.upstreams.are_closed(edge.clock.now()) => {
            Some(last_good::reply(edge, request, visit))
        }
        Found::Ask(stored) => match limit::ask(edge, request, visit) {
            // Better a copy than a refusal.
            Some(_) if visit.fallback.is_some() => Some(last_good::reply(edge, request, visit)),
            Some(refusal) => Some(refusal),
            None => match waf::check(edge, &site, request, visit).await {
                Some(refusal) => Some(refusal),
                None => fetch::ask(edge, &site, request, visit, stored).await,
            },
        },
        Found::Forward => None,
    }
}
