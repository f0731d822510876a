//! Second factors: what checks their codes, how often somebody was wrong, the recovery codes.
//!
//! A code counts once because its use is one `UPDATE` that succeeds once, whoever else tries.

use sqlx::Row;
use yagura_control::Timestamp;

use super::{Change, Store, rows};
use crate::domain::{Secret, User, UserId};
use crate::error::CmsError;

/// A second factor, as it was before the try that is under way.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) secret: Secret,
    /// The newest step whose code was used.
    pub(crate) last_step: u64,
    /// Wrong codes in a row.
    pub(crate) failures: u32,
    /// When the last of them was.
    pub(crate) last_failure_at: Timestamp,
}

/// How an account stands with its second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose it is.
    pub user: User,
    /// Since when there is one; none when there is none.
    pub enrolled_at: Option<Timestamp>,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: i64,
    /// Wrong codes since the last right one.
    pub failures: u32,
}

/// Reads the standing of accounts; a condition may follow.
const STANDING: &str = "SELECT users.id AS id, login, name, role, enrolled_at, COALESCE(failures, 0) AS failures, \
     (SELECT count(*) FROM recovery_codes WHERE recovery_codes.user_id = users.id AND used_at IS NULL) AS codes_left \
     FROM users LEFT JOIN second_factors ON second_factors.user_id = users.id";

impl Store {
    /// How an account stands.
    ///
    /// # Errors
    /// The database failed, or the account is gone.
    pub async fn second_factor_of(&self, user: UserId) -> Result<Standing, CmsError> {
        let sql = format!("{STANDING} WHERE users.id = $1");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(user.0);
        let row = query.fetch_optional(&self.readers).await?;
        standing(&row.ok_or(CmsError::NotFound("account"))?)
    }

    /// How every account stands, by login.
    ///
    /// # Errors
    /// The database failed.
    pub async fn second_factors(&self) -> Result<Vec<Standing>, CmsError> {
        let sql = format!("{STANDING} ORDER BY login");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql));
        let found = query.fetch_all(&self.readers).await?;
        found.iter().map(standing).collect()
    }

    /// The secret that a session was shown and has not confirmed yet.
    pub(crate) async fn offered_secret(
        &self,
        session: &str,
        now: Timestamp,
    ) -> Result<Option<Secret>, CmsError> {
        let sql =
            "SELECT secret FROM second_factor_offers WHERE session_id = $1 AND expires_at > $2";
        let query = sqlx::query(sql)
            .bind(session.to_owned())
            .bind(rows::millis(now));
        let row = query.fetch_optional(&self.readers).await?;
        row.map(|row| secret(&row)).transpose()
    }
}

fn standing(row: &sqlx::any::AnyRow) -> Result<Standing, CmsError> {
    Ok(Standing {
        user: rows::user(row)?,
        enrolled_at: rows::optional_instant(row, "enrolled_at")?,
        recovery_codes_left: row.try_get("codes_left")?,
        failures: count(row, "failures")?,
    })
}

fn secret(row: &sqlx::any::AnyRow) -> Result<Secret, CmsError> {
    let text: String = row.try_get("secret")?;
    // The cause is not told: it would be the secret.
    Secret::from_base32(&text).ok_or_else(|| rows::corrupt("second factor", "not a secret"))
}

fn count(row: &sqlx::any::AnyRow, column: &str) -> Result<u32, CmsError> {
    Ok(u32::try_from(row.try_get::<i64, _>(column)?).unwrap_or(u32::MAX))
}

/// Counts a try before its code is looked at, and gives what it is to be compared with. The row is
/// held until the change ends, so that of many tries at once each sees the one before it.
pub(crate) async fn count_try(change: &mut Change, user: UserId) -> Result<Option<Held>, CmsError> {
    let sql = "UPDATE second_factors SET failures = failures + 1 WHERE user_id = $1 \
               RETURNING secret, last_step, failures, last_failure_at";
    let query = sqlx::query(sql).bind(user.0);
    let Some(row) = query.fetch_optional(&mut **change).await? else {
        return Ok(None);
    };
    let last_step: i64 = row.try_get("last_step")?;
    Ok(Some(Held {
        secret: secret(&row)?,
        last_step: u64::try_from(last_step).unwrap_or(0),
        failures: count(&row, "failures")?.saturating_sub(1),
        last_failure_at: rows::instant(&row, "last_failure_at")?,
    }))
}

