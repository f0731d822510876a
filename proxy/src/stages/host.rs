//! 1. Which site the request is for, and its target in one spelling.

use std::borrow::Cow;

use http::StatusCode;
use pingora::http::RequestHeader;

use super::reply::Reply;
use crate::limits::path;
use crate::limits::refused::Limit;
use crate::routing::without_port;
use crate::state::Edge;
use crate::visit::Visit;

/// Finds the site; a reply when there is none.
pub fn find(edge: &Edge, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    let head_only = request.method == http::Method::HEAD;
    let field = request
        .headers
        .get(http::header::HOST)
        .and_then(|value| value.to_str().ok());
    let authority = request.uri.authority().map(http::uri::Authority::as_str);
    // HTTP/2 has `:authority`, and a Host that says something else is an attempt at confusion.
    if let (Some(authority), Some(field), http::Version::HTTP_2) =
        (authority, field, request.version)
        && !authority.eq_ignore_ascii_case(field)
    {
        return Some(Reply::refusal(StatusCode::BAD_REQUEST.as_u16(), head_only));
    }
    // An absolute target goes before the Host field (RFC 9112, section 3.2.2).
    let Some(named) = authority.or(field) else {
        return Some(Reply::refusal(StatusCode::BAD_REQUEST.as_u16(), head_only));
    };
    // Who names a user there means to deceive somebody (RFC 9110, section 4.2.4).
    if named.contains('@') {
        return Some(Reply::refusal(StatusCode::BAD_REQUEST.as_u16(), head_only));
    }
    visit.authority = named.to_ascii_lowercase();
    visit.host = without_port(&visit.authority).to_owned();
    visit.target = request
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    visit.site = edge.switchboard.plan().site_of(&visit.host).cloned();
    match &visit.site {
        Some(site) => match path::normalised(&visit.target, site.settings.requests.paths) {
            Ok(Cow::Borrowed(_)) => None,
            Ok(Cow::Owned(target)) => {
                visit.target = target;
                None
            }
            Err(path::Refused) => {
                visit.refused_by(edge.limits.refused.count(Limit::Path));
                Some(Reply::refusal(StatusCode::BAD_REQUEST.as_u16(), head_only))
            }
        },
        None => Some(Reply::refusal(
            StatusCode::MISDIRECTED_REQUEST.as_u16(),
            head_only,
        )),
    }
}
