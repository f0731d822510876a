//! 3. Who may reach the site, and by which way. Who he is was decided before (`crate::ingress`).

use http::{Method, StatusCode};
use pingora::http::RequestHeader;

use super::reply::Reply;
use crate::ingress::Entry;
use crate::limits::refused::Limit;
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;

/// A refusal for who may not.
pub fn check(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    visit: &mut Visit,
) -> Option<Reply> {
    let head_only = request.method == Method::HEAD;
    // The connection may be a cloud's, and go on for its other readers.
    if edge.limits.refuses(visit.client) {
        visit.refused_by(Limit::Ban);
        return Some(Reply::refusal(403, head_only));
    }
    if site.door.is_behind() {
        let known = edge.limits.known();
        match site.door.entry(visit.class, visit.client, &known) {
            Entry::As(class) => site.seen.comings.count(class, visit.at),
            Entry::Closed => {
                site.seen.comings.refuse();
                visit.outcome = "refused";
                let (kind, page) = ("text/html; charset=utf-8", site.door.page());
                return Some(Reply::own(StatusCode::FORBIDDEN, kind, page, head_only));
            }
        }
    }
    if site.settings.staff {
        visit.access = site
            .door
            .access(visit.client, &edge.limits.known(), edge.clock.now());
        // Fails closed: an address that is not known is not the city hall's.
        if visit.access.is_none() {
            visit.outcome = "refused";
            return Some(Reply::refusal(403, head_only));
        }
    }
    let allowed = &site.settings.allow_from;
    if allowed.is_empty() {
        return None;
    }
    let client = visit.client.map(|address| address.to_canonical());
    let welcome =
        client.is_some_and(|client| allowed.iter().any(|network| network.contains(&client)));
    // Fails closed: an address that is not known is not allowed.
    if welcome {
        None
    } else {
        visit.outcome = "refused";
        Some(Reply::refusal(403, head_only))
    }
}
