//! 4. Printed codes and legacy URLs; answered with everything behind the edge dead.

use yagura_config::settings::PlainHttp;

use super::reply::Reply;
use crate::routing::Site;
use crate::visit::Visit;

/// The redirect of the request's URL.
pub fn find(site: &Site, visit: &mut Visit) -> Option<Reply> {
    let redirect = site.redirect_of(&visit.host, &visit.target)?;
    visit.outcome = "redirect";
    let location = match (visit.tls, site.settings.http) {
        // One step instead of two: first to https and only then to the page.
        (false, PlainHttp::RedirectToHttps { port }) if redirect.to.starts_with('/') => {
            super::https::url(&visit.host, port, &redirect.to)
        }
        _ => redirect.to.clone(),
    };
    Some(Reply::redirect(redirect.status, location))
}
