//! 2. A file that proves to an authority that a name is ours (HTTP-01: RFC 8555, section 8.3). It is
//!    answered before anything that may refuse, redirect or put a page over the site.

use bytes::Bytes;
use http::StatusCode;
use pingora::http::RequestHeader;
use yagura_certs::acme::WELL_KNOWN;

use super::reply::Reply;
use crate::state::Edge;
use crate::visit::Visit;

/// The proof that is asked for, where there is one.
pub fn find(edge: &Edge, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    if !visit.target.starts_with(WELL_KNOWN) {
        return None;
    }
    let head_only = match request.method {
        http::Method::GET => false,
        http::Method::HEAD => true,
        _ => return None,
    };
    let path = visit.target.split('?').next().unwrap_or_default();
    let content = edge.certificates.pending().file(path)?;
    visit.outcome = "pass";
    let body = Bytes::from(content);
    Some(Reply::own(
        StatusCode::OK,
        "application/octet-stream",
        body,
        head_only,
    ))
}
