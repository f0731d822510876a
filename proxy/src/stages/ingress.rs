//! 3. Who may reach the site. Who he is was decided before (`crate::ingress`).

use super::reply::Reply;
use crate::limits::refused::Limit;
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;

/// A refusal for who may not.
pub fn check(edge: &Edge, site: &Site, visit: &mut Visit) -> Option<Reply> {
    // The connection may be a cloud's, and go on for its other readers.
    if edge.limits.refuses(visit.client) {
        visit.refused_by(Limit::Ban);
        return Some(Reply::refusal(403, false));
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
        Some(Reply::refusal(403, false))
    }
}
