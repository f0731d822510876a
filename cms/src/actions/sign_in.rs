//! Signing in and out: Argon2id, a session named by a random word of which only the hash is stored,
//! and patience with those who guess.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;
use rand::Rng;
use yagura_control::Timestamp;

use crate::domain::{Actor, User};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{audit, people};

/// How long a session lasts: a working day.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 3600);
/// Failed tries of one login before it must wait.
const FREE_TRIES: u32 = 5;
const LONGEST_WAIT_S: u64 = 300;

/// A session just opened.
pub struct SignedIn {
    /// Whose it is.
    pub user: User,
    /// What the browser is to hold. Nobody else may see it.
    pub token: String,
}

/// Opens a session.
///
/// # Errors
/// [`CmsError::SignInRefused`], or [`CmsError::Throttled`] after too many failed tries.
pub async fn sign_in(state: &CmsState, login: &str, password: &str) -> Result<SignedIn, CmsError> {
    let now = state.now();
    wait_of(login, now).map_or(Ok(()), |wait_s| Err(CmsError::Throttled(wait_s)))?;
    let found = state.store.user_by_login(login).await?;
    let hash = found
        .as_ref()
        .map_or_else(|| unknown_account().to_owned(), |(_, hash)| hash.clone());
    let password = password.to_owned();
    // Hashing takes tens of milliseconds by design, and is done for unknown accounts as well.
    let right = tokio::task::spawn_blocking(move || is_right(&hash, &password))
        .await
        .unwrap_or(false);
    let Some((user, _)) = found.filter(|_| right) else {
        note_failure(login, now);
        let mut change = state.store.begin().await?;
        let actor = Actor {
            user: None,
            name: login.chars().take(100).collect(),
        };
        audit::insert(
            &mut change,
            now,
            &actor,
            "sign_in_refused",
            None,
            (None, None),
            "",
        )
        .await?;
        state.commit(change).await?;
        return Err(CmsError::SignInRefused);
    };
    forget_failures(login);
    let token = random_word();
    let mut change = state.store.begin().await?;
    let expires_at = now.plus(SESSION_LIFETIME);
    people::insert_session(
        &mut change,
        &session_id(&token),
        user.id,
        &random_word(),
        now,
        expires_at,
    )
    .await?;
    audit::insert(
        &mut change,
        now,
        &Actor::from(&user),
        "sign_in",
        None,
        (None, None),
        "",
    )
    .await?;
    state.commit(change).await?;
    Ok(SignedIn { user, token })
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

/// Failed tries by login: how many in a row, and when the last was.
fn failures() -> std::sync::MutexGuard<'static, HashMap<String, (u32, Timestamp)>> {
    static FAILURES: OnceLock<Mutex<HashMap<String, (u32, Timestamp)>>> = OnceLock::new();
    FAILURES
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn wait_of(login: &str, now: Timestamp) -> Option<u64> {
    let (count, last) = failures().get(login).copied()?;
    let beyond = count.checked_sub(FREE_TRIES)?;
    let wait_s = (1u64 << beyond.min(16)).min(LONGEST_WAIT_S);
    let waited_s = now.since(last).as_secs();
    (waited_s < wait_s).then(|| wait_s - waited_s)
}

fn note_failure(login: &str, now: Timestamp) {
    let mut failures = failures();
    // Names that nobody has are forgotten, so that guessing at them fills no memory.
    failures.retain(|_, (_, last)| now.since(*last) < Duration::from_secs(3600));
    let entry = failures.entry(login.to_owned()).or_insert((0, now));
    *entry = (entry.0.saturating_add(1), now);
}

fn forget_failures(login: &str) {
    failures().remove(login);
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

    #[test]
    fn guessing_costs_time_and_the_right_password_pays_it_off() {
        let at = |seconds: u64| Timestamp(seconds * 1000);
        for second in 0..5 {
            assert_eq!(wait_of("guessed", at(second)), None);
            note_failure("guessed", at(second));
        }
        assert_eq!(wait_of("guessed", at(4)), Some(1));
        note_failure("guessed", at(5));
        assert_eq!(wait_of("guessed", at(5)), Some(2));
        assert_eq!(wait_of("guessed", at(7)), None);
        forget_failures("guessed");
        assert_eq!(wait_of("guessed", at(7)), None);
    }
}
