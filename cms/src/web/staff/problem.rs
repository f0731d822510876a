//! What staff are told when something did not work: what happened, that nothing is lost, what to do.

use askama::Template;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use serde::Serialize;

use super::assets;
use crate::domain::Place;
use crate::error::CmsError;
use crate::web::cache_policy::CachePolicy;

/// A failure, told to the editor as JSON.
#[derive(Debug, Serialize)]
pub struct Problem {
    #[serde(skip)]
    status: StatusCode,
    errors: Vec<String>,
}

impl Problem {
    /// The session has ended, or does not hold where the request comes from.
    #[must_use]
    pub fn signed_out(place: Place) -> Self {
        let told = match place {
            Place::CityHall => {
                "サインインの有効時間が終わりました。別のタブでサインインしてから、もう一度お試しください。"
            }
            Place::Outside => {
                "庁舎の外からは、確認コードを使ったサインインが必要です。別のタブでサインインしてから、もう一度お試しください。"
            }
        };
        Self {
            status: StatusCode::UNAUTHORIZED,
            errors: vec![told.to_owned()],
        }
    }

    /// What was sent cannot be read.
    #[must_use]
    pub fn unreadable(cause: impl std::fmt::Display) -> Self {
        let told =
            format!("送られた内容を読み取れませんでした。ページを開き直してください。（{cause}）");
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            errors: vec![told],
        }
    }
}

impl From<CmsError> for Problem {
    fn from(error: CmsError) -> Self {
        if error.status().is_server_error() {
            tracing::error!(%error, "a staff request failed");
        }
        Self {
            status: error.status(),
            errors: told(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self)).into_response()
    }
}

/// What staff read about an error.
#[must_use]
pub fn told(error: &CmsError) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    match error {
        CmsError::Refused(reasons) => reasons.clone(),
        CmsError::Conflict { by, number, at } => {
            let at = at.in_japan();
            vec![format!(
                "{}月{}日 {:02}時{:02}分に{by}さんが別の変更（第{number}版）を保存しています。入力した内容はこの画面に残っています。\
                 別のタブで最新の版を開き、見比べてください。",
                u8::from(at.month()),
                at.day(),
                at.hour(),
                at.minute()
            )]
        }
        CmsError::NotFound(_) => one("ページが見つかりません。一覧から選び直してください。"),
        CmsError::SignInRefused(Place::CityHall) => one("ユーザー名またはパスワードが違います。"),
        CmsError::SignInRefused(Place::Outside) => one(
            "ユーザー名、パスワード、確認コードのいずれかが違います。確認コードは30秒ごとに変わり、同じものは一度しか使えません。",
        ),
        CmsError::PasswordRefused => one("今のパスワードが違います。"),
        CmsError::ProofRefused => {
            one("パスワードか確認コードが違います。確認コードは一度しか使えません。")
        }
        CmsError::FactorMissing => one("このアカウントには確認コードが設定されていません。"),
        CmsError::FactorSpent => one(
            "確認コードを続けて間違えたため、このアカウントの確認コードは使えなくなりました。システムの担当者に解除を依頼し、庁舎内で設定し直してください。",
        ),
        CmsError::Throttled(seconds) => {
            vec![format!(
                "続けて間違えたため、あと{seconds}秒お待ちください。"
            )]
        }
        CmsError::Forged => {
            one("この画面からの操作と確認できませんでした。画面を開き直してください。")
        }
        CmsError::Database(_)
        | CmsError::Corrupt { .. }
        | CmsError::OldSqlite(_)
        | CmsError::Template(_)
        | CmsError::File { .. } => one(
            "システムの不具合で保存できませんでした。入力した内容はこの画面に残っています。しばらくして、もう一度お試しください。",
        ),
    }
}

#[derive(Template)]
#[template(path = "staff/problem.html")]
struct ProblemPage {
    frame: assets::StaffFrame,
    reasons: Vec<String>,
}

/// A failure, told as a page.
pub struct PageProblem(pub CmsError);

impl From<CmsError> for PageProblem {
    fn from(error: CmsError) -> Self {
        Self(error)
    }
}

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        let problem = Problem::from(self.0);
        page(problem.status, problem.errors)
    }
}

fn page(status: StatusCode, reasons: Vec<String>) -> Response {
    let frame = assets::StaffFrame::bare("操作を完了できませんでした");
    match (ProblemPage { frame, reasons }).render() {
        Ok(text) => {
            let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (status, Extension(CachePolicy::NoStore), html, text).into_response()
        }
        Err(_) => status.into_response(),
    }
}

/// A URL of the staff's host that leads nowhere.
pub(super) async fn not_found() -> Response {
    page(
        StatusCode::NOT_FOUND,
        vec!["このアドレスの画面はありません。一覧からお探しください。".to_owned()],
    )
}
