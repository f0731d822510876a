//! An answer of the edge's own, and how it is written through pingora.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use yagura_control::Timestamp;

use super::notice;
use crate::cache::{Fields, Prepared};

/// What the answer out of the cache is, for Cache-Status (RFC 9211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Fresh.
    Hit,
    /// Stale, while a new one is fetched.
    Revalidating,
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
            Detail::LastGood => format!("yagura; hit; ttl={ttl}; detail=last-good"),
        };
        fields.push((header::AGE, HeaderValue::from(age_s)));
        fields.extend(HeaderValue::from_str(&status).map(|value| (CACHE_STATUS, value)));
        let bodiless = unchanged || matches!(stored.status.as_u16(), 204 | 304);
        Self {
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
