//! 2. What may be asked of the site at all: methods, the size of a body, and, once the origin is to
//!    be asked, how often.

use http::{HeaderValue, Method, StatusCode, header};
use pingora::http::RequestHeader;

use super::reply::Reply;
use crate::limits::body;
use crate::limits::refused::Limit;
use crate::routing::Site;
use crate::state::Edge;
use crate::visit::Visit;

/// A refusal for what the site does not take.
pub fn check(
    edge: &Edge,
    site: &Site,
    request: &RequestHeader,
    visit: &mut Visit,
) -> Option<Reply> {
    let rules = &site.settings.requests;
    let method = request.method.as_str();
    if !rules.methods.iter().any(|allowed| allowed == method) {
        visit.refused_by(edge.limits.refused.count(Limit::Method));
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut refusal = refusal(status, request);
        let allowed = HeaderValue::try_from(rules.methods.join(", "));
        let fields = allowed.map(|allowed| (header::ALLOW, allowed));
        refusal.fields.extend(fields);
        return Some(refusal);
    }
    let length = request.headers.get(header::CONTENT_LENGTH);
    let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    visit.most_body = body::most_bytes(rules, &visit.target);
    if length.is_some_and(|length| length > visit.most_body) {
        visit.refused_by(edge.limits.refused.count(Limit::BodySize));
        return Some(refusal(StatusCode::PAYLOAD_TOO_LARGE, request));
    }
    None
}

/// A refusal for who asks too much of the origin.
pub fn ask(edge: &Edge, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    let wait_s = edge.limits.ask(visit.client).err()?;
    visit.refused_by(Limit::Requests);
    let mut refusal = refusal(StatusCode::TOO_MANY_REQUESTS, request);
    let after = (header::RETRY_AFTER, HeaderValue::from(wait_s));
    refusal.fields.push(after);
    Some(refusal)
}

fn refusal(status: StatusCode, request: &RequestHeader) -> Reply {
    Reply::refusal(status.as_u16(), request.method == Method::HEAD)
}
