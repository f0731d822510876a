//! The search, and what it found.

use askama::Template;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::category::{ListQuery, paging};
use super::frame::{Frame, Step};
use super::paging::{PER_PAGE, Paging};
use super::teaser::Teaser;
use crate::domain::{Language, tags};
use crate::state::CmsState;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

/// Longest query taken, in characters.
const LONGEST: usize = 100;

/// What readers ask.
#[derive(Debug, Default, Deserialize)]
pub struct SearchQuery {
    q: Option<String>,
    page: Option<u32>,
}

#[derive(Template)]
#[template(path = "public/search.html")]
struct Search {
    frame: Frame,
    breadcrumb: Vec<Step>,
    query: String,
    total: i64,
    paging: Paging,
    items: Vec<Teaser>,
}

/// The URL of a search.
#[must_use]
pub fn path(words: &str) -> String {
    format!("/search/?{}", asked(words))
}

fn asked(words: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", words)
        .finish()
}

pub(super) async fn show(
    State(state): State<CmsState>,
    Query(query): Query<SearchQuery>,
) -> Answer {
    let words: String = query
        .q
        .unwrap_or_default()
        .trim()
        .chars()
        .take(LONGEST)
        .collect();
    let list = ListQuery {
        page: query.page,
        kind: None,
    };
    let (pages, total) = state
        .store
        .search(&words, i64::from(PER_PAGE), list.offset())
        .await?;
    let Ok(paging) = paging(&list, total, "/search/", &asked(&words)) else {
        return super::not_found::answer(&state, Language::Ja).await;
    };
    let categories = state.store.categories().await?;
    let title = if words.is_empty() {
        "サイト内検索".to_owned()
    } else {
        format!("「{words}」の検索結果")
    };
    let mut frame = Frame::new(
        Language::Ja,
        &state.settings.public_url,
        &categories,
        &title,
    )
    .at("/search/");
    frame.indexed = words.is_empty();
    let page = Search {
        frame,
        breadcrumb: vec![
            Step::japanese("/", "ホーム"),
            Step::japanese("", "サイト内検索"),
        ],
        query: words,
        total,
        paging,
        items: pages
            .iter()
            .map(|page| Teaser::of(page).dated(page).labelled(&categories))
            .collect(),
    };
    html(&page, CachePolicy::Short(tags::set([tags::search()])))
}
