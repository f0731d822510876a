//! Setting up the second factor: how it stands, the QR code with the first code to be typed, and the
//! recovery codes, which are shown once.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::assets::StaffFrame;
use super::problem::{PageProblem, told};
use super::session::Staff;
use crate::actions::second_factor::{self, Owner};
use crate::domain::second_factor::in_groups;
use crate::domain::{Proof, Secret};
use crate::error::CmsError;
use crate::render::qr_code::{self, QrCode};
use crate::state::CmsState;
use crate::web::answer::html;
use crate::web::cache_policy::CachePolicy;

/// Where it is set up.
const PATH: &str = "/account/second-factor";

#[derive(Template)]
#[template(path = "staff/second_factor.html")]
struct Overview {
    frame: StaffFrame,
    enrolled: Option<String>,
    recovery_codes_left: i64,
    login: String,
    reasons: Vec<String>,
}

#[derive(Template)]
#[template(path = "staff/second_factor_new.html")]
struct Setup {
    frame: StaffFrame,
    picture: Option<QrCode>,
    link: String,
    secret: String,
    issuer: String,
    reasons: Vec<String>,
}

#[derive(Template)]
#[template(path = "staff/recovery_codes.html")]
struct RecoveryCodes {
    frame: StaffFrame,
    codes: Vec<String>,
    login: String,
    issuer: String,
}

/// What the form of the overview sends. `Debug` is left out, as below: nothing of it is for logs.
#[derive(Deserialize)]
pub struct Begin {
    csrf: String,
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    recovery: String,
}

/// The first code of the application.
#[derive(Deserialize)]
pub struct First {
    csrf: String,
    code: String,
}

/// What was typed as a second factor: a code, else a recovery code. Either is taken in either field.
#[must_use]
pub fn proof(code: &str, recovery: &str) -> Option<Proof> {
    if code.trim().is_empty() {
        Proof::read(recovery)
    } else {
        Proof::read(code)
    }
}

impl Staff {
    pub(super) fn owner(&self) -> Owner<'_> {
        Owner {
            user: &self.user,
            session: &self.session,
        }
    }
}

pub(super) async fn show(
    State(state): State<CmsState>,
    staff: Staff,
) -> Result<Response, PageProblem> {
    Ok(overview(&state, &staff, Vec::new()).await?)
}

pub(super) async fn begin(
    State(state): State<CmsState>,
    staff: Staff,
    Form(form): Form<Begin>,
) -> Result<Response, PageProblem> {
    staff.checked(&form.csrf)?;
    let proof = proof(&form.code, &form.recovery);
    match second_factor::offer(&state, &staff.owner(), &form.password, proof.as_ref()).await {
        Ok(()) => Ok(Redirect::to(&format!("{PATH}/new")).into_response()),
        Err(error @ (CmsError::ProofRefused | CmsError::Throttled(_) | CmsError::FactorSpent)) => {
            let page = overview(&state, &staff, told(&error)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn setup(
    State(state): State<CmsState>,
    staff: Staff,
) -> Result<Response, PageProblem> {
    Ok(
        match second_factor::offered(&state, &staff.owner()).await? {
            Some(secret) => setup_page(&state, &staff, &secret, Vec::new())?,
            None => Redirect::to(PATH).into_response(),
        },
    )
}

pub(super) async fn confirm(
    State(state): State<CmsState>,
    staff: Staff,
    Form(form): Form<First>,
) -> Result<Response, PageProblem> {
    staff.checked(&form.csrf)?;
    let owner = staff.owner();
    let proof = Proof::read(&form.code);
    match second_factor::confirm(&state, &owner, proof.as_ref()).await {
        Ok(codes) => {
            let page = RecoveryCodes {
                frame: StaffFrame::new("予備コードを控えてください", &staff),
                codes,
                login: staff.user.login.clone(),
                issuer: issuer(&state),
            };
            Ok(html(&page, CachePolicy::NoStore)?)
        }
        Err(CmsError::Refused(reasons)) => {
            let page = match second_factor::offered(&state, &owner).await? {
                Some(secret) => setup_page(&state, &staff, &secret, reasons)?,
                None => overview(&state, &staff, reasons).await?,
            };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

async fn overview(
    state: &CmsState,
    staff: &Staff,
    reasons: Vec<String>,
) -> Result<Response, CmsError> {
    let standing = state.store.second_factor_of(staff.user.id).await?;
    let since = standing.enrolled_at.map(|at| {
        let at = at.in_japan();
        format!("{}年{}月{}日", at.year(), u8::from(at.month()), at.day())
    });
    let page = Overview {
        frame: StaffFrame::new("確認コードの設定", staff),
        enrolled: since,
        recovery_codes_left: standing.recovery_codes_left,
        login: staff.user.login.clone(),
        reasons,
    };
    html(&page, CachePolicy::NoStore)
}

fn setup_page(
    state: &CmsState,
    staff: &Staff,
    secret: &Secret,
    reasons: Vec<String>,
) -> Result<Response, CmsError> {
    let issuer = issuer(state);
    let link = secret.link(&issuer, &staff.user.login);
    let page = Setup {
        frame: StaffFrame::new("アプリに登録する", staff),
        picture: qr_code::of(&link),
        link,
        secret: in_groups(&secret.to_base32()).replace('-', " "),
        issuer,
        reasons,
    };
    html(&page, CachePolicy::NoStore)
}

/// Under which name the application lists the account: the staff's host, which they know from the
/// browser, and which is in letters that make a small QR code.
fn issuer(state: &CmsState) -> String {
    let url = &state.settings.staff_url;
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    rest.split([':', '/']).next().unwrap_or(rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::proof;
    use crate::domain::Proof;

    #[test]
    fn either_field_takes_either_proof() {
        let code = Some(Proof::Code("287082".to_owned()));
        assert_eq!(proof("287082", ""), code);
        assert_eq!(proof(" ", "287082"), code);
        assert_eq!(proof("", ""), None);
        let recovery = proof("0a1b-2c3d-4e5f-6g7h", "");
        assert!(matches!(recovery, Some(Proof::Recovery(_))));
    }
}
