//! Where staff write: signing in, the list of pages, the editor, the library of pictures and files.
//!
//! Nothing here is kept by anybody (`no-store`). Who is not signed in reaches the sign-in page alone
//! ([`session`]); whatever changes something carries the word of its session ([`session::Staff`]).
//! From outside the city hall that takes a second factor ([`second_factor`]).
//! Pages are HTML forms; the editor speaks JSON ([`editing`]).

mod assets;
mod creating;
mod editing;
mod library;
mod listing;
mod password;
mod problem;
mod second_factor;
mod session;
mod sign_in;
mod withdrawing;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::{get, post};

use super::{answer, cache_policy, public};
use crate::state::CmsState;

/// What a staff page may load: its own scripts, styles and pictures.
const STAFF_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Everything staff reach.
pub fn router(state: CmsState) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/pages/") }))
        .route("/sign-in", get(sign_in::form).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route(
            "/account/second-factor",
            get(second_factor::show).post(second_factor::begin),
        )
        .route(
            "/account/second-factor/new",
            get(second_factor::setup).post(second_factor::confirm),
        )
        .route(
            "/account/password",
            get(password::form).post(password::change),
        )
        .route("/pages/", get(listing::show).post(creating::create))
        .route("/pages/new", get(creating::form))
        .route("/pages/{id}/", get(editing::form))
        .route("/pages/{id}/draft", post(editing::save))
        .route("/pages/{id}/publish", post(editing::publish))
        .route("/pages/{id}/delivery", get(editing::delivery))
        .route("/pages/{id}/preview", get(editing::preview))
        .route(
            "/pages/{id}/withdraw",
            get(withdrawing::ask).post(withdrawing::withdraw),
        )
        .route("/page-search", get(library::pages))
        .route("/library", get(library::list).post(library::upload))
        .route("/assets/{version}/{name}", get(assets::show))
        .merge(public::files_router())
        .fallback(problem::not_found)
        .layer(from_fn(|request, next| {
            answer::guarded(STAFF_POLICY, request, next)
        }))
        .layer(from_fn(cache_policy::apply))
        .with_state(state)
}
