//! The departments of the city hall, and the pages each of them answers for.

use askama::Template;
use axum::extract::{Path, Query, State};

use super::category::{ListQuery, paging};
use super::contact::Contact;
use super::frame::{Frame, Step, department_path};
use super::paging::{PER_PAGE, Paging};
use super::teaser::Teaser;
use crate::domain::{Language, tags};
use crate::state::CmsState;
use crate::store::pages::LiveFilter;
use crate::web::answer::{Answer, html};
use crate::web::cache_policy::CachePolicy;

#[derive(Template)]
#[template(path = "public/departments.html")]
struct Departments {
    frame: Frame,
    breadcrumb: Vec<Step>,
    departments: Vec<Contact>,
}

#[derive(Template)]
#[template(path = "public/department.html")]
struct Department {
    frame: Frame,
    breadcrumb: Vec<Step>,
    contact: Contact,
    total: i64,
    paging: Paging,
    items: Vec<Teaser>,
}

pub(super) async fn list(State(state): State<CmsState>) -> Answer {
    let categories = state.store.categories().await?;
    let departments = state.store.departments().await?;
    let every = tags::set(departments.iter().map(|one| tags::department(&one.slug)));
    let page = Departments {
        frame: Frame::new(
            Language::Ja,
            &state.settings.public_url,
            &categories,
            "組織から探す",
        )
        .at("/soshiki/"),
        breadcrumb: vec![
            Step::japanese("/", "ホーム"),
            Step::japanese("", "組織から探す"),
        ],
        departments: departments.into_iter().map(Contact::from).collect(),
    };
    html(&page, CachePolicy::Page(every))
}

pub(super) async fn show(
    State(state): State<CmsState>,
    Path(slug): Path<String>,
    Query(query): Query<ListQuery>,
) -> Answer {
    let Some(department) = state.store.department(&slug).await? else {
        return super::not_found::answer(&state, Language::Ja).await;
    };
    let filter = LiveFilter {
        department: Some(&slug),
        language: Some(Language::Ja),
        ..LiveFilter::default()
    };
    let (pages, total) = state
        .store
        .live_pages(&filter, i64::from(PER_PAGE), query.offset())
        .await?;
    let path = department_path(&slug);
    let Ok(paging) = paging(&query, total, &path, "") else {
        return super::not_found::answer(&state, Language::Ja).await;
    };
    let categories = state.store.categories().await?;
    let page = Department {
        frame: Frame::new(
            Language::Ja,
            &state.settings.public_url,
            &categories,
            &department.name,
        )
        .at(&path),
        breadcrumb: vec![
            Step::japanese("/", "ホーム"),
            Step::japanese("/soshiki/", "組織から探す"),
            Step::japanese("", &department.name),
        ],
        contact: department.into(),
        total,
        paging,
        items: pages
            .iter()
            .map(|page| Teaser::of(page).dated(page).labelled(&categories))
            .collect(),
    };
    html(
        &page,
        CachePolicy::Page(tags::set([tags::department(&slug)])),
    )
}
