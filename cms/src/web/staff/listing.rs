//! The list of pages, with search.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::assets::StaffFrame;
use super::problem::PageProblem;
use super::session::Staff;
use crate::domain::{Category, Page, PageState};
use crate::render::Phrases;
use crate::state::CmsState;
use crate::store::pages::StaffFilter;
use crate::web::answer::html;
use crate::web::cache_policy::CachePolicy;

const PER_PAGE: i64 = 50;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    state: String,
    page: Option<i64>,
}

struct Row {
    id: i64,
    title: String,
    path: String,
    kind: &'static str,
    state: &'static str,
    state_code: &'static str,
    language: &'static str,
    changed: String,
}

struct Choice {
    code: &'static str,
    label: &'static str,
}

const STATES: [Choice; 4] = [
    Choice {
        code: "live",
        label: PageState::Live.label(),
    },
    Choice {
        code: "changed",
        label: PageState::Changed.label(),
    },
    Choice {
        code: "draft",
        label: PageState::Draft.label(),
    },
    Choice {
        code: "withdrawn",
        label: PageState::Withdrawn.label(),
    },
];

#[derive(Template)]
#[template(path = "staff/pages.html")]
struct List {
    frame: StaffFrame,
    query: ListQuery,
    categories: Vec<Category>,
    states: [Choice; 4],
    rows: Vec<Row>,
    total: i64,
    number: i64,
    last: i64,
    previous: String,
    next: String,
}

pub(super) async fn show(
    State(state): State<CmsState>,
    staff: Staff,
    Query(query): Query<ListQuery>,
) -> Result<Response, PageProblem> {
    let text = query.q.trim();
    let filter = StaffFilter {
        text,
        category: Some(query.category.as_str()).filter(|slug| !slug.is_empty()),
        state: Some(query.state.as_str()).filter(|state| !state.is_empty()),
    };
    let number = query.page.unwrap_or(1).clamp(1, 100_000);
    let (pages, total) = state
        .store
        .pages_for_staff(&filter, PER_PAGE, (number - 1) * PER_PAGE)
        .await?;
    let last = ((total - 1).max(0) / PER_PAGE) + 1;
    let link = |number: i64| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs
            .append_pair("q", text)
            .append_pair("category", &query.category)
            .append_pair("state", &query.state);
        format!(
            "/pages/?{}",
            pairs.append_pair("page", &number.to_string()).finish()
        )
    };
    let list = List {
        frame: StaffFrame::new("ページの一覧", &staff),
        categories: state.store.categories().await?,
        states: STATES,
        rows: pages.iter().map(row).collect(),
        total,
        number,
        last,
        previous: if number > 1 {
            link(number - 1)
        } else {
            String::new()
        },
        next: if number < last {
            link(number + 1)
        } else {
            String::new()
        },
        query,
    };
    Ok(html(&list, CachePolicy::NoStore)?)
}

fn row(page: &Page) -> Row {
    let at = page.updated_at.in_japan();
    let state = page.state();
    Row {
        id: page.id.0,
        title: page.title.clone(),
        path: page.path.to_string(),
        kind: page.kind.label(),
        state: state.label(),
        state_code: match state {
            PageState::Draft => "draft",
            PageState::Live => "live",
            PageState::Changed => "changed",
            PageState::Withdrawn => "withdrawn",
        },
        language: Phrases::of(page.language).name,
        changed: format!("{}年{}月{}日", at.year(), u8::from(at.month()), at.day()),
    }
}
