//! A password is changed by whose it is, or reset by an operator for who has forgotten it. Sessions of
//! the account end: the password before this one may be in wrong hands.

use yagura_control::Timestamp;

use super::second_factor::Owner;
use super::sign_in::{hash_password, owner_of};
use crate::domain::{Actor, password};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{Store, audit, people};

/// Gives the account of a session another password, after the present one was shown. Wrong ones count
/// together with those of the sign-in page, so that nobody guesses faster here. Gives how many other
/// sessions ended.
///
/// # Errors
/// [`CmsError::PasswordRefused`], [`CmsError::Throttled`]; [`CmsError::Refused`] for a new one that is
/// no good.
pub async fn change(
    state: &CmsState,
    owner: &Owner<'_>,
    present: &str,
    new: &str,
) -> Result<u64, CmsError> {
    let (now, user) = (state.now(), owner.user);
    if owner_of(state, &user.login, present).await?.is_none() {
        let mut change = state.store.begin().await?;
        audit::note(&mut change, now, &user.into(), "password_refused", "").await?;
        state.commit(change).await?;
        return Err(CmsError::PasswordRefused);
    }
    state.guesses().forget(&user.login);
    if present == new {
        return Err(CmsError::refused(
            "今と同じパスワードです。別のパスワードを入力してください。",
        ));
    }
    let hash = hashed(&user.login, new).await?;
    let mut change = state.store.begin().await?;
    people::set_password(&mut change, user.id, &hash).await?;
    let ended = people::delete_sessions_of(&mut change, user.id, Some(owner.session)).await?;
    let detail = format!("{ended} other sessions ended");
    audit::note(&mut change, now, &user.into(), "password_changed", &detail).await?;
    state.commit(change).await?;
    Ok(ended)
}

/// Gives an account another password, for who has forgotten it; the second factor stays. Gives how many
/// sessions ended.
///
/// # Errors
/// [`CmsError::NotFound`] for an unknown account; [`CmsError::Refused`] for a password that is no good.
pub async fn reset(
    store: &Store,
    now: Timestamp,
    actor: &Actor,
    (login, new): (&str, &str),
    reason: &str,
) -> Result<u64, CmsError> {
    let found = store.user_by_login(login).await?;
    let (user, _) = found.ok_or(CmsError::NotFound("the account"))?;
    let hash = hashed(login, new).await?;
    let mut change = store.begin().await?;
    people::set_password(&mut change, user.id, &hash).await?;
    let ended = people::delete_sessions_of(&mut change, user.id, None).await?;
    let detail = format!("of {login}; {ended} sessions ended; {reason}");
    audit::note(&mut change, now, actor, "password_reset", &detail).await?;
    change.commit().await?;
    Ok(ended)
}

/// Hashing takes tens of milliseconds by design.
async fn hashed(login: &str, new: &str) -> Result<String, CmsError> {
    let faults = password::faults(login, new);
    if !faults.is_empty() {
        return Err(CmsError::Refused(faults));
    }
    let new = new.to_owned();
    let hashing = tokio::task::spawn_blocking(move || hash_password(&new)).await;
    hashing.unwrap_or_else(|error| Err(CmsError::refused(error.to_string())))
}
