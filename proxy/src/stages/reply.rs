//! An answer of the edge's own, out of the cache or on its way into it, and how it is written
//! through pingora. Over HTTP/1.1 the front writes it (`front/write.rs`).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};
use yagura_control::Timestamp;

use super::notice;
use super::range::{self, Part};
use crate::access_log::request_id::REQUEST_ID;
use crate::cache::fetcher::Direct;
use crate::cache::flight::{News, Passenger, ResponseHead};
use crate::cache::{FetchError, Fields, Prepared, stored};
use crate::visit::Visit;

/// What the answer out of the cache is, for Cache-Status (RFC 9211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Fresh.
    Hit,
    /// Stale, while a new one is fetched.
    Revalidating,
    /// The origin has just confirmed it.
    Confirmed,
    /// The origin is dead.
    LastGood,
}

/// A response on its way from the origin.
pub struct Arrival {
    /// Its head.
    pub response: Arc<ResponseHead>,
    /// Brings its pieces.
    pub source: Source,
    /// It came in place of a stored one that was to be confirmed.
    pub confirming: bool,
    /// The request was made for another reader.
    pub collapsed: bool,
}

/// Where a body comes from, piece by piece.
pub enum Source {
    /// A response that others read too.
    Shared(Passenger),
    /// The origin's connection itself.
    Direct(Box<Direct>),
}

impl Source {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// The rest does not come.
    pub async fn piece(&mut self) -> std::result::Result<Option<Bytes>, FetchError> {
        match self {
            Self::Direct(direct) => direct.piece().await,
            Self::Shared(passenger) => loop {
                match passenger.next().await? {
                    News::Piece(piece) => return Ok(Some(piece)),
                    News::End => return Ok(None),
                    News::Head(_) | News::Interim(_) => {}
                }
            },
        }
    }

    /// What is there already, without waiting.
    ///
    /// # Errors
    /// As of [`Self::piece`].
    pub fn ready(&mut self) -> Option<std::result::Result<Option<Bytes>, FetchError>> {
        match self {
            Self::Direct(direct) => direct.ready(),
            Self::Shared(passenger) => match passenger.ready()? {
                Ok(News::Piece(piece)) => Some(Ok(Some(piece))),
                Ok(News::End) => Some(Ok(None)),
                Ok(News::Head(_) | News::Interim(_)) => None,
                Err(error) => Some(Err(error)),
            },
        }
    }
}

/// What follows the head.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece.
    Arriving(Source),
}

/// An answer.
pub struct Reply {
    /// Its fields, without those of the connection and those about its length.
    pub fields: Vec<(header::HeaderName, HeaderValue)>,
    /// Its status.
    pub status: StatusCode,
    /// What follows, but for a HEAD.
    pub body: Body,
    /// Length told; what a HEAD would have got counts too.
    pub length: Option<u64>,
    head_only: bool,
}

impl Reply {
    /// A stored response, or 304 when the reader has it already.
    pub fn stored(
        prepared: &Arc<Prepared>,
        now: Timestamp,
        request: &RequestHeader,
        detail: Detail,
    ) -> Self {
        let prepared = prepared.representation(&request.headers);
        let stored = &prepared.stored;
        let age_s = stored.age_s(now);
        let unchanged = is_unchanged(request, stored.status, &stored.headers);
        let mut fields = own_fields(prepared.fields(), unchanged);
        let ttl = i128::from(stored.terms.lifetime_s) - i128::from(age_s);
        let status = match detail {
            Detail::Hit => format!("yagura; hit; ttl={ttl}"),
            Detail::Revalidating => format!("yagura; hit; ttl={ttl}; detail=revalidating"),
            Detail::Confirmed => "yagura; fwd=stale; fwd-status=304".to_owned(),
            Detail::LastGood => format!("yagura; hit; ttl={ttl}; detail=last-good"),
        };
        fields.push((header::AGE, HeaderValue::from(age_s)));
        fields.extend(HeaderValue::from_str(&status).map(|value| (CACHE_STATUS, value)));
        let bodiless = unchanged || is_bodiless(stored.status);
        let body = if bodiless {
            Bytes::new()
        } else {
            stored.body.clone()
        };
        let mut reply = Self {
            fields,
            status: if unchanged {
                StatusCode::NOT_MODIFIED
            } else {
                stored.status
            },
            length: (!bodiless).then_some(stored.body.len() as u64),
            body: Body::Whole(body),
            head_only: request.method == Method::HEAD,
        };
        if !bodiless && request.method == Method::GET {
            reply.cut(&stored.body, range::wanted(&request.headers, stored));
        }
        reply
    }

