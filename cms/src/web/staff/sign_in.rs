//! Signing in and out.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::assets::StaffFrame;
use super::problem::{PageProblem, told};
use super::session::{self, Staff};
use crate::actions::sign_in;
use crate::error::CmsError;
use crate::state::CmsState;
use crate::web::answer::html;
use crate::web::cache_policy::CachePolicy;

#[derive(Template)]
#[template(path = "staff/sign_in.html")]
struct SignIn {
    frame: StaffFrame,
    login: String,
    next: String,
    reasons: Vec<String>,
}

/// Where to go on afterwards.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// What the form sends. `Debug` is left out, so that a password is in no log.
#[derive(Deserialize)]
pub struct Entry {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// What a form without fields of its own sends.
#[derive(Deserialize)]
pub struct Confirmed {
    /// The session's word.
    pub csrf: String,
}

pub(super) async fn form(Query(Next { next }): Query<Next>) -> Result<Response, PageProblem> {
    Ok(page(String::new(), next, Vec::new())?)
}

pub(super) async fn enter(
    State(state): State<CmsState>,
    headers: HeaderMap,
    Form(entry): Form<Entry>,
) -> Result<Response, PageProblem> {
    session::from_own_page(&headers, &state.settings.staff_url)?;
    match sign_in::sign_in(&state, &entry.login, &entry.password).await {
        Ok(signed_in) => {
            let mut response = Redirect::to(inside(&entry.next)).into_response();
            if let Some(cookie) = session::given(&signed_in.token) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(error @ (CmsError::SignInRefused | CmsError::Throttled(_))) => {
            let mut response = page(entry.login, entry.next, told(&error))?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn leave(
    State(state): State<CmsState>,
    staff: Staff,
    headers: HeaderMap,
    Form(form): Form<Confirmed>,
) -> Result<Response, PageProblem> {
    staff.checked(&form.csrf)?;
    if let Some(token) = session::token(&headers) {
        sign_in::sign_out(&state, token).await?;
    }
    let mut response = Redirect::to("/sign-in").into_response();
    response
        .headers_mut()
        .insert(header::SET_COOKIE, session::taken());
    Ok(response)
}

fn page(login: String, next: String, reasons: Vec<String>) -> Result<Response, CmsError> {
    html(
        &SignIn {
            frame: StaffFrame::bare("サインイン"),
            login,
            next,
            reasons,
        },
        CachePolicy::NoStore,
    )
}

/// A path of this host; everything else would lead a member of staff to somebody else's site.
fn inside(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    if own && next.bytes().all(|byte| byte.is_ascii_graphic()) {
        next
    } else {
        "/pages/"
    }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn signing_in_leads_nowhere_else() {
        assert_eq!(inside("/pages/3/?a=b"), "/pages/3/?a=b");
        for next in [
            "",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "pages",
        ] {
            assert_eq!(inside(next), "/pages/", "{next}");
        }
    }
}
