//! What is shown for a URL that leads nowhere, or to a page that was taken off.

use askama::Template;
use http::StatusCode;

use super::frame::{Frame, Icon};
use crate::domain::Language;
use crate::render::Phrases;
use crate::state::CmsState;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

#[derive(Template)]
#[template(path = "public/not_found.html")]
struct NotFound {
    frame: Frame,
}

/// 404 in a language.
pub(super) async fn answer(state: &CmsState, language: Language) -> Answer {
    with_status(state, language, StatusCode::NOT_FOUND).await
}

/// 404, or 410 for what was there once.
pub(super) async fn with_status(
    state: &CmsState,
    language: Language,
    status: StatusCode,
) -> Answer {
    let categories = state.store.categories().await?;
    let title = Phrases::of(language).not_found;
    let frame = Frame::new(language, &state.settings.public_url, &categories, title).unlisted();
    let mut response = html(&NotFound { frame }, CachePolicy::NoStore)?;
    *response.status_mut() = status;
    Ok(response)
}
