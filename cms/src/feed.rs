//! The change feed: every public URL with its version and tags since a number; and the other way
//! round, posts that were written at an edge while this program was dead. For edges alone, over a
//! Unix socket of its own; no public listener leads here.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use yagura_control::feed::{FeedPage, FeedQuery, MAX_WAIT_MS};
use yagura_control::order::HandedPost;

use crate::actions::take_post::take_post;
use crate::error::CmsError;
use crate::state::CmsState;

/// Most entries in one answer.
const MOST_ENTRIES: u32 = 1000;

/// Largest post taken, in bytes of JSON.
const LARGEST_POST: usize = 64 << 10;

/// What edges ask for.
pub fn router(state: CmsState, epoch: String) -> Router {
    Router::new()
        .route("/feed", get(feed))
        .route("/posts", post(take))
        .layer(DefaultBodyLimit::max(LARGEST_POST))
        .with_state((state, epoch))
}

async fn take(
    State((state, _epoch)): State<(CmsState, String)>,
    Json(handed): Json<HandedPost>,
) -> Response {
    match take_post(&state, &handed).await {
        Ok(_page) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            tracing::error!(%error, post = handed.post.number, "a post of the disaster page was not taken");
            (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}

async fn feed(
    State((state, epoch)): State<(CmsState, String)>,
    Query(query): Query<FeedQuery>,
) -> Response {
    match answer(&state, &epoch, query).await {
        Ok(page) => Json(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the change feed failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Answers at once when there is something, else at the next commit that brings something, else
/// with nothing when the waiting time is over.
async fn answer(state: &CmsState, epoch: &str, query: FeedQuery) -> Result<FeedPage, CmsError> {
    let mut commits = state.next_commit();
    let limit = query.limit.clamp(1, MOST_ENTRIES);
    let looking = async {
        loop {
            commits.mark_unchanged();
            let page = state.store.feed_page(epoch, query.since, limit).await?;
            // A reader that is ahead of this database is told so at once, by the epoch.
            if !page.entries.is_empty()
                || page.head < query.since
                || commits.changed().await.is_err()
            {
                return Ok(page);
            }
        }
    };
    let wait = Duration::from_millis(query.wait_ms.min(MAX_WAIT_MS));
    match tokio::time::timeout(wait, looking).await {
        Ok(page) => page,
        Err(_) => state.store.feed_page(epoch, query.since, limit).await,
    }
}
