//! 5. The notice, where an operator put it in place of the site; and the other pages of the edge's
//!    own, for when there is nothing else. They need nothing from anywhere.

use http::{HeaderValue, Method, StatusCode, header};
use pingora::http::RequestHeader;

use super::reply::Reply;
use crate::notice::negotiate::{self, Form};
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;

/// How soon to try again, in seconds.
pub const RETRY_AFTER_S: u64 = 30;

/// The origin is dead and there is no copy.
pub const UNAVAILABLE: &str = include_str!("notice/unavailable.html");

/// The page was taken off.
pub const GONE: &str = include_str!("notice/gone.html");

/// The notice, if it is what the site is answered with; its files always, while it is up.
pub fn find(edge: &Edge, site: &Site, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    if site.shows_site() {
        return None;
    }
    let head_only = request.method == Method::HEAD;
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    let Some(notice) = &site.notice else {
        // A route to the notice, and no text: what is shown when there is nothing else.
        visit.outcome = "notice";
        let retry = Some(RETRY_AFTER_S);
        return Some(Reply::page(unavailable, UNAVAILABLE, head_only, retry));
    };
    if let Some((digest, media_type)) = notice.file(&visit.target)
        && let Some(content) = edge.switchboard.notice_file(digest)
    {
        visit.outcome = "notice";
        return Some(Reply::own(StatusCode::OK, media_type, content, head_only));
    }
    if notice.leaves_out(&visit.target) {
        return None;
    }
    visit.outcome = "notice";
    let lines = request.headers.get_all(header::ACCEPT).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let accept = (!lines.is_empty()).then(|| lines.join(", "));
    let (media_type, body) = match negotiate::form(accept.as_deref()) {
        Form::Html => ("text/html; charset=utf-8", &notice.html),
        Form::Plain => ("text/plain; charset=utf-8", &notice.plain),
        Form::Json => ("application/json", &notice.json),
    };
    let mut reply = Reply::own(unavailable, media_type, body.clone(), head_only);
    let retry = notice.retry_after_s(edge.clock.now());
    reply.fields.push((header::RETRY_AFTER, retry.into()));
    reply
        .fields
        .push((header::VARY, HeaderValue::from_static("accept")));
    Some(reply)
}

/// The text of a refusal, for a person who sees it.
pub const fn refusal(status: u16) -> &'static str {
    match status {
        400 => "400 Bad Request: this request cannot be understood.\n",
        403 => {
            "403 Forbidden: このネットワークからは利用できません。 Not available from this network.\n"
        }
        408 => "408 Request Timeout: the request took too long.\n",
        405 => "405 Method Not Allowed: this method is not available here.\n",
        413 => {
            "413 Content Too Large: 送信するデータが大きすぎます。 What you send is too large.\n"
        }
        421 => {
            "421 Misdirected Request: このサーバーにこのホスト名のサイトはありません。 No site of that host name is served here.\n"
        }
        429 => {
            "429 Too Many Requests: アクセスが集中しています。しばらくしてからお試しください。 Too many requests from your network; please try again later.\n"
        }
        504 => "504 Gateway Timeout: nothing suitable is stored.\n",
        _ => "The request was refused.\n",
    }
}
