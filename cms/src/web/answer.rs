//! How a handler's result becomes a response: a template as HTML, an error as its status, and the
//! fields every response carries.

use askama::Template;
use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::cache_policy::CachePolicy;
use crate::error::CmsError;

/// What a handler gives back.
pub type Answer = Result<Response, CmsError>;

/// A template as a response of a media type.
///
/// # Errors
/// The template failed, which a test of every template rules out.
pub fn rendered(
    template: &impl Template,
    content_type: &'static str,
    policy: CachePolicy,
) -> Answer {
    let text = template
        .render()
        .map_err(|error| CmsError::Template(error.to_string()))?;
    Ok((
        Extension(policy),
        [(header::CONTENT_TYPE, content_type)],
        text,
    )
        .into_response())
}

/// A template as a page.
///
/// # Errors
/// See [`rendered`].
pub fn html(template: &impl Template, policy: CachePolicy) -> Answer {
    rendered(template, "text/html; charset=utf-8", policy)
}

impl IntoResponse for CmsError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = %self, "a request failed");
        }
        // Readers see what the edge makes of the status; the text is for whoever asks the CMS directly.
        let text = status.canonical_reason().unwrap_or_default();
        (status, text).into_response()
    }
}

/// What a public page may load: its own style sheet and pictures, and nothing that runs.
pub const PUBLIC_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// Fields that keep browsers from guessing; `policy` is the Content-Security-Policy.
pub async fn guarded(policy: &'static str, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fields = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    ];
    for (name, value) in fields {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Gives every 200 a strong validator, and answers 304 to who has it already (RFC 9110, 8.8.3 and
/// 13.1.2).
pub async fn validated(request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let wanted = request.headers().clone();
    let response = next.run(request).await;
    if !safe || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, body) = response.into_parts();
    if !head.headers.contains_key(header::ETAG) {
        // Responses of the CMS are in memory already; this only joins their pieces.
        let Ok(bytes) = to_bytes(body, usize::MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        // Of a HEAD there is no text here to take the validator from.
        if !bytes.is_empty() {
            let tag = format!(
                "\"{}\"",
                blake3::hash(&bytes).to_hex().get(..32).unwrap_or_default()
            );
            if let Ok(tag) = HeaderValue::from_str(&tag) {
                head.headers.insert(header::ETAG, tag);
            }
        }
        return conditional(&wanted, head, Body::from(bytes));
    }
    conditional(&wanted, head, body)
}

fn conditional(wanted: &HeaderMap, mut head: http::response::Parts, body: Body) -> Response {
    let tag = head
        .headers
        .get(header::ETAG)
        .and_then(|tag| tag.to_str().ok());
    if tag.is_none_or(|tag| !is_named(wanted, tag)) {
        return Response::from_parts(head, body);
    }
    head.status = StatusCode::NOT_MODIFIED;
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.remove(header::CONTENT_TYPE);
    Response::from_parts(head, Body::empty())
}

/// Whether `If-None-Match` names the validator, compared weakly.
fn is_named(wanted: &HeaderMap, tag: &str) -> bool {
    let opaque = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    let mut lists = wanted
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lists.any(|list| list.trim() == "*" || list.split(',').any(|one| opaque(one) == opaque(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn asked(field: Option<&str>) -> Response {
        let router = Router::new()
            .route("/", get(|| async { "text" }))
            .layer(axum::middleware::from_fn(validated));
        let mut request = Request::get("/");
        if let Some(field) = field {
            request = request.header(header::IF_NONE_MATCH, field);
        }
        router
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn who_has_the_text_already_is_told_so() {
        let first = asked(None).await;
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for named in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let again = asked(Some(&named)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{named}");
            assert_eq!(again.headers()[header::ETAG], tag);
        }
        assert_eq!(asked(Some("\"other\"")).await.status(), StatusCode::OK);
    }
}
