//! Beginning a page: where it will stand, what kind it is, who answers for it.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::assets::StaffFrame;
use super::problem::{PageProblem, told};
use super::session::Staff;
use crate::actions::create_page::create_page;
use crate::domain::page::Draft;
use crate::domain::{Category, Department, Document, KindFields, Language, PageKind, PagePath};
use crate::error::CmsError;
use crate::render::{Phrases, dates};
use crate::state::CmsState;
use crate::store::pages::NewPage;
use crate::web::answer::html;
use crate::web::cache_policy::CachePolicy;

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
pub struct Begin {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    name: String,
}

struct Choice {
    code: &'static str,
    label: &'static str,
}

#[derive(Template)]
#[template(path = "staff/new.html")]
struct New {
    frame: StaffFrame,
    begin: Begin,
    kinds: Vec<Choice>,
    languages: Vec<Choice>,
    categories: Vec<Category>,
    departments: Vec<Department>,
    reasons: Vec<String>,
}

pub(super) async fn form(
    State(state): State<CmsState>,
    staff: Staff,
) -> Result<Response, PageProblem> {
    Ok(page(&state, &staff, Begin::default(), Vec::new()).await?)
}

pub(super) async fn create(
    State(state): State<CmsState>,
    staff: Staff,
    Form(begin): Form<Begin>,
) -> Result<Response, PageProblem> {
    staff.checked(&begin.csrf)?;
    match begun(&state, &staff, &begin).await {
        Ok(id) => Ok(Redirect::to(&format!("/pages/{id}/")).into_response()),
        Err(error @ CmsError::Refused(_)) => {
            let mut response = page(&state, &staff, begin, told(&error)).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

async fn begun(
    state: &CmsState,
    staff: &Staff,
    begin: &Begin,
) -> Result<crate::domain::PageId, CmsError> {
    let mut reasons = Vec::new();
    let kind = PageKind::from_code(&begin.kind);
    let language = Language::from_code(&begin.language);
    if kind.is_none() {
        reasons.push("種類を選んでください。".to_owned());
    }
    if state.store.category(&begin.category).await?.is_none() {
        reasons.push("分野を選んでください。".to_owned());
    }
    if state.store.department(&begin.department).await?.is_none() {
        reasons.push("担当課を選んでください。".to_owned());
    }
    let path = PagePath::new(
        language.unwrap_or_default(),
        &begin.category,
        begin.name.trim(),
    );
    if path.is_err() {
        reasons.push("アドレスの名前は、半角の小文字・数字・ハイフンで80文字までにしてください。例: gomi-dashikata".to_owned());
    }
    let (Some(kind), Some(language), Ok(path), true) = (kind, language, path, reasons.is_empty())
    else {
        return Err(CmsError::Refused(reasons));
    };
    let page = NewPage {
        kind,
        path,
        category: begin.category.clone(),
        department: begin.department.clone(),
        language,
        translation_of: None,
        urgent: false,
    };
    let draft = Draft {
        title: begin.title.trim().to_owned(),
        summary: String::new(),
        document: Document::default(),
        fields: KindFields::empty(kind, dates::day_in_japan(state.now())),
    };
    create_page(state, &staff.actor(), &page, &draft).await
}

async fn page(
    state: &CmsState,
    staff: &Staff,
    begin: Begin,
    reasons: Vec<String>,
) -> Result<Response, CmsError> {
    let new = New {
        frame: StaffFrame::new("新しいページ", staff),
        begin,
        kinds: PageKind::ALL
            .map(|kind| Choice {
                code: kind.code(),
                label: kind.label(),
            })
            .into(),
        languages: Language::ALL
            .map(|language| Choice {
                code: language.code(),
                label: Phrases::of(language).name,
            })
            .into(),
        categories: state.store.categories().await?,
        departments: state.store.departments().await?,
        reasons,
    };
    html(&new, CachePolicy::NoStore)
}
