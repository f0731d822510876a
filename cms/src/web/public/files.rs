//! Pictures, attachments, and the files that come with the program. Their URLs change with their
//! content, so everybody may keep them for ever.

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use http::header;

use super::assets;
use crate::domain::{Language, MediaId};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::web::answer::Answer;
use crate::web::cache_policy::CachePolicy;

/// `/media/…` and `/static/…`.
pub fn routes() -> Router<CmsState> {
    Router::new()
        .route("/media/{id}/{name}", get(media))
        .route("/static/{version}/{name}", get(asset))
}

async fn media(State(state): State<CmsState>, Path((id, name)): Path<(String, String)>) -> Answer {
    let id = MediaId(id);
    let Some(media) = state
        .store
        .media(&id)
        .await?
        .filter(|media| media.file_name == name)
    else {
        return super::not_found::answer(&state, Language::Ja).await;
    };
    let file = state.media_file(&media.id);
    let content = tokio::fs::read(&file).await.map_err(CmsError::at(&file))?;
    // A file damaged on disk must not be kept for ever under the right name.
    if MediaId::of(&content) != media.id {
        return Err(CmsError::Corrupt {
            what: "media file",
            cause: file.display().to_string(),
        });
    }
    let fields = [
        (header::CONTENT_TYPE, media.content_type),
        (header::ETAG, format!("\"{}\"", media.id)),
        // A PDF opens in the browser's own viewer, which needs none of the page's rights.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned(),
        ),
    ];
    let fields = fields.into_iter().filter(|(name, _)| {
        // Chromium's own PDF viewer does not open in a sandbox.
        *name != header::CONTENT_SECURITY_POLICY || !media.file_name.ends_with(".pdf")
    });
    let mut response = (Extension(CachePolicy::Immutable), content).into_response();
    for (name, value) in fields {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

async fn asset(
    State(state): State<CmsState>,
    Path((version, name)): Path<(String, String)>,
) -> Answer {
    match assets::find(&name).filter(|_| version == assets::version()) {
        Some(asset) => {
            let fields = [(header::CONTENT_TYPE, asset.content_type)];
            Ok((Extension(CachePolicy::Immutable), fields, asset.content).into_response())
        }
        None => super::not_found::answer(&state, Language::Ja).await,
    }
}
