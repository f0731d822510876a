//! Purges that edges must acknowledge: queued in the change that causes them, one row an edge.

use sqlx::Row;
use yagura_control::Timestamp;
use yagura_control::order::Purge;

use super::{Change, Store, rows};
use crate::domain::PageId;
use crate::error::CmsError;

/// A purge that an edge has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number; jobs of an edge are given in this order.
    pub id: i64,
    /// What the edge is to do.
    pub purge: Purge,
    /// How often it was tried.
    pub attempts: i64,
}

/// How far a page's last change is at the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing was ever sent for the page.
    Nothing,
    /// So many of so many edges have it.
    UnderWay {
        /// Edges that have it.
        done: i64,
        /// Edges that must have it.
        of: i64,
    },
    /// Every edge has it, since then.
    Live(Timestamp),
}

impl Store {
    /// The oldest purge that an edge has not acknowledged.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next_job(&self, edge: &str) -> Result<Option<Job>, CmsError> {
        let sql = "SELECT id, purge, attempts FROM jobs WHERE edge = $1 AND acknowledged_at IS NULL ORDER BY id LIMIT 1";
        let query = sqlx::query(sql).bind(edge.to_owned());
        let Some(row) = query.fetch_optional(&self.readers).await? else {
            return Ok(None);
        };
        let purge: String = row.try_get("purge")?;
        let purge = serde_json::from_str(&purge).map_err(|error| rows::corrupt("purge", error))?;
        Ok(Some(Job {
            id: row.try_get("id")?,
            purge,
            attempts: row.try_get("attempts")?,
        }))
    }

    /// Notes that an edge has it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn job_acknowledged(&self, id: i64, effective_at: Timestamp) -> Result<(), CmsError> {
        let mut change = self.begin().await?;
        sqlx::query("UPDATE jobs SET acknowledged_at = $2, last_error = NULL WHERE id = $1")
            .bind(id)
            .bind(rows::millis(effective_at))
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }

    /// Notes that a try failed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn job_failed(&self, id: i64, why: &str) -> Result<(), CmsError> {
        let mut change = self.begin().await?;
        sqlx::query("UPDATE jobs SET attempts = attempts + 1, last_error = $2 WHERE id = $1")
            .bind(id)
            .bind(why.to_owned())
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }

    /// How far the last change of a page is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delivery(&self, page: PageId) -> Result<Delivery, CmsError> {
        let row = sqlx::query(
            "SELECT count(*) AS edges, count(acknowledged_at) AS done, max(acknowledged_at) AS live FROM jobs \
             WHERE page_id = $1 AND created_at = (SELECT max(created_at) FROM jobs WHERE page_id = $1)",
        )
        .bind(page.0)
        .fetch_one(&self.readers)
        .await?;
        let (of, done): (i64, i64) = (row.try_get("edges")?, row.try_get("done")?);
        Ok(match rows::optional_instant(&row, "live")? {
            _ if of == 0 => Delivery::Nothing,
            Some(live) if done == of => Delivery::Live(live),
            _ => Delivery::UnderWay { done, of },
        })
    }
}

/// Queues a purge for each edge.
pub(crate) async fn queue(
    change: &mut Change,
    edges: &[String],
    purge: &Purge,
    page: Option<PageId>,
    at: Timestamp,
) -> Result<(), CmsError> {
    let text = serde_json::to_string(purge).map_err(|error| rows::corrupt("purge", error))?;
    for edge in edges {
        sqlx::query(
            "INSERT INTO jobs (edge, purge, page_id, created_at, attempts) VALUES ($1, $2, $3, $4, 0)",
        )
        .bind(edge.clone())
        .bind(text.clone())
        .bind(page.map(|page| page.0))
        .bind(rows::millis(at))
        .execute(&mut **change)
        .await?;
    }
    Ok(())
}
