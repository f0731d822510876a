//! What the editor's dialogs choose from: pictures, files and pages.

use axum::Json;
use axum::extract::{Multipart, Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::session::Staff;
use crate::actions::add_media::add_media;
use crate::domain::Media;
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::pages::StaffFilter;

/// Most choices shown at once.
const MOST: i64 = 40;

/// A picture or file as the editor knows it.
#[derive(Debug, Serialize)]
pub struct Item {
    id: String,
    url: String,
    file_name: String,
    content_type: String,
    alt: String,
}

impl From<Media> for Item {
    fn from(media: Media) -> Self {
        Self {
            id: media.id.to_string(),
            url: media.url_path(),
            file_name: media.file_name,
            content_type: media.content_type,
            alt: media.alt,
        }
    }
}

#[derive(Debug, Serialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Debug, Serialize)]
struct PageItem {
    id: i64,
    title: String,
    path: String,
}

/// Words looked for.
#[derive(Debug, Deserialize)]
pub struct Words {
    #[serde(default)]
    q: String,
    /// Beginning of the media type: `image/`.
    #[serde(default)]
    family: String,
}

pub(super) async fn list(
    State(state): State<CmsState>,
    _staff: Staff,
    Query(words): Query<Words>,
) -> Result<Response, Problem> {
    let found = state
        .store
        .media_list(words.q.trim(), &words.family, MOST)
        .await?;
    Ok(Json(Items {
        items: found.into_iter().map(Item::from).collect(),
    })
    .into_response())
}

pub(super) async fn pages(
    State(state): State<CmsState>,
    _staff: Staff,
    Query(words): Query<Words>,
) -> Result<Response, Problem> {
    let filter = StaffFilter {
        text: words.q.trim(),
        ..StaffFilter::default()
    };
    let (found, _) = state.store.pages_for_staff(&filter, MOST, 0).await?;
    let item = |page: crate::domain::Page| PageItem {
        id: page.id.0,
        path: page.path.to_string(),
        title: page.title,
    };
    Ok(Json(Items {
        items: found.into_iter().map(item).collect(),
    })
    .into_response())
}

pub(super) async fn upload(
    State(state): State<CmsState>,
    staff: Staff,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<Response, Problem> {
    staff.checked_field(&headers)?;
    let mut alt = String::new();
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(Problem::unreadable)? {
        match field.name() {
            Some("alt") => alt = field.text().await.map_err(Problem::unreadable)?,
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                file = Some((name, field.bytes().await.map_err(Problem::unreadable)?));
            }
            _ => {}
        }
    }
    let Some((name, content)) = file else {
        return Err(CmsError::refused("ファイルを選んでください。").into());
    };
    let size = picture_size(&content);
    let media = add_media(&state, &staff.actor(), &name, alt.trim(), size, &content).await?;
    Ok(Json(Item::from(media)).into_response())
}

/// Width and height of a PNG, so that the page keeps its place before the picture is there.
fn picture_size(content: &[u8]) -> Option<(i64, i64)> {
    let reader = png::Decoder::new(std::io::Cursor::new(content))
        .read_info()
        .ok()?;
    let info = reader.info();
    Some((i64::from(info.width), i64::from(info.height)))
}
