//! 3. Who may reach the site.

use super::reply::Reply;
use crate::routing::Site;
use crate::visit::Visit;

/// A refusal for who may not.
pub fn check(site: &Site, visit: &mut Visit) -> Option<Reply> {
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
