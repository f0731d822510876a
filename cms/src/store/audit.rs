//! The audit: who did what, when, to which page; written in the change it tells of.

use sqlx::Row;
use yagura_control::Timestamp;

use super::{Change, Store, rows};
use crate::domain::{Actor, PageId};
use crate::error::CmsError;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Which verb: `publish`, `withdraw`, `save_draft`.
    pub action: String,
    /// The live revision before.
    pub before_revision: Option<i64>,
    /// The live revision after.
    pub after_revision: Option<i64>,
    /// What else there is to say of it.
    pub detail: String,
}

impl Store {
    /// The records of a page, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn audit_of(&self, page: PageId) -> Result<Vec<Record>, CmsError> {
        let sql = "SELECT * FROM audit WHERE page_id = $1 ORDER BY id DESC LIMIT 200";
        let found = sqlx::query(sql)
            .bind(page.0)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(record).collect()
    }

    /// The newest records of all, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn newest_records(&self, most: i64) -> Result<Vec<Record>, CmsError> {
        let query = sqlx::query("SELECT * FROM audit ORDER BY id DESC LIMIT $1").bind(most);
        let found = query.fetch_all(&self.readers).await?;
        found.iter().map(record).collect()
    }
}

fn record(row: &sqlx::any::AnyRow) -> Result<Record, CmsError> {
    Ok(Record {
        at: rows::instant(row, "at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        before_revision: row.try_get("before_revision")?,
        after_revision: row.try_get("after_revision")?,
        detail: row.try_get("detail")?,
    })
}

/// Adds a record. `revisions` are the live ones before and after.
pub(crate) async fn insert(
    change: &mut Change,
    at: Timestamp,
    actor: &Actor,
    action: &str,
    page: Option<PageId>,
    revisions: (Option<i64>, Option<i64>),
    detail: &str,
) -> Result<(), CmsError> {
    sqlx::query(
        "INSERT INTO audit (at, actor_id, actor, action, page_id, before_revision, after_revision, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(rows::millis(at))
    .bind(actor.user.map(|user| user.0))
    .bind(actor.name.clone())
    .bind(action.to_owned())
    .bind(page.map(|page| page.0))
    .bind(revisions.0)
    .bind(revisions.1)
    .bind(detail.to_owned())
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Adds a record of an act that is about no page.
pub(crate) async fn note(
    change: &mut Change,
    at: Timestamp,
    actor: &Actor,
    action: &str,
    detail: &str,
) -> Result<(), CmsError> {
    insert(change, at, actor, action, None, (None, None), detail).await
}
