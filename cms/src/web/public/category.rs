//! The pages of one category, filtered by kind.

use askama::Template;
use serde::Deserialize;

use super::frame::{Frame, Icon, Link, Step, category_path};
use super::paging::{PER_PAGE, Paging};
use super::teaser::Teaser;
use crate::domain::{Language, PageKind, tags};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::pages::LiveFilter;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

/// What a listing is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    /// Which page of the listing, from 1.
    pub page: Option<u32>,
    /// Which kind of pages.
    pub kind: Option<String>,
}

impl ListQuery {
    /// The number of the page asked for.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.page.unwrap_or(1)
    }

    /// How many entries stand before it.
    #[must_use]
    pub fn offset(&self) -> i64 {
        i64::from(self.number().saturating_sub(1)) * i64::from(PER_PAGE)
    }
}

/// The links of a listing whose pages are at `path?…page=N`.
///
/// # Errors
/// There is no such page of the listing.
pub fn paging(query: &ListQuery, total: i64, path: &str, filter: &str) -> Result<Paging, CmsError> {
    let link = |number: u32| match (number, filter) {
        (1, "") => path.to_owned(),
        (1, filter) => format!("{path}?{filter}"),
        (number, "") => format!("{path}?page={number}"),
        (number, filter) => format!("{path}?{filter}&page={number}"),
    };
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    Paging::new(query.number(), total, link).ok_or(CmsError::NotFound("the page of the listing"))
}

#[derive(Template)]
#[template(path = "public/category.html")]
struct Category {
    frame: Frame,
    breadcrumb: Vec<Step>,
    icon: Icon,
    kinds: Vec<Link>,
    total: i64,
    paging: Paging,
    items: Vec<Teaser>,
}

pub(super) async fn show(state: &CmsState, slug: &str, query: &ListQuery) -> Answer {
    let Some(category) = state.store.category(slug).await? else {
        return super::not_found::answer(state, Language::Ja).await;
    };
    let kind = query.kind.as_deref().and_then(PageKind::from_code);
    let filter = LiveFilter {
        category: Some(slug),
        kind,
        language: Some(Language::Ja),
        ..LiveFilter::default()
    };
    let (pages, total) = state
        .store
        .live_pages(&filter, i64::from(PER_PAGE), query.offset())
        .await?;
    let path = category_path(slug);
    let chosen = kind.map_or_else(String::new, |kind| format!("kind={}", kind.code()));
    let Ok(paging) = paging(query, total, &path, &chosen) else {
        return super::not_found::answer(state, Language::Ja).await;
    };
    let categories = state.store.categories().await?;
    let every = Link {
        current: kind.is_none(),
        ..Link::new(&path, "すべて")
    };
    let kinds = PageKind::ALL.into_iter().map(|one| Link {
        current: kind == Some(one),
        ..Link::new(format!("{path}?kind={}", one.code()), one.label())
    });
    let page = Category {
        frame: Frame::new(
            Language::Ja,
            &state.settings.public_url,
            &categories,
            &category.name,
        )
        .at(&path)
        .described(&category.description)
        .within(slug),
        breadcrumb: vec![
            Step::japanese("/", "ホーム"),
            Step::japanese("", &category.name),
        ],
        icon: Icon::of(slug),
        kinds: std::iter::once(every).chain(kinds).collect(),
        total,
        paging,
        items: pages
            .iter()
            .map(|page| Teaser::of(page).dated(page).with_label(page.kind.label()))
            .collect(),
    };
    html(&page, CachePolicy::Page(tags::set([tags::category(slug)])))
}
