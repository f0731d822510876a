//! Who asks, and whether the request comes from a page of ours.
//!
//! The cookie holds a random word of which the store has only the hash. `__Host-` makes browsers
//! refuse it from another host, another path or plain HTTP. Forms and scripts send back the
//! session's second word, which no other site can read. A session opened at the city hall with a
//! password alone is none outside it.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};

use super::problem::Problem;
use crate::actions::sign_in::{SESSION_LIFETIME, session_id};
use crate::domain::place::FIELD_NAME;
use crate::domain::{Actor, Place, User};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::people::Session;

const COOKIE: &str = "__Host-yagura";
/// Field by which scripts send the session's word back.
pub const CSRF_FIELD: &str = "x-csrf-token";

/// A signed-in member of staff.
pub struct Staff {
    /// Who.
    pub user: User,
    /// What forms of the session must send back.
    pub csrf: String,
    /// Under which name the store has the session.
    pub session: String,
}

impl Staff {
    /// Who acts, for the records.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::from(&self.user)
    }

    /// Refuses what does not send the session's word back.
    ///
    /// # Errors
    /// [`CmsError::Forged`].
    pub fn checked(&self, sent: &str) -> Result<(), CmsError> {
        // Hashes are compared, so that the time taken tells nothing of the word.
        let same = blake3::hash(sent.as_bytes()) == blake3::hash(self.csrf.as_bytes());
        if same { Ok(()) } else { Err(CmsError::Forged) }
    }

    /// The same for a script's request.
    ///
    /// # Errors
    /// [`CmsError::Forged`].
    pub fn checked_field(&self, headers: &HeaderMap) -> Result<(), CmsError> {
        let sent = headers
            .get(CSRF_FIELD)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        self.checked(sent)
    }
}

impl FromRequestParts<CmsState> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &CmsState) -> Result<Self, Response> {
        let place = place(&parts.headers);
        let id = token(&parts.headers).map(session_id);
        let found = match &id {
            Some(id) => state.store.session(id, state.now()).await,
            None => Ok(None),
        };
        // A session that was opened with the password alone does not leave the city hall.
        let holds = |session: &Session| place == Place::CityHall || session.second_factor;
        match found.map(|session| session.filter(holds).zip(id)) {
            Ok(Some((session, id))) => Ok(Self {
                user: session.user,
                csrf: session.csrf,
                session: id,
            }),
            Ok(None) if parts.method == Method::GET && wants_page(&parts.headers) => {
                let back = parts.uri.path_and_query().map_or("/", |path| path.as_str());
                let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
                Err(Redirect::to(&format!("/sign-in?next={back}")).into_response())
            }
            Ok(None) => Err(Problem::signed_out(place).into_response()),
            Err(error) => Err(Problem::from(error).into_response()),
        }
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accept.is_none_or(|accept| accept.contains("text/html") || accept.contains("*/*"))
}

/// From where the request comes, as the edge says.
#[must_use]
pub fn place(headers: &HeaderMap) -> Place {
    let values = headers.get_all(FIELD_NAME);
    Place::said(values.iter().map(HeaderValue::as_bytes))
}

/// The word the browser holds.
#[must_use]
pub fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Field that gives the browser its word.
#[must_use]
pub fn given(token: &str) -> Option<HeaderValue> {
    let age = SESSION_LIFETIME.as_secs();
    format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={age}")
        .parse()
        .ok()
}

/// Field that takes it back.
#[must_use]
pub fn taken() -> HeaderValue {
    HeaderValue::from_static("__Host-yagura=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Refuses a request that a page of another site made; for the one form that has no session yet.
///
/// # Errors
/// [`CmsError::Forged`].
pub fn from_own_page(headers: &HeaderMap, staff_url: &str) -> Result<(), CmsError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin = text("origin").is_none_or(|origin| origin == staff_url);
    if site && origin {
        Ok(())
    } else {
        Err(CmsError::Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_word_is_found_among_other_cookies() {
        assert_eq!(
            token(&headers(&[("cookie", "a=1; __Host-yagura=word; b=2")])),
            Some("word")
        );
        assert_eq!(token(&headers(&[("cookie", "x__Host-yagura=word")])), None);
        assert_eq!(token(&headers(&[("cookie", "__Host-yagura2=word")])), None);
    }

    #[test]
    fn another_site_cannot_send_the_sign_in_form() {
        let own = "https://staff.example";
        assert!(from_own_page(&headers(&[]), own).is_ok());
        assert!(from_own_page(&headers(&[("origin", "https://staff.example")]), own).is_ok());
        assert!(from_own_page(&headers(&[("origin", "https://evil.example")]), own).is_err());
        assert!(from_own_page(&headers(&[("origin", "null")]), own).is_err());
        assert!(from_own_page(&headers(&[("sec-fetch-site", "cross-site")]), own).is_err());
    }
}
