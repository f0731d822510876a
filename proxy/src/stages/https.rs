//! 5. From plain HTTP to HTTPS: 308 keeps method and body (RFC 9110, section 15.4.9).

use yagura_config::settings::PlainHttp;

use super::reply::Reply;
use crate::routing::Site;
use crate::visit::Visit;

/// The redirect to the same URL with https, where the site wants it.
pub fn lift(site: &Site, visit: &mut Visit) -> Option<Reply> {
    match site.settings.http {
        PlainHttp::RedirectToHttps { port } if !visit.tls => {
            visit.outcome = "redirect";
            Some(Reply::redirect(
                308,
                url(&visit.host, port, &visit.target),
                300,
            ))
        }
        _ => None,
    }
}

/// An https URL; the port every browser assumes is left out.
pub fn url(host: &str, port: u16, target: &str) -> String {
    let port = if port == 443 {
        String::new()
    } else {
        format!(":{port}")
    };
    format!("https://{host}{port}{target}")
}
