//! Signing in and out. From outside the city hall the form asks for the second factor too.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::assets::StaffFrame;
use super::problem::{PageProblem, told};
use super::second_factor;
use super::session::{self, Staff};
use crate::actions::sign_in::{self, Credentials};
use crate::domain::Place;
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
    outside: bool,
    reasons: Vec<String>,
}

#[derive(Template)]
#[template(path = "staff/no_second_factor.html")]
struct NoSecondFactor {
    frame: StaffFrame,
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
    code: String,
    #[serde(default)]
    recovery: String,
    #[serde(default)]
    next: String,
}

/// What a form without fields of its own sends.
#[derive(Deserialize)]
pub struct Confirmed {
    /// The session's word.
    pub csrf: String,
}

pub(super) async fn form(
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Result<Response, PageProblem> {
    let place = session::place(&headers);
    Ok(page(place, String::new(), next, Vec::new())?)
}

pub(super) async fn enter(
    State(state): State<CmsState>,
    headers: HeaderMap,
    Form(entry): Form<Entry>,
) -> Result<Response, PageProblem> {
    session::from_own_page(&headers, &state.settings.staff_url)?;
    let place = session::place(&headers);
    let proof = second_factor::proof(&entry.code, &entry.recovery);
    let credentials = Credentials {
        login: &entry.login,
        password: &entry.password,
        proof: proof.as_ref(),
        place,
    };
    match sign_in::sign_in(&state, &credentials).await {
        Ok(signed_in) => {
            let mut response = Redirect::to(inside(&entry.next)).into_response();
            if let Some(cookie) = session::given(&signed_in.token) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            Ok(response)
        }
        Err(CmsError::FactorMissing) => {
            let frame = StaffFrame::bare("庁舎の外からはサインインできません");
            let page = html(&NoSecondFactor { frame }, CachePolicy::NoStore)?;
            Ok((StatusCode::FORBIDDEN, page).into_response())
        }
        Err(
            error @ (CmsError::SignInRefused(_) | CmsError::Throttled(_) | CmsError::FactorSpent),
        ) => {
            let mut response = page(place, entry.login, entry.next, told(&error))?;
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

fn page(
    place: Place,
    login: String,
    next: String,
    reasons: Vec<String>,
) -> Result<Response, CmsError> {
    html(
        &SignIn {
            frame: StaffFrame::bare("サインイン"),
            login,
            next,
            outside: place == Place::Outside,
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
