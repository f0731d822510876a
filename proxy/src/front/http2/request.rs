//! A request over HTTP/2: whether it says everything in one way only, and its form for the stages.

use h2::RecvStream;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use pingora::http::RequestHeader;

use crate::front::decide::{self, Answer};
use crate::front::head;
use crate::front::minded::Minded;
use crate::ingress::Class;
use crate::state::Edge;

/// It could be read in two ways.
#[derive(Debug)]
pub struct Malformed;

/// Fields that belong to one connection of HTTP/1.1 and stand in no request over HTTP/2 (RFC 9113,
/// section 8.2.2).
const OF_HTTP1: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Checks a request, and joins its cookies to one field (RFC 9113, section 8.2.3).
///
/// # Errors
/// It could be read in two ways; its stream is to be reset (section 8.1.1).
pub fn tidied(request: &mut Request<RecvStream>) -> Result<(), Malformed> {
    let target = request
        .uri()
        .path_and_query()
        .map_or("", |target| target.as_str());
    let clean = target
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#' || byte >= 0x80);
    let headers = request.headers();
    let of_http1 = OF_HTTP1.iter().any(|name| headers.contains_key(*name));
    let te = headers
        .get_all("te")
        .iter()
        .all(|value| value == "trailers");
    let hosts = headers.get_all(header::HOST).iter().count();
    if !clean || of_http1 || !te || hosts > 1 || !one_length(headers) {
        return Err(Malformed);
    }
    // The server as a whole is what OPTIONS alone asks about (RFC 9113, section 8.3.1).
    if target == "*" && request.method() != Method::OPTIONS {
        return Err(Malformed);
    }
    let host = headers.get(header::HOST).map(HeaderValue::to_str);
    let named = request.uri().authority().map(|named| Ok(named.as_str()));
    match named.or(host) {
        Some(Ok(host)) if head::is_authority(host) => {}
        _ => return Err(Malformed),
    }
    join_cookies(request.headers_mut());
    Ok(())
}

/// Whether Content-Length says one number at most (RFC 9110, section 8.6).
fn one_length(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (first, more) = (lengths.next(), lengths.next());
    let number =
        |value: &HeaderValue| !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
    more.is_none() && first.is_none_or(number)
}

fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for crumb in std::iter::once(second).chain(crumbs) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(header::COOKIE, joined);
    }
}

/// The same request for the stages; none for one without a path.
pub fn for_stages(request: &Request<RecvStream>) -> Option<RequestHeader> {
    request.uri().path_and_query()?;
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = request.method().clone();
    parts.uri = request.uri().clone();
    parts.version = http::Version::HTTP_2;
    parts.headers = request.headers().clone();
    Some(parts.into())
}

/// The plain hit that answers a request.
pub fn hit(
    edge: &Edge,
    (tls, class): (bool, Class),
    request: &Request<RecvStream>,
) -> Option<Answer> {
    let head_only = match *request.method() {
        Method::GET => false,
        Method::HEAD => true,
        _ => return None,
    };
    let (uri, headers) = (request.uri(), request.headers());
    let named = uri.authority().map(http::uri::Authority::as_str);
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    // Both may be there, and then say the same; the stages refuse what does not.
    let fields = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let minded = Minded::of(fields);
    if minded.is_not_plain
        || !request.body().is_end_stream()
        || (named.is_some() && host.is_some() && named != host)
    {
        return None;
    }
    let plain = decide::Plain {
        tls,
        class,
        head_only,
        authority: named.or(host)?,
        target: uri.path_and_query()?.as_str(),
        minded: &minded,
    };
    decide::plain_hit(edge, &plain, &mut String::new(), headers)
}