    /// A response on its way, or 304 when the reader has it already. A part is not cut out of it:
    /// the whole answers a request for a range too (RFC 9110, section 14.2).
    pub fn arriving(arrival: Arrival, now: Timestamp, request: &RequestHeader) -> Self {
        let Arrival {
            response,
            source,
            confirming,
            collapsed,
        } = arrival;
        let unchanged = is_unchanged(request, response.status, &response.headers);
        let mut fields = own_fields(&response.headers, unchanged);
        fields.push((header::VIA, HeaderValue::from_static("1.1 yagura")));
        let waited_s = now.since(response.received_at).as_secs();
        if let Some(age_s) = response.age_s {
            fields.push((
                header::AGE,
                HeaderValue::from(age_s.saturating_add(waited_s)),
            ));
        }
        let forwarded = if confirming { "stale" } else { "uri-miss" };
        let stored = if response.stored { "; stored" } else { "" };
        let collapsed = if collapsed { "; collapsed" } else { "" };
        let code = response.status.as_u16();
        let status = format!("yagura; fwd={forwarded}; fwd-status={code}{stored}{collapsed}");
        fields.extend(HeaderValue::from_str(&status).map(|value| (CACHE_STATUS, value)));
        let bodiless = unchanged || is_bodiless(response.status);
        Self {
            fields,
            status: if unchanged {
                StatusCode::NOT_MODIFIED
            } else {
                response.status
            },
            length: response.length.filter(|_| !bodiless),
            body: if bodiless {
                Body::Whole(Bytes::new())
            } else {
                Body::Arriving(source)
            },
            head_only: request.method == Method::HEAD,
        }
    }

    /// Cuts a whole response down to the part that is wanted.
    fn cut(&mut self, body: &Bytes, part: Part) {
        let whole = body.len();
        let (part, told) = match part {
            Part::Whole => return,
            Part::Bytes { first, last } => {
                self.status = StatusCode::PARTIAL_CONTENT;
                (
                    body.slice(first..=last),
                    format!("bytes {first}-{last}/{whole}"),
                )
            }
            Part::Nothing => {
                self.status = StatusCode::RANGE_NOT_SATISFIABLE;
                (Bytes::new(), format!("bytes */{whole}"))
            }
        };
        self.length = Some(part.len() as u64);
        self.body = Body::Whole(part);
        self.fields
            .extend(HeaderValue::from_str(&told).map(|told| (header::CONTENT_RANGE, told)));
    }

