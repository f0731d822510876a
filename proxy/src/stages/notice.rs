//! 5. The notice, where an operator put it in place of the site; and the other pages of the edge's
//!    own, for when there is nothing else. They need nothing from anywhere.

use http::{Method, StatusCode};
use pingora::http::RequestHeader;

use super::reply::Reply;
use crate::routing::Site;
use crate::visit::Visit;

/// How soon to try again, in seconds.
pub const RETRY_AFTER_S: u64 = 30;

/// The origin is dead and there is no copy.
pub const UNAVAILABLE: &str = include_str!("notice/unavailable.html");

/// The page was taken off.
pub const GONE: &str = include_str!("notice/gone.html");

/// The notice, if it is what the site is answered with.
pub fn find(site: &Site, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    if site.shows_site() {
        return None;
    }
    visit.outcome = "notice";
    Some(Reply::page(
        StatusCode::SERVICE_UNAVAILABLE,
        UNAVAILABLE,
        request.method == Method::HEAD,
        Some(RETRY_AFTER_S),
    ))
}

/// The text of a refusal, for a person who sees it.
pub const fn refusal(status: u16) -> &'static str {
    match status {
        400 => "400 Bad Request: this request cannot be understood.\n",
        403 => {
            "403 Forbidden: このネットワークからは利用できません。 Not available from this network.\n"
        }
        408 => "408 Request Timeout: the request took too long.\n",
        421 => {
            "421 Misdirected Request: このサーバーにこのホスト名のサイトはありません。 No site of that host name is served here.\n"
        }
        504 => "504 Gateway Timeout: nothing suitable is stored.\n",
        _ => "The request was refused.\n",
    }
}
