//! The editor: the page it stands in, and what it asks for while somebody writes.

use std::collections::BTreeMap;

use askama::Template;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

use super::assets::StaffFrame;
use super::problem::{PageProblem, Problem};
use super::session::Staff;
use crate::actions;
use crate::domain::page::Draft;
use crate::domain::{Document, KindFields, Page, PageId, PageKind, PageState, Revision};
use crate::error::CmsError;
use crate::render::dates;
use crate::state::CmsState;
use crate::store::audit::Record;
use crate::store::jobs::Delivery;
use crate::web::answer::html;
use crate::web::cache_policy::CachePolicy;
use crate::web::public::page as public_page;

struct Field {
    name: &'static str,
    label: &'static str,
    value: String,
    /// `text`, `textarea`, `date`.
    input: &'static str,
}

struct Past {
    at: String,
    actor: String,
    what: String,
}

#[derive(Template)]
#[template(path = "staff/edit.html")]
struct Edit {
    frame: StaffFrame,
    page: Page,
    revision: Revision,
    kind: &'static str,
    state: &'static str,
    live: bool,
    public_url: String,
    category: String,
    department: String,
    fields: Vec<Field>,
    past: Vec<Past>,
    data: String,
}

/// What the editor is handed; see `editor/src/page.js`.
#[derive(Serialize)]
struct PageData<'a> {
    id: i64,
    kind: PageKind,
    number: i64,
    csrf: &'a str,
    document: &'a Document,
    media: BTreeMap<String, super::library::Item>,
    pages: BTreeMap<String, String>,
}

pub(super) async fn form(
    State(state): State<CmsState>,
    staff: Staff,
    Path(id): Path<i64>,
) -> Result<Response, PageProblem> {
    let (page, revision) = newest(&state, PageId(id)).await?;
    let mut pages = BTreeMap::new();
    for linked in revision.document.linked_pages() {
        let title = state
            .store
            .page(linked)
            .await?
            .map_or_else(String::new, |page| page.title);
        pages.insert(linked.to_string(), title);
    }
    let media = state.store.media_of(&revision.document.media()).await?;
    let data = PageData {
        id,
        kind: page.kind,
        number: revision.number,
        csrf: &staff.csrf,
        document: &revision.document,
        media: media
            .into_iter()
            .map(|media| (media.id.to_string(), media.into()))
            .collect(),
        pages,
    };
    // Inside `<script type="application/json">` only `<` could end the element.
    let data = serde_json::to_string(&data)
        .map_err(|error| CmsError::Template(error.to_string()))?
        .replace('<', "\\u003c");
    let category = state.store.category(&page.category).await?;
    let department = state.store.department(&page.department).await?;
    let edit = Edit {
        frame: StaffFrame::new(format!("編集: {}", revision.title), &staff),
        kind: page.kind.label(),
        state: page.state().label(),
        live: matches!(page.state(), PageState::Live | PageState::Changed),
        public_url: format!("{}{}", state.settings.public_url, page.path),
        category: category.map_or_else(String::new, |category| category.name),
        department: department.map_or_else(String::new, |department| department.name),
        fields: fields(&revision.fields),
        past: state
            .store
            .audit_of(page.id)
            .await?
            .iter()
            .map(past)
            .collect(),
        page,
        revision,
        data,
    };
    Ok(html(&edit, CachePolicy::NoStore)?)
}

/// What the editor saves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Save {
    based_on: i64,
    urgent: bool,
    draft: Draft,
}

pub(super) async fn save(
    State(state): State<CmsState>,
    staff: Staff,
    Path(id): Path<i64>,
    headers: HeaderMap,
    body: Result<Json<Save>, JsonRejection>,
) -> Result<Response, Problem> {
    staff.checked_field(&headers)?;
    let Json(save) = body.map_err(|error| Problem::unreadable(error.body_text()))?;
    let number = actions::save_draft::save_draft(
        &state,
        &staff.actor(),
        PageId(id),
        save.based_on,
        save.urgent,
        &save.draft,
    )
    .await?;
    Ok(Json(Numbered { number }).into_response())
}

/// The number of a revision.
#[derive(Debug, Serialize, Deserialize)]
pub struct Numbered {
    number: i64,
}

