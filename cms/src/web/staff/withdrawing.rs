//! Taking a page off, after a question: readers lose it at once, everywhere.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::assets::StaffFrame;
use super::editing::newest;
use super::problem::PageProblem;
use super::session::Staff;
use super::sign_in::Confirmed;
use crate::actions;
use crate::domain::{Page, PageId};
use crate::state::CmsState;
use crate::web::answer::html;
use crate::web::cache_policy::CachePolicy;

#[derive(Template)]
#[template(path = "staff/withdraw.html")]
struct Withdraw {
    frame: StaffFrame,
    page: Page,
    public_url: String,
}

pub(super) async fn ask(
    State(state): State<CmsState>,
    staff: Staff,
    Path(id): Path<i64>,
) -> Result<Response, PageProblem> {
    let (page, _) = newest(&state, PageId(id)).await?;
    let public_url = format!("{}{}", state.settings.public_url, page.path);
    let question = Withdraw {
        frame: StaffFrame::new("公開を停止しますか", &staff),
        page,
        public_url,
    };
    Ok(html(&question, CachePolicy::NoStore)?)
}

pub(super) async fn withdraw(
    State(state): State<CmsState>,
    staff: Staff,
    Path(id): Path<i64>,
    Form(form): Form<Confirmed>,
) -> Result<Response, PageProblem> {
    staff.checked(&form.csrf)?;
    actions::withdraw::withdraw(&state, &staff.actor(), PageId(id)).await?;
    Ok(Redirect::to(&format!("/pages/{id}/")).into_response())
}
