//! An answer of the edge's own, and how it is written through pingora.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use yagura_control::Timestamp;

use super::notice;
use super::range::{self, Part};
use crate::cache::stored::end_to_end;
use crate::cache::{Fetched, Fields, Prepared};

/// What the answer out of the cache is, for Cache-Status (RFC 9211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Fresh.
    Hit,
    /// Stale, while a new one is fetched.
    Revalidating,
    /// The origin has just confirmed it.
    Confirmed,
    /// The origin has just given it in place of a stale one.
    Replaced,
    /// The origin is dead.
    LastGood,
}

/// A whole answer.
pub struct Reply {
    fields: Vec<(header::HeaderName, HeaderValue)>,
    status: StatusCode,
    body: Bytes,
    /// Length told; what a HEAD would have got counts too.
    length: Option<usize>,
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
        let stored = &prepared.stored;
        let age_s = stored.age_s(now);
        let tags: Vec<&str> = request
            .headers
            .lines("if-none-match")
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        let tags = (!tags.is_empty()).then(|| tags.join(", "));
        let since = request.headers.first("if-modified-since");
        let conditional = tags.is_some() || since.is_some();
        let unchanged = conditional && prepared.is_unchanged(tags.as_deref(), since);
        let mut fields: Vec<_> = stored
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if unchanged {
            let unneeded = [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LANGUAGE,
                header::CONTENT_RANGE,
            ];
            fields.retain(|(name, _)| !unneeded.contains(name));
        }
        let ttl = i128::from(stored.terms.lifetime_s) - i128::from(age_s);
        let status = match detail {
            Detail::Hit => format!("yagura; hit; ttl={ttl}"),
            Detail::Revalidating => format!("yagura; hit; ttl={ttl}; detail=revalidating"),
            Detail::Confirmed => "yagura; fwd=stale; fwd-status=304".to_owned(),
            Detail::Replaced => "yagura; fwd=stale; fwd-status=200; stored".to_owned(),
            Detail::LastGood => format!("yagura; hit; ttl={ttl}; detail=last-good"),
        };
        fields.push((header::AGE, HeaderValue::from(age_s)));
        fields.extend(HeaderValue::from_str(&status).map(|value| (CACHE_STATUS, value)));
        let bodiless = unchanged || matches!(stored.status.as_u16(), 204 | 304);
        let mut reply = Self {
            fields,
            status: if unchanged {
                StatusCode::NOT_MODIFIED
            } else {
                stored.status
            },
            body: if bodiless {
                Bytes::new()
            } else {
                stored.body.clone()
            },
            length: (!bodiless).then_some(stored.body.len()),
            head_only: request.method == Method::HEAD,
        };
        if !bodiless && request.method == Method::GET {
            reply.cut(range::wanted(&request.headers, stored));
        }
        reply
    }

    /// Cuts a whole response down to the part that is wanted.
    fn cut(&mut self, part: Part) {
        let whole = self.body.len();
        let told = match part {
            Part::Whole => return,
            Part::Bytes { first, last } => {
                self.status = StatusCode::PARTIAL_CONTENT;
                self.body = self.body.slice(first..=last);
                format!("bytes {first}-{last}/{whole}")
            }
            Part::Nothing => {
                self.status = StatusCode::RANGE_NOT_SATISFIABLE;
                self.body = Bytes::new();
                format!("bytes */{whole}")
            }
        };
        self.length = Some(self.body.len());
        self.fields
            .extend(HeaderValue::from_str(&told).map(|told| (header::CONTENT_RANGE, told)));
    }

    /// What the origin said, which is not stored.
    pub fn passing(fetched: &Fetched, request: &RequestHeader) -> Self {
        let mut headers = fetched.headers.clone();
        end_to_end(&mut headers);
        let mut fields: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        fields.push((CACHE_STATUS, HeaderValue::from_static("yagura; fwd=stale")));
        let bodiless = matches!(fetched.status.as_u16(), 204 | 304);
        Self {
            fields,
            status: fetched.status,
            length: (!bodiless).then_some(fetched.body.len()),
            body: fetched.body.clone(),
            head_only: request.method == Method::HEAD,
        }
    }

    /// To another URL.
    pub fn redirect(status: u16, location: String) -> Self {
        let Ok(location) = HeaderValue::try_from(location) else {
            return Self::refusal(500, false);
        };
        Self {
            // Redirects may be corrected; browsers must not keep a wrong one for ever.
            fields: vec![
                (header::LOCATION, location),
                (
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("public, max-age=300"),
                ),
            ],
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND),
            body: Bytes::new(),
            length: Some(0),
            head_only: false,
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
            length: Some(body.len()),
            body,
            head_only,
        }
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Writes it to the reader.
    ///
    /// # Errors
    /// The reader is gone.
    pub async fn send(self, session: &mut Session) -> Result<()> {
        let head_only = self.head_only || session.req_header().method == Method::HEAD;
        let mut response = ResponseHeader::build(self.status, Some(self.fields.len() + 1))?;
        for (name, value) in self.fields {
            response.append_header(name, value)?;
        }
        if let Some(length) = self.length {
            response.insert_header(header::CONTENT_LENGTH, length)?;
        }
        let ends = head_only || self.body.is_empty();
        session
            .write_response_header(Box::new(response), ends)
            .await?;
        if !ends {
            session.write_response_body(Some(self.body), true).await?;
        }
        Ok(())
    }
}

/// RFC 9211.
const CACHE_STATUS: header::HeaderName = header::HeaderName::from_static("cache-status");