/// The try was wrong.
pub(crate) async fn note_failure(
    change: &mut Change,
    user: UserId,
    at: Timestamp,
) -> Result<(), CmsError> {
    sqlx::query("UPDATE second_factors SET last_failure_at = $2 WHERE user_id = $1")
        .bind(user.0)
        .bind(rows::millis(at))
        .execute(&mut **change)
        .await?;
    Ok(())
}

/// The try was right. `step` is that of the code, if it was one.
pub(crate) async fn note_success(
    change: &mut Change,
    user: UserId,
    step: Option<u64>,
) -> Result<(), CmsError> {
    let step = step.map(|step| i64::try_from(step).unwrap_or(i64::MAX));
    sqlx::query(
        "UPDATE second_factors SET failures = 0, last_step = COALESCE($2, last_step) WHERE user_id = $1",
    )
    .bind(user.0)
    .bind(step)
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Uses a recovery code up; tells whether there was such a one.
pub(crate) async fn use_recovery_code(
    change: &mut Change,
    user: UserId,
    digest: &str,
    at: Timestamp,
) -> Result<bool, CmsError> {
    let sql = "UPDATE recovery_codes SET used_at = $3 \
               WHERE user_id = $1 AND digest = $2 AND used_at IS NULL";
    let query = sqlx::query(sql)
        .bind(user.0)
        .bind(digest.to_owned())
        .bind(rows::millis(at));
    Ok(query.execute(&mut **change).await?.rows_affected() == 1)
}

/// Keeps a secret that a session is about to be shown, in place of one shown before.
pub(crate) async fn offer(
    change: &mut Change,
    session: &str,
    secret: &Secret,
    expires_at: Timestamp,
) -> Result<(), CmsError> {
    sqlx::query(
        "INSERT INTO second_factor_offers (session_id, secret, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT (session_id) DO UPDATE SET secret = $2, expires_at = $3",
    )
    .bind(session.to_owned())
    .bind(secret.to_base32())
    .bind(rows::millis(expires_at))
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Takes the offer of a session away; tells whether it was still this one.
pub(crate) async fn take_offer(
    change: &mut Change,
    session: &str,
    secret: &Secret,
) -> Result<bool, CmsError> {
    let sql = "DELETE FROM second_factor_offers WHERE session_id = $1 AND secret = $2";
    let query = sqlx::query(sql)
        .bind(session.to_owned())
        .bind(secret.to_base32());
    Ok(query.execute(&mut **change).await?.rows_affected() == 1)
}

/// Gives an account a second factor, in place of the one it had.
pub(crate) async fn enrol(
    change: &mut Change,
    user: UserId,
    secret: &Secret,
    step: u64,
    recovery_digests: &[String],
    at: Timestamp,
) -> Result<(), CmsError> {
    let _had_one = remove(change, user).await?;
    sqlx::query(
        "INSERT INTO second_factors (user_id, secret, last_step, failures, last_failure_at, enrolled_at) \
         VALUES ($1, $2, $3, 0, 0, $4)",
    )
    .bind(user.0)
    .bind(secret.to_base32())
    .bind(i64::try_from(step).unwrap_or(i64::MAX))
    .bind(rows::millis(at))
    .execute(&mut **change)
    .await?;
    for digest in recovery_digests {
        sqlx::query("INSERT INTO recovery_codes (user_id, digest) VALUES ($1, $2)")
            .bind(user.0)
            .bind(digest.to_owned())
            .execute(&mut **change)
            .await?;
    }
    Ok(())
}

/// Takes the second factor of an account away, with its recovery codes and what was offered;
/// tells whether there was one.
pub(crate) async fn remove(change: &mut Change, user: UserId) -> Result<bool, CmsError> {
    sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1")
        .bind(user.0)
        .execute(&mut **change)
        .await?;
    let query = sqlx::query("DELETE FROM second_factors WHERE user_id = $1").bind(user.0);
    Ok(query.execute(&mut **change).await?.rows_affected() == 1)
}
