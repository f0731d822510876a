//! Public URLs and the change feed: one row a URL, numbered anew at each change, so that a reader
//! of the feed sees each URL once, as it stands now.

use sqlx::Row;
use yagura_control::TagSet;
use yagura_control::feed::{Change as FeedChange, FeedEntry, FeedPage};

use super::{Change, Store, rows};
use crate::error::CmsError;

impl Store {
    /// Entries after `since`, at most `limit`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn feed_page(
        &self,
        epoch: &str,
        since: u64,
        limit: u32,
    ) -> Result<FeedPage, CmsError> {
        let found = sqlx::query(
            "SELECT seq, path, version, tags, withdrawn FROM public_urls WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(i64::try_from(since).unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await?;
        let entries = found.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        // Read after the entries: a head that is too new only makes the reader ask once more.
        let head: i64 = sqlx::query("SELECT coalesce(max(seq), 0) FROM public_urls")
            .fetch_one(&self.readers)
            .await?
            .try_get(0)?;
        Ok(FeedPage {
            epoch: epoch.to_owned(),
            entries,
            head: u64::try_from(head).unwrap_or(0),
        })
    }

    /// What identifies this database to edges; made once.
    ///
    /// # Errors
    /// The database failed.
    pub async fn epoch(&self, fresh: String) -> Result<String, CmsError> {
        let mut change = self.begin().await?;
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('epoch', $1) ON CONFLICT (name) DO NOTHING",
        )
        .bind(fresh)
        .execute(&mut *change)
        .await?;
        let row = sqlx::query("SELECT value FROM meta WHERE name = 'epoch'")
            .fetch_one(&mut *change)
            .await?;
        change.commit().await?;
        Ok(row.try_get(0)?)
    }

    /// Whether a URL is one that edges are told of, and its version.
    ///
    /// # Errors
    /// The database failed.
    pub async fn url_version(&self, path: &str) -> Result<Option<String>, CmsError> {
        let sql = "SELECT version FROM public_urls WHERE path = $1 AND withdrawn = 0";
        let row = sqlx::query(sql)
            .bind(path.to_owned())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}

fn entry(row: &sqlx::any::AnyRow) -> Result<FeedEntry, CmsError> {
    let withdrawn: i64 = row.try_get("withdrawn")?;
    let tags: String = row.try_get("tags")?;
    let change = if withdrawn != 0 {
        FeedChange::Withdrawn
    } else {
        FeedChange::Present {
            version: row.try_get("version")?,
            tags: TagSet::from_field_value(&tags),
        }
    };
    let seq: i64 = row.try_get("seq")?;
    Ok(FeedEntry {
        seq: u64::try_from(seq).map_err(|error| rows::corrupt("number", error))?,
        path: row.try_get("path")?,
        change,
    })
}

async fn next_number(change: &mut Change) -> Result<i64, CmsError> {
    let sql = "UPDATE counters SET value = value + 1 WHERE name = 'feed' RETURNING value";
    Ok(sqlx::query(sql)
        .fetch_one(&mut **change)
        .await?
        .try_get(0)?)
}

/// A URL holds something, which is new or has changed.
pub(crate) async fn present(
    change: &mut Change,
    path: &str,
    version: &str,
    tags: &TagSet,
) -> Result<(), CmsError> {
    let number = next_number(change).await?;
    sqlx::query(
        "INSERT INTO public_urls (path, seq, version, tags, withdrawn) VALUES ($1, $2, $3, $4, 0) \
         ON CONFLICT (path) DO UPDATE SET seq = $2, version = $3, tags = $4, withdrawn = 0",
    )
    .bind(path.to_owned())
    .bind(number)
    .bind(version.to_owned())
    .bind(tags.to_field_value())
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// A URL holds something that never changes: told once.
pub(crate) async fn present_once(
    change: &mut Change,
    path: &str,
    version: &str,
) -> Result<(), CmsError> {
    let sql = "SELECT count(*) FROM public_urls WHERE path = $1 AND version = $2 AND withdrawn = 0";
    let query = sqlx::query(sql)
        .bind(path.to_owned())
        .bind(version.to_owned());
    let there: i64 = query.fetch_one(&mut **change).await?.try_get(0)?;
    if there == 0 {
        present(change, path, version, &TagSet::default()).await?;
    }
    Ok(())
}

/// A listing is there from the first day: told unless the feed knows it, in whatever version.
pub(crate) async fn present_from_start(
    change: &mut Change,
    path: &str,
    version: &str,
    tags: &TagSet,
) -> Result<(), CmsError> {
    let sql = "SELECT count(*) FROM public_urls WHERE path = $1 AND withdrawn = 0";
    let there: i64 = sqlx::query(sql)
        .bind(path.to_owned())
        .fetch_one(&mut **change)
        .await?
        .try_get(0)?;
    if there == 0 {
        present(change, path, version, tags).await?;
    }
    Ok(())
}

/// A URL was taken off.
pub(crate) async fn withdrawn(change: &mut Change, path: &str) -> Result<(), CmsError> {
    let number = next_number(change).await?;
    sqlx::query("UPDATE public_urls SET seq = $2, withdrawn = 1 WHERE path = $1")
        .bind(path.to_owned())
        .bind(number)
        .execute(&mut **change)
        .await?;
    Ok(())
}
