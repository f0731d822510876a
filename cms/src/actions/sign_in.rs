//! Signing in and out: Argon2id, the second factor for who comes from outside the city hall, a
//! session named by a random word of which only the hash is stored, and patience with those who guess.

use std::sync::OnceLock;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;
use rand::Rng;
use yagura_control::Timestamp;

use super::second_factor::{self, Verdict};
use crate::domain::{Actor, Place, Proof, User};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{Change, audit, people};

/// How long a session lasts: a working day.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3600);

/// What somebody shows to be let in. `Debug` is left out, so that a password is in no log.
pub struct Credentials<'c> {
    /// Which account.
    pub login: &'c str,
    /// Its password.
    pub password: &'c str,
    /// The second factor, if one was given that can be read.
    pub proof: Option<&'c Proof>,
    /// From where.
    pub place: Place,
}

/// A session just opened.
pub struct SignedIn {
    /// Whose it is.
    pub user: User,
    /// What the browser is to hold. Nobody else may see it.
    pub token: String,
}

/// Opens a session. From outside the city hall the second factor is demanded; which of the three was
/// wrong is not told, so that a thief of passwords does not learn which are right.
///
/// # Errors
/// [`CmsError::SignInRefused`]; [`CmsError::Throttled`] after too many failed tries;
/// [`CmsError::FactorMissing`] and [`CmsError::FactorSpent`] from outside alone.
pub async fn sign_in(
    state: &CmsState,
    credentials: &Credentials<'_>,
) -> Result<SignedIn, CmsError> {
    let &Credentials {
        login,
        password,
        proof,
        place,
    } = credentials;
    let now = state.now();
    let Some(user) = owner_of(state, login, password).await? else {
        let actor = Actor {
            user: None,
            name: login.chars().take(100).collect(),
        };
        let change = state.store.begin().await?;
        refuse(state, change, now, &actor, place.code()).await?;
        return Err(CmsError::SignInRefused(place));
    };
    let actor = Actor::from(&user);
    let mut change = state.store.begin().await?;
    let shown = match place {
        Place::CityHall => None,
        Place::Outside => match second_factor::look_at(&mut change, user.id, proof, now).await? {
            Verdict::Right(shown) => Some(shown),
            Verdict::Wrong => {
                state.guesses().note(login, now);
                refuse(state, change, now, &actor, "outside, the second factor").await?;
                return Err(CmsError::SignInRefused(place));
            }
            Verdict::NotEnrolled => {
                refuse(state, change, now, &actor, "outside, no second factor").await?;
                return Err(CmsError::FactorMissing);
            }
        },
    };
    state.guesses().forget(login);
    let token = random_word();
    let session = people::NewSession {
        id: &session_id(&token),
        user: user.id,
        csrf: &random_word(),
        second_factor: shown.is_some(),
        expires_at: now.plus(SESSION_LIFETIME),
    };
    people::insert_session(&mut change, &session, now).await?;
    let detail = match shown {
        None => place.code().to_owned(),
        Some(shown) => format!("{}, {}", place.code(), shown.words()),
    };
    let nothing = (None, None);
    audit::insert(&mut change, now, &actor, "sign_in", None, nothing, &detail).await?;
    state.commit(change).await?;
    Ok(SignedIn { user, token })
}

/// The account with that login and that password. Whoever fails must wait, longer each time.
///
/// # Errors
/// [`CmsError::Throttled`], or the database failed.
pub(super) async fn owner_of(
    state: &CmsState,
    login: &str,
    password: &str,
) -> Result<Option<User>, CmsError> {
    let now = state.now();
    if let Some(wait_s) = state.guesses().wait_s(login, now) {
        return Err(CmsError::Throttled(wait_s));
    }
    let found = state.store.user_by_login(login).await?;
    let hash = found
        .as_ref()
        .map_or_else(|| unknown_account().to_owned(), |(_, hash)| hash.clone());
    let password = password.to_owned();
    // Hashing takes tens of milliseconds by design, and is done for unknown accounts as well.
    let right = tokio::task::spawn_blocking(move || is_right(&hash, &password))
        .await
        .unwrap_or(false);
    let user = found.filter(|_| right).map(|(user, _)| user);
    if user.is_none() {
        state.guesses().note(login, now);
    }
    Ok(user)
}

async fn refuse(
    state: &CmsState,
    mut change: Change,
    now: Timestamp,
    actor: &Actor,
    detail: &str,
) -> Result<(), CmsError> {
    let (action, nothing) = ("sign_in_refused", (None, None));
    audit::insert(&mut change, now, actor, action, None, nothing, detail).await?;
    state.commit(change).await
}

/// Ends the session of a token.
///
/// # Errors
/// The database failed.
pub async fn sign_out(state: &CmsState, token: &str) -> Result<(), CmsError> {
    let mut change = state.store.begin().await?;
    people::delete_session(&mut change, &session_id(token)).await?;
    state.commit(change).await
}

/// Under which name the store has the session of a token.
#[must_use]
pub fn session_id(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

/// The hash of a password, for the store (RFC 9106).
///
/// # Errors
/// The password is too long.
pub fn hash_password(password: &str) -> Result<String, CmsError> {
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string())
        .map_err(|error| CmsError::refused(error.to_string()))
}

fn is_right(hash: &str, password: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

/// A hash that no password has, so that an unknown account takes as long as a known one.
fn unknown_account() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_password(&random_word()).unwrap_or_default())
}

/// 256 bits from the system's source, in letters that may stand in a cookie.
fn random_word() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_opens() {
        let hash = hash_password("ひみつ").unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(is_right(&hash, "ひみつ"));
        assert!(!is_right(&hash, "ひみつ "));
        assert!(!is_right("", "ひみつ"));
    }
}
