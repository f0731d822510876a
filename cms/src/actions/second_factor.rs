//! The second factor of an account: it is offered, confirmed with its first code, looked at when
//! somebody signs in from outside, and taken away when the telephone is lost.

use std::time::Duration;

use yagura_control::Timestamp;

use super::sign_in::owner_of;
use crate::domain::second_factor::{in_groups, recovery_codes, recovery_digest};
use crate::domain::{Actor, Proof, Secret, User, UserId, patience};
use crate::error::CmsError;
use crate::state::CmsState;
use crate::store::{Change, Store, audit, people, second_factors};

/// How long a secret that was shown may be confirmed.
const OFFER_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// What was shown and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Code,
    RecoveryCode,
}

impl Shown {
    /// Its words in the audit.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::RecoveryCode => "recovery code",
        }
    }
}

/// What was found of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    NotEnrolled,
    Wrong,
    Right(Shown),
}

/// Looks at a proof and uses it up. The verdict counts when the change is committed, also one of
/// `Wrong`; an error leaves nothing to commit.
pub(super) async fn look_at(
    change: &mut Change,
    user: UserId,
    proof: Option<&Proof>,
    now: Timestamp,
) -> Result<Verdict, CmsError> {
    let Some(held) = second_factors::count_try(change, user).await? else {
        return Ok(Verdict::NotEnrolled);
    };
    if patience::is_spent(held.failures) {
        return Err(CmsError::FactorSpent);
    }
    let waited = now.since(held.last_failure_at);
    if let Some(wait_s) = patience::wait_s(held.failures, waited) {
        return Err(CmsError::Throttled(wait_s));
    }
    let right = match proof {
        Some(Proof::Code(code)) => held
            .secret
            .step_of(code, now.seconds(), held.last_step)
            .map(|step| (Shown::Code, Some(step))),
        Some(Proof::Recovery(code)) => {
            let digest = recovery_digest(user, code);
            second_factors::use_recovery_code(change, user, &digest, now)
                .await?
                .then_some((Shown::RecoveryCode, None))
        }
        None => None,
    };
    let Some((shown, step)) = right else {
        second_factors::note_failure(change, user, now).await?;
        return Ok(Verdict::Wrong);
    };
    second_factors::note_success(change, user, step).await?;
    Ok(Verdict::Right(shown))
}

/// Who changes the second factor of whom, and in which session.
pub struct Owner<'o> {
    /// The account, which is its own alone.
    pub user: &'o User,
    /// Under which name the store has the session.
    pub session: &'o str,
}

/// Offers a new secret to the session, after the password was shown once more, and a code of the
/// second factor there is, so that a desk left alone gives nobody a key for outside.
///
/// # Errors
/// [`CmsError::ProofRefused`], [`CmsError::Throttled`], [`CmsError::FactorSpent`].
pub async fn offer(
    state: &CmsState,
    owner: &Owner<'_>,
    password: &str,
    proof: Option<&Proof>,
) -> Result<(), CmsError> {
    let now = state.now();
    let user = owner.user;
    let same = owner_of(state, &user.login, password).await?;
    let mut change = state.store.begin().await?;
    let right = match same {
        Some(_) => look_at(&mut change, user.id, proof, now).await? != Verdict::Wrong,
        None => false,
    };
    if !right {
        audit::note(&mut change, now, &user.into(), "second_factor_refused", "").await?;
        state.commit(change).await?;
        return Err(CmsError::ProofRefused);
    }
    let secret = Secret::random(&mut rand::rng());
    let expires_at = now.plus(OFFER_LIFETIME);
    second_factors::offer(&mut change, owner.session, &secret, expires_at).await?;
    state.commit(change).await
}

/// The secret that the session was offered.
///
/// # Errors
/// The database failed.
pub async fn offered(state: &CmsState, owner: &Owner<'_>) -> Result<Option<Secret>, CmsError> {
    let now = state.now();
    state.store.offered_secret(owner.session, now).await
}

/// Takes the offered secret into use when the application gives its codes, and gives the recovery
/// codes, in groups, which nobody sees again. Other sessions of the account end: the factor before
/// this one may be in wrong hands.
///
/// # Errors
/// [`CmsError::Refused`] when there is no offer any more, or the code is wrong.
pub async fn confirm(
    state: &CmsState,
    owner: &Owner<'_>,
    proof: Option<&Proof>,
) -> Result<Vec<String>, CmsError> {
    let now = state.now();
    let user = owner.user;
    let over = || {
        CmsError::refused("設定の画面を開いてから時間がたちました。はじめからやり直してください。")
    };
    let secret = offered(state, owner).await?.ok_or_else(over)?;
    let step = match proof {
        Some(Proof::Code(code)) => secret.step_of(code, now.seconds(), 0),
        Some(Proof::Recovery(_)) | None => None,
    };
    let step = step.ok_or_else(|| {
        CmsError::refused(
            "確認コードが違います。アプリに今表示されている6桁の数字を入力してください。\
             何度も違うときは、スマートフォンの時刻が自動で設定されているか確かめてください。",
        )
    })?;
    let codes = recovery_codes(&mut rand::rng());
    let digests: Vec<String> = codes
        .iter()
        .map(|code| recovery_digest(user.id, code))
        .collect();
    let mut change = state.store.begin().await?;
    if !second_factors::take_offer(&mut change, owner.session, &secret).await? {
        return Err(over());
    }
    second_factors::enrol(&mut change, user.id, &secret, step, &digests, now).await?;
    let ended = people::delete_sessions_of(&mut change, user.id, Some(owner.session)).await?;
    people::strengthen_session(&mut change, owner.session).await?;
    let detail = format!("{ended} other sessions ended");
    audit::note(
        &mut change,
        now,
        &user.into(),
        "second_factor_enrolled",
        &detail,
    )
    .await?;
    state.commit(change).await?;
    Ok(codes.iter().map(|code| in_groups(code)).collect())
}

/// Takes the second factor of an account away, for a telephone that is lost, and ends its sessions.
/// Gives how many ended; nothing when the account had no second factor, and then nothing changes.
///
/// # Errors
/// [`CmsError::NotFound`] for an unknown account.
pub async fn reset(
    store: &Store,
    now: Timestamp,
    actor: &Actor,
    login: &str,
    reason: &str,
) -> Result<Option<u64>, CmsError> {
    let found = store.user_by_login(login).await?;
    let (user, _) = found.ok_or(CmsError::NotFound("the account"))?;
    let mut change = store.begin().await?;
    if !second_factors::remove(&mut change, user.id).await? {
        return Ok(None);
    }
    let ended = people::delete_sessions_of(&mut change, user.id, None).await?;
    let detail = format!("of {login}; {ended} sessions ended; {reason}");
    audit::note(&mut change, now, actor, "second_factor_reset", &detail).await?;
    change.commit().await?;
    Ok(Some(ended))
}
