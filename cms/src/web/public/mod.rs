//! What readers get: the city's site. It works without JavaScript, and every response says by its
//! tags what it was made of, so that a change makes exactly the right copies old.
//!
//! One file a kind of page: [`home`], [`category`], [`departments`], [`page`], [`calendar`],
//! [`search`], [`language_top`]; lists for machines in [`feeds`]; pictures and files in [`files`].
//! Around each of them is the [`frame`].

pub(crate) mod assets;
mod calendar;
mod category;
mod contact;
mod departments;
mod feeds;
mod files;
mod frame;
mod home;
mod language_top;
mod not_found;
pub(crate) mod page;
mod paging;
mod search;
mod teaser;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn;
use axum::routing::get;

use super::answer::{self, Answer, PUBLIC_POLICY};
use super::cache_policy;
use crate::domain::{Language, tags};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::urls;

/// Everything readers reach.
pub fn router(state: CmsState) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/{section}/", get(section))
        .route("/soshiki/", get(departments::list))
        .route("/soshiki/{department}/", get(departments::show))
        .route("/calendar/", get(calendar::this_month))
        .route("/calendar/{month}/", get(calendar::show))
        .route("/search/", get(search::show))
        .route("/news.atom", get(feeds::news))
        .route("/sitemap.xml", get(feeds::sitemap))
        .route("/sitemaps/{file}", get(feeds::sitemap_part))
        .route("/robots.txt", get(feeds::robots))
        .fallback(get(page::by_path))
        .merge(files::routes())
        .layer(from_fn(answer::validated))
        .layer(from_fn(|request, next| {
            answer::guarded(PUBLIC_POLICY, request, next)
        }))
        .layer(from_fn(cache_policy::apply))
        .with_state(state)
}

/// Pictures and files alone, for the staff's host: a preview needs them.
pub fn files_router() -> Router<CmsState> {
    files::routes()
}

/// The listing of a category, or the first page of a language.
async fn section(
    State(state): State<CmsState>,
    Path(section): Path<String>,
    Query(query): Query<category::ListQuery>,
) -> Answer {
    match Language::from_code(&section) {
        Some(Language::Ja) | None => category::show(&state, &section, &query).await,
        Some(language) => language_top::show(&state, language).await,
    }
}

/// Tells the change feed of the URLs that no publication brings: the files that come with the
/// program, and listings that are there from the first day.
///
/// # Errors
/// The database failed.
pub async fn announce(state: &CmsState) -> Result<(), CmsError> {
    let mut change = state.store.begin().await?;
    for path in assets::paths() {
        urls::present_once(&mut change, &path, assets::version()).await?;
    }
    let fixed = [
        ("/".to_owned(), tags::set([tags::home()])),
        ("/soshiki/".to_owned(), Default::default()),
        ("/calendar/".to_owned(), tags::set([tags::calendar()])),
        ("/search/".to_owned(), tags::set([tags::search()])),
        ("/news.atom".to_owned(), tags::set([tags::news()])),
        ("/sitemap.xml".to_owned(), tags::set([tags::sitemap()])),
        ("/robots.txt".to_owned(), Default::default()),
    ];
    let languages = Language::ALL
        .into_iter()
        .filter(|language| *language != Language::Ja);
    let tops = languages.map(|language| {
        (
            format!("/{}/", language.code()),
            tags::set([tags::language(language)]),
        )
    });
    for (path, tags) in fixed.into_iter().chain(tops) {
        urls::present_from_start(&mut change, &path, assets::version(), &tags).await?;
    }
    state.commit(change).await
}