    /// To another URL. Redirects may be corrected; browsers must not keep a wrong one for ever.
    pub fn redirect(status: u16, location: String, max_age_s: u64) -> Self {
        let Ok(location) = HeaderValue::try_from(location) else {
            return Self::refusal(500, false);
        };
        Self {
            fields: [
                Some((header::LOCATION, location)),
                HeaderValue::try_from(format!("public, max-age={max_age_s}"))
                    .ok()
                    .map(|value| (header::CACHE_CONTROL, value)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND),
            body: Body::Whole(Bytes::new()),
            length: Some(0),
            head_only: false,
        }
    }

    /// Something of the edge's own, which nobody keeps.
    pub fn own(status: StatusCode, media_type: &'static str, body: Bytes, head_only: bool) -> Self {
        const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        let fields = [
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_TYPE, media_type),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        Self {
            fields: fields
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .into(),
            status,
            length: Some(body.len() as u64),
            body: Body::Whole(body),
            head_only,
        }
    }

    /// A page of the edge's own, which nobody keeps.
    pub fn page(
        status: StatusCode,
        text: &'static str,
        head_only: bool,
        retry_after_s: Option<u64>,
    ) -> Self {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
        let mut reply = Self::text(status, text, head_only);
        reply.fields.push((
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ));
        reply.fields.push((
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        ));
        reply
            .fields
            .extend(retry_after_s.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
        reply
    }

    /// A refusal in one line.
    pub fn refusal(status: u16, head_only: bool) -> Self {
        let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut reply = Self::text(code, notice::refusal(status), head_only);
        reply.fields.push((
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        ));
        reply
    }

    fn text(status: StatusCode, text: &'static str, head_only: bool) -> Self {
        let body = Bytes::from_static(text.as_bytes());
        let fields = vec![(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        Self {
            fields,
            status,
            length: Some(body.len() as u64),
            body: Body::Whole(body),
            head_only,
        }
    }

    /// Adds what the edge tells each reader: the request's name, where it is told, and that the site
    /// is to be asked over TLS alone.
    pub fn add_own_fields(&mut self, visit: &Visit) {
        if visit.tells_its_id() {
            self.fields.push((REQUEST_ID, visit.id.value()));
        }
        let name = header::STRICT_TRANSPORT_SECURITY;
        if let Some(hsts) = visit.hsts()
            && self.fields.iter().all(|(of, _)| *of != name)
        {
            self.fields.push((name, hsts.value()));
        }
    }

    /// Whether the head alone is sent.
    pub fn ends_with_head(&self, request: &Method) -> bool {
        let empty = matches!(&self.body, Body::Whole(body) if body.is_empty());
        self.head_only || request == Method::HEAD || empty
    }

    /// Writes it to the reader.
    ///
    /// # Errors
    /// The reader is gone, or the rest of the response does not come.
    pub async fn send(self, session: &mut Session) -> Result<()> {
        let request = session.req_header();
        let ends = self.ends_with_head(&request.method);
        let chunked = request.version == Version::HTTP_11 && self.length.is_none();
        let mut response = ResponseHeader::build(self.status, Some(self.fields.len() + 2))?;
        for (name, value) in self.fields {
            response.append_header(name, value)?;
        }
        match self.length {
            Some(length) => response.insert_header(header::CONTENT_LENGTH, length)?,
            None if chunked && !is_bodiless(self.status) => {
                response.insert_header(header::TRANSFER_ENCODING, "chunked")?;
            }
            None => {}
        }
        session
            .write_response_header(Box::new(response), ends)
            .await?;
        match self.body {
            _ if ends => Ok(()),
            Body::Whole(body) => session.write_response_body(Some(body), true).await,
            Body::Arriving(mut source) => loop {
                match source.piece().await {
                    Ok(Some(piece)) => {
                        session.write_response_body(Some(piece), false).await?;
                    }
                    Ok(None) => break session.write_response_body(None, true).await,
                    // The reader is to see that it is not whole: the connection, or the stream,
                    // ends without the end of the body.
                    Err(error) => {
                        break Error::e_explain(ErrorType::ReadError, error.to_string());
                    }
                }
            },
        }
    }
}

/// Whether a request's conditions are met by telling that nothing changed.
fn is_unchanged(request: &RequestHeader, status: StatusCode, headers: &HeaderMap) -> bool {
    let tags: Vec<&str> = request
        .headers
        .lines("if-none-match")
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let tags = (!tags.is_empty()).then(|| tags.join(", "));
    let since = request.headers.first("if-modified-since");
    let conditional = tags.is_some() || since.is_some();
    conditional && stored::is_unchanged(status, headers, tags.as_deref(), since)
}

/// The fields of a stored response, without those that a 304 leaves out (RFC 9110, section 15.4.5).
fn own_fields(headers: &HeaderMap, unchanged: bool) -> Vec<(header::HeaderName, HeaderValue)> {
    const OF_THE_BODY: [header::HeaderName; 4] = [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_RANGE,
    ];
    headers
        .iter()
        .filter(|(name, _)| !(unchanged && OF_THE_BODY.contains(name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Whether a response of this status has no body (RFC 9110, section 6.4.1).
pub fn is_bodiless(status: StatusCode) -> bool {
    matches!(status.as_u16(), 204 | 304) || status.is_informational()
}

/// RFC 9211.
pub const CACHE_STATUS: header::HeaderName = header::HeaderName::from_static("cache-status");
