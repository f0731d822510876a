//! Accounts and sessions.

use sqlx::Row;
use yagura_control::Timestamp;

use super::{Change, Store, rows};
use crate::domain::{Role, User, UserId};
use crate::error::CmsError;

/// An open session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose it is.
    pub user: User,
    /// What every form of the session must send back.
    pub csrf: String,
    /// Whether it was opened with the second factor too; else it holds at the city hall alone.
    pub second_factor: bool,
}

impl Store {
    /// The account of that login, with the hash of its password.
    ///
    /// # Errors
    /// The database failed.
    pub async fn user_by_login(&self, login: &str) -> Result<Option<(User, String)>, CmsError> {
        let query = sqlx::query("SELECT * FROM users WHERE login = $1").bind(login.to_owned());
        let Some(row) = query.fetch_optional(&self.readers).await? else {
            return Ok(None);
        };
        Ok(Some((rows::user(&row)?, row.try_get("password_hash")?)))
    }

    /// The session of that id, unless it has ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session(&self, id: &str, now: Timestamp) -> Result<Option<Session>, CmsError> {
        let row = sqlx::query(
            "SELECT users.id AS id, login, name, role, csrf, second_factor FROM sessions \
             JOIN users ON users.id = sessions.user_id WHERE sessions.id = $1 AND expires_at > $2",
        )
        .bind(id.to_owned())
        .bind(rows::millis(now))
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| {
            Ok(Session {
                user: rows::user(&row)?,
                csrf: row.try_get("csrf")?,
                second_factor: row.try_get::<i64, _>("second_factor")? != 0,
            })
        })
        .transpose()
    }
}

/// Adds an account, or gives an existing one this name, role and password.
pub(crate) async fn upsert_user(
    change: &mut Change,
    login: &str,
    name: &str,
    role: Role,
    password_hash: &str,
) -> Result<(), CmsError> {
    sqlx::query(
        "INSERT INTO users (login, name, role, password_hash) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (login) DO UPDATE SET name = $2, role = $3, password_hash = $4",
    )
    .bind(login.to_owned())
    .bind(name.to_owned())
    .bind(role.code())
    .bind(password_hash.to_owned())
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Gives an account another password.
pub(crate) async fn set_password(
    change: &mut Change,
    user: UserId,
    password_hash: &str,
) -> Result<(), CmsError> {
    sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
        .bind(user.0)
        .bind(password_hash.to_owned())
        .execute(&mut **change)
        .await?;
    Ok(())
}

/// A session that is about to begin.
pub(crate) struct NewSession<'s> {
    pub(crate) id: &'s str,
    pub(crate) user: UserId,
    pub(crate) csrf: &'s str,
    pub(crate) second_factor: bool,
    pub(crate) expires_at: Timestamp,
}

/// Opens a session, and forgets those that have ended.
pub(crate) async fn insert_session(
    change: &mut Change,
    session: &NewSession<'_>,
    now: Timestamp,
) -> Result<(), CmsError> {
    sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
        .bind(rows::millis(now))
        .execute(&mut **change)
        .await?;
    sqlx::query(
        "INSERT INTO sessions (id, user_id, csrf, second_factor, expires_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(session.id.to_owned())
    .bind(session.user.0)
    .bind(session.csrf.to_owned())
    .bind(i64::from(session.second_factor))
    .bind(rows::millis(session.expires_at))
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// From now on the session holds outside the city hall too.
pub(crate) async fn strengthen_session(change: &mut Change, id: &str) -> Result<(), CmsError> {
    sqlx::query("UPDATE sessions SET second_factor = 1 WHERE id = $1")
        .bind(id.to_owned())
        .execute(&mut **change)
        .await?;
    Ok(())
}

/// Ends the sessions of an account, all but one if one is named.
pub(crate) async fn delete_sessions_of(
    change: &mut Change,
    user: UserId,
    but: Option<&str>,
) -> Result<u64, CmsError> {
    let ended = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
        .bind(user.0)
        .bind(but.unwrap_or_default().to_owned())
        .execute(&mut **change)
        .await?;
    Ok(ended.rows_affected())
}

/// Ends a session.
pub(crate) async fn delete_session(change: &mut Change, id: &str) -> Result<(), CmsError> {
    sqlx::query("DELETE FROM sessions WHERE id = $1")
        .bind(id.to_owned())
        .execute(&mut **change)
        .await?;
    Ok(())
}
