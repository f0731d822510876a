//! 4. Printed codes and legacy URLs; answered with everything behind the edge dead.

use yagura_config::settings::PlainHttp;

use super::reply::Reply;
use crate::routing::Site;
use crate::visit::Visit;

/// The redirect of the request's URL.
pub fn find(site: &Site, visit: &mut Visit) -> Option<Reply> {
    let now = visit.at;
    let redirect = site.redirect_of(&visit.host, &visit.target, now)?;
    redirect.count();
    visit.outcome = "redirect";
    let to = redirect.location(&visit.target, &site.cache.rules);
    let location = match (visit.tls, site.settings.http) {
        // One step instead of two: first to https and only then to the page.
        (false, PlainHttp::RedirectToHttps { port }) if to.starts_with('/') => {
            super::https::url(&visit.host, port, &to)
        }
        _ => to,
    };
    let left_s = redirect
        .until()
        .map(|until| until.end().since(now).as_secs());
    let max_age_s = max_age_s(redirect.status()).min(left_s.unwrap_or(u64::MAX));
    Some(Reply::redirect(redirect.status(), location, max_age_s))
}

/// How long browsers and the caches before us may keep it. All of them may be corrected, and a
/// permanent one is kept for ever where nothing is said (RFC 9110, section 15.4.2); a temporary one
/// is kept so long that a crowd with one printed code does not come here all at once.
const fn max_age_s(status: u16) -> u64 {
    match status {
        301 | 308 => 300,
        _ => 60,
    }
}
