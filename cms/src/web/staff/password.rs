//! Changing one's own password.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;

use super::assets::StaffFrame;
use super::problem::{PageProblem, told};
use super::session::Staff;
use crate::actions::password;
use crate::domain::password::FEWEST;
use crate::error::CmsError;
use crate::state::CmsState;
use crate::web::answer::html;
use crate::web::cache_policy::CachePolicy;

#[derive(Template)]
#[template(path = "staff/password.html")]
struct Page {
    frame: StaffFrame,
    login: String,
    fewest: usize,
    /// How many other sessions ended, once it is done.
    ended: Option<u64>,
    reasons: Vec<String>,
}

/// What the form sends. `Debug` is left out, so that a password is in no log.
#[derive(Deserialize)]
pub struct Entry {
    csrf: String,
    present: String,
    new: String,
    again: String,
}

pub(super) async fn form(staff: Staff) -> Result<Response, PageProblem> {
    Ok(page(&staff, None, Vec::new())?)
}

pub(super) async fn change(
    State(state): State<CmsState>,
    staff: Staff,
    Form(entry): Form<Entry>,
) -> Result<Response, PageProblem> {
    staff.checked(&entry.csrf)?;
    let changed = match entry.new == entry.again {
        true => password::change(&state, &staff.owner(), &entry.present, &entry.new).await,
        false => Err(CmsError::refused(
            "新しいパスワードと確認の入力が違います。もう一度入力してください。",
        )),
    };
    match changed {
        Ok(ended) => Ok(page(&staff, Some(ended), Vec::new())?),
        Err(
            error @ (CmsError::PasswordRefused | CmsError::Throttled(_) | CmsError::Refused(_)),
        ) => {
            let page = page(&staff, None, told(&error))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn page(staff: &Staff, ended: Option<u64>, reasons: Vec<String>) -> Result<Response, CmsError> {
    let title = match ended {
        Some(_) => "パスワードを変更しました",
        None => "パスワードの変更",
    };
    let page = Page {
        frame: StaffFrame::new(title, staff),
        login: staff.user.login.clone(),
        fewest: FEWEST,
        ended,
        reasons,
    };
    html(&page, CachePolicy::NoStore)
}
