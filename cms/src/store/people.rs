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
            "SELECT users.id AS id, login, name, role, csrf FROM sessions \
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

/// Opens a session, and forgets those that have ended.
pub(crate) async fn insert_session(
    change: &mut Change,
    id: &str,
    user: UserId,
    csrf: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), CmsError> {
    sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
        .bind(rows::millis(now))
        .execute(&mut **change)
        .await?;
    sqlx::query("INSERT INTO sessions (id, user_id, csrf, expires_at) VALUES ($1, $2, $3, $4)")
        .bind(id.to_owned())
        .bind(user.0)
        .bind(csrf.to_owned())
        .bind(rows::millis(expires_at))
        .execute(&mut **change)
        .await?;
    Ok(())
}

/// Ends a session.
pub(crate) async fn delete_session(change: &mut Change, id: &str) -> Result<(), CmsError> {
    sqlx::query("DELETE FROM sessions WHERE id = $1")
        .bind(id.to_owned())
        .execute(&mut **change)
        .await?;
    Ok(())
}
