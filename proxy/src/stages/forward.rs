//! 8. To the origin: where it is, and what it is told.

use http::{HeaderName, HeaderValue, Method, header};
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, ErrorType, OrErr, Result};
use yagura_config::settings::{Origin, SiteSettings};

use super::last_good;
use crate::access_log::request_id::REQUEST_ID;
use crate::cache::normalise::CookieField;
use crate::ingress::Access;
use crate::state::Edge;
use crate::traces::TRACEPARENT;
use crate::visit::Visit;

/// How long a connection to the origin is kept for the next request.
const KEPT: std::time::Duration = std::time::Duration::from_secs(30);

/// Fields of one connection (RFC 9110, section 7.6.1), and those a reader could forge.
const NOT_FORWARDED: [&str; 13] = [
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "te",
    "http2-settings",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    Access::FIELD,
];

/// An upstream of a site, as pingora knows it.
///
/// # Errors
/// Its socket's path cannot be one.
pub fn peer(site: &SiteSettings, place: &Origin) -> Result<Box<HttpPeer>> {
    let mut peer = match place {
        Origin::Tcp(address) => HttpPeer::new(*address, false, String::new()),
        Origin::Unix(path) => {
            let path = path
                .to_str()
                .ok_or_else(|| Error::explain(ErrorType::InternalError, "no path of a socket"))?;
            HttpPeer::new_uds(path, false, String::new())?
        }
    };
    peer.options.connection_timeout = Some(site.connect_timeout);
    peer.options.total_connection_timeout = Some(site.connect_timeout);
    peer.options.read_timeout = Some(site.read_timeout);
    peer.options.write_timeout = Some(site.read_timeout);
    peer.options.idle_timeout = Some(KEPT);
    Ok(Box::new(peer))
}

/// Notes that the upstream gave no answer, once for each attempt.
pub fn note_failure(edge: &Edge, error: &Error, visit: &mut Visit) {
    let (Some(site), Some(upstream)) = (&visit.site, &visit.upstream) else {
        return;
    };
    let of_upstream = matches!(error.esource(), ErrorSource::Upstream);
    if visit.heard || !of_upstream || visit.tried.contains(&upstream.index) {
        return;
    }
    visit.tried.push(upstream.index);
    let of_the_origin = last_good::is_of_the_origin(error);
    let now = edge.clock.now();
    site.seen
        .upstreams
        .note_failure(upstream, of_the_origin, error, now);
}

/// Whether a request that failed goes to another upstream: a read of which not a byte of an answer
/// came, within the budget.
pub fn another(edge: &Edge, session: &Session, error: &Error, visit: &mut Visit) -> bool {
    note_failure(edge, error, visit);
    let method = &session.req_header().method;
    let (Some(site), false) = (&visit.site, visit.heard) else {
        return false;
    };
    if !matches!(*method, Method::GET | Method::HEAD) || last_good::is_readers_fault(error) {
        return false;
    }
    match site.seen.upstreams.next(&visit.tried) {
        Some(next) => {
            visit.upstream = Some(next);
            true
        }
        None => false,
    }
}

/// Makes the request the edge's own: one host, one target, who really asks.
///
/// # Errors
/// A field cannot be written.
pub fn rewrite(
    edge: &Edge,
    request: &mut RequestHeader,
    switching: bool,
    visit: &Visit,
) -> Result<()> {
    for name in named_by_connection(request) {
        if !(switching && name == header::UPGRADE) {
            request.remove_header(&name);
        }
    }
    for name in NOT_FORWARDED {
        request.remove_header(name);
    }
    // CGI and its descendants read `_` as `-`, and would take these for what was removed above.
    let disguised: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| is_disguised(name))
        .cloned()
        .collect();
    for name in disguised {
        request.remove_header(&name);
    }
    if !switching {
        request.remove_header("connection");
        request.remove_header("upgrade");
    }
    let asked = request.uri.path_and_query().map(|target| target.as_str());
    if request.uri.authority().is_some() || asked.is_some_and(|asked| asked != visit.target) {
        let target = visit
            .target
            .parse()
            .or_err(ErrorType::InvalidHTTPHeader, "the target")?;
        request.set_uri(target);
    }
    // What may be stored is asked for with the cookies alone that may select it.
    if let (Some(site), Some(_), false) = (&visit.site, &visit.key, switching) {
        match site.cache.rules.cookie_field(&request.headers) {
            CookieField::AsItIs => {}
            CookieField::Absent => {
                request.remove_header(&header::COOKIE);
            }
            CookieField::Of(value) => {
                request.insert_header(header::COOKIE, value)?;
            }
        }
    }
    request.insert_header(header::HOST, visit.authority.as_str())?;
    if let Some(client) = visit.client {
        request.insert_header("x-forwarded-for", client.to_canonical().to_string())?;
    }
    if let Some(access) = visit.access {
        request.insert_header(Access::FIELD, access.word())?;
    }
    request.insert_header("x-forwarded-host", visit.authority.as_str())?;
    request.insert_header(
        "x-forwarded-proto",
        if visit.tls { "https" } else { "http" },
    )?;
    request.insert_header(REQUEST_ID, visit.id.value())?;
    // A reader's own trace says nothing that can be relied on.
    if let Some(parent) = edge.traces.parent(visit.id) {
        request.remove_header("tracestate");
        request.insert_header(TRACEPARENT, parent)?;
    }
    let via = if request.version == http::Version::HTTP_2 {
        "2 yagura"
    } else {
        "1.1 yagura"
    };
    request.append_header("via", HeaderValue::from_static(via))?;
    Ok(())
}

/// Whether a name with `_` would be one that this edge decides about.
fn is_disguised(name: &HeaderName) -> bool {
    const DECIDED: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];
    if !name.as_str().contains('_') {
        return false;
    }
    let dashed = name.as_str().replace('_', "-");
    DECIDED.contains(&dashed.as_str()) || NOT_FORWARDED.contains(&dashed.as_str())
}

fn named_by_connection(request: &RequestHeader) -> Vec<HeaderName> {
    let lines = request
        .headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let named = lines
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok());
    // `Connection: host` must not take away what routes the request.
    named
        .filter(|name| {
            !matches!(
                *name,
                header::HOST | header::CONTENT_LENGTH | header::TRANSFER_ENCODING
            )
        })
        .collect()
}