pub(super) async fn publish(
    State(state): State<CmsState>,
    staff: Staff,
    Path(id): Path<i64>,
    headers: HeaderMap,
    body: Result<Json<Numbered>, JsonRejection>,
) -> Result<Response, Problem> {
    staff.checked_field(&headers)?;
    let Json(Numbered { number }) = body.map_err(|error| Problem::unreadable(error.body_text()))?;
    let at = actions::publish::publish(&state, &staff.actor(), PageId(id), number).await?;
    Ok(Json(serde_json::json!({ "at": at.rfc3339() })).into_response())
}

pub(super) async fn delivery(
    State(state): State<CmsState>,
    _staff: Staff,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let told = match state.store.delivery(PageId(id)).await? {
        Delivery::Nothing => serde_json::json!({ "state": "nothing" }),
        Delivery::UnderWay { done, of } => {
            serde_json::json!({ "state": "under_way", "done": done, "of": of })
        }
        Delivery::Live(at) => serde_json::json!({ "state": "live", "at": at.rfc3339() }),
    };
    Ok(Json(told).into_response())
}

/// Which revision to show.
#[derive(Debug, Deserialize)]
pub struct Which {
    revision: Option<i64>,
}

pub(super) async fn preview(
    State(state): State<CmsState>,
    _staff: Staff,
    Path(id): Path<i64>,
    Query(which): Query<Which>,
) -> Result<Response, PageProblem> {
    let (page, newest) = newest(&state, PageId(id)).await?;
    let revision = match which.revision {
        Some(number) => state
            .store
            .revision(page.id, number)
            .await?
            .ok_or(CmsError::NotFound("the revision"))?,
        None => newest,
    };
    Ok(public_page::preview(&state, &page, &revision).await?)
}

/// A page with its newest revision.
pub(super) async fn newest(state: &CmsState, id: PageId) -> Result<(Page, Revision), CmsError> {
    let page = state
        .store
        .page(id)
        .await?
        .ok_or(CmsError::NotFound("the page"))?;
    let revision = state.store.revision(id, page.newest_revision).await?;
    Ok((page, revision.ok_or(CmsError::NotFound("the revision"))?))
}

fn fields(fields: &KindFields) -> Vec<Field> {
    let text = |name, label, value: &String| Field {
        name,
        label,
        value: value.clone(),
        input: "text",
    };
    let lines = |name, label, value: &String| Field {
        name,
        label,
        value: value.clone(),
        input: "textarea",
    };
    let day = |name, label, value| Field {
        name,
        label,
        value: dates::machine(value),
        input: "date",
    };
    match fields {
        KindFields::Article => Vec::new(),
        KindFields::Procedure {
            who,
            documents,
            place,
            fee,
        } => vec![
            lines("who", "対象となる人", who),
            lines("documents", "必要なもの", documents),
            text("place", "受付窓口", place),
            text("fee", "手数料", fee),
        ],
        KindFields::Facility {
            address,
            telephone,
            hours,
            closed,
        } => vec![
            text("address", "所在地", address),
            text("telephone", "電話番号", telephone),
            text("hours", "開館時間", hours),
            text("closed", "休館日", closed),
        ],
        KindFields::Event {
            starts_on,
            ends_on,
            place,
            fee,
        } => vec![
            day("starts_on", "最初の日", *starts_on),
            day("ends_on", "最後の日", *ends_on),
            text("place", "会場", place),
            text("fee", "参加費", fee),
        ],
        KindFields::Faq { answer_summary } => {
            vec![lines("answer_summary", "回答の要約", answer_summary)]
        }
    }
}

fn past(record: &Record) -> Past {
    let what = match record.action.as_str() {
        "create_page" => "作成".to_owned(),
        "save_draft" => "下書きを保存".to_owned(),
        "publish" => record
            .after_revision
            .map_or_else(|| "公開".to_owned(), |number| format!("第{number}版を公開")),
        "withdraw" => "公開を停止".to_owned(),
        other => other.to_owned(),
    };
    Past {
        at: told_time(record.at),
        actor: record.actor.clone(),
        what,
    }
}

fn told_time(at: Timestamp) -> String {
    let at = at.in_japan();
    format!(
        "{}年{}月{}日 {:02}:{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute()
    )
}
