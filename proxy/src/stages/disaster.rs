//! 6. The disaster page, where an operator put it in place of the home page.

use http::{Method, StatusCode};
use pingora::http::RequestHeader;

use super::reply::Reply;
use crate::disaster::Covered;
use crate::routing::Site;
use crate::visit::Visit;

/// The disaster page, if it is what the target is answered with.
pub fn find(site: &Site, request: &RequestHeader, visit: &mut Visit) -> Option<Reply> {
    let raised = site.disaster.as_ref()?;
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return None;
    }
    match raised.covers(&visit.target)? {
        Covered::UsualHome => {
            visit.target = "/".to_owned();
            None
        }
        Covered::Page(page) => {
            visit.outcome = "disaster";
            let head_only = request.method == Method::HEAD;
            let html = "text/html; charset=utf-8";
            Some(Reply::own(StatusCode::OK, html, page, head_only))
        }
    }
}
