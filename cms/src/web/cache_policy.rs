//! The only type that sets `Cache-Control` and `Cache-Tag`.
//!
//! A handler attaches a [`CachePolicy`] to its response as an extension; the layer [`apply`] turns
//! it into fields. A handler that forgets one gets `no-store`, and one that sets the fields itself
//! is stopped: a page that is kept too long, or without its tags, would outlive its withdrawal.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use yagura_control::TagSet;
use yagura_control::tags::FIELD_NAME;

/// How long a response may be kept, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CachePolicy {
    /// By nobody.
    #[default]
    NoStore,
    /// By edges until one of the tags is purged; browsers ask each time whether it changed.
    Page(TagSet),
    /// By edges for a minute at most: what nobody purges, such as results of searches.
    Short(TagSet),
    /// By everybody, for ever: the URL changes with the content.
    Immutable,
}

impl CachePolicy {
    fn cache_control(&self) -> &'static str {
        match self {
            Self::NoStore => "no-store",
            Self::Page(_) => {
                "public, max-age=0, s-maxage=86400, stale-while-revalidate=60, stale-if-error=2592000"
            }
            Self::Short(_) => "public, max-age=0, s-maxage=60, stale-if-error=86400",
            Self::Immutable => "public, max-age=31536000, immutable",
        }
    }

    fn tags(&self) -> Option<&TagSet> {
        match self {
            Self::Page(tags) | Self::Short(tags) => Some(tags).filter(|tags| !tags.is_empty()),
            Self::NoStore | Self::Immutable => None,
        }
    }
}

/// Turns the policy of a response into its fields.
pub async fn apply(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let own = response.headers().contains_key(header::CACHE_CONTROL)
        || response.headers().contains_key(FIELD_NAME);
    debug_assert!(!own, "a handler set its own cache fields");
    let policy = response
        .extensions_mut()
        .remove::<CachePolicy>()
        .unwrap_or_default();
    // A failure is never kept, whatever the handler meant to answer.
    let policy = if response.status() >= StatusCode::INTERNAL_SERVER_ERROR {
        CachePolicy::NoStore
    } else {
        policy
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(policy.cache_control()),
    );
    headers.remove(FIELD_NAME);
    if let Some(value) = policy
        .tags()
        .and_then(|tags| HeaderValue::from_str(&tags.to_field_value()).ok())
    {
        headers.insert(FIELD_NAME, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use axum::{Extension, Router};
    use tower::ServiceExt;
    use yagura_control::Tag;

    async fn answer(path: &str) -> Response {
        let mut tags = TagSet::default();
        tags.insert(Tag::new("page-1").unwrap());
        let router = Router::new()
            .route(
                "/page",
                get(move || async { (Extension(CachePolicy::Page(tags)), "text") }),
            )
            .route("/forgotten", get(|| async { "text" }))
            .route(
                "/failed",
                get(|| async {
                    (
                        StatusCode::BAD_GATEWAY,
                        Extension(CachePolicy::Immutable),
                        "",
                    )
                }),
            )
            .layer(axum::middleware::from_fn(apply));
        router
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_page_is_kept_by_edges_under_its_tags() {
        let response = answer("/page").await;
        let value = response.headers()[header::CACHE_CONTROL].to_str().unwrap();
        assert!(
            value.starts_with("public, max-age=0, s-maxage=86400"),
            "{value}"
        );
        assert_eq!(response.headers()[FIELD_NAME], "page-1");
    }

    #[tokio::test]
    async fn what_has_no_policy_and_what_failed_is_kept_by_nobody() {
        for path in ["/forgotten", "/failed"] {
            let response = answer(path).await;
            assert_eq!(
                response.headers()[header::CACHE_CONTROL],
                "no-store",
                "{path}"
            );
            assert!(!response.headers().contains_key(FIELD_NAME));
        }
    }
}
