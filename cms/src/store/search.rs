//! The index of words: the only place where the two databases are asked differently. Both hold the
//! same tokens (`domain::tokens`), so both find the same pages.

use super::{Change, Dialect, Store, rows};
use crate::domain::tokens::{self, Query};
use crate::domain::{Page, PageId};
use crate::error::CmsError;

impl Store {
    /// Live pages that hold every word, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn search(
        &self,
        words: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Page>, i64), CmsError> {
        let query = tokens::query(words);
        if query == Query::default() {
            return Ok((Vec::new(), 0));
        }
        let matching = match self.dialect {
            Dialect::Sqlite => "id IN (SELECT rowid FROM page_search WHERE page_search MATCH $1)",
            Dialect::Postgres => {
                "id IN (SELECT id FROM page_search WHERE tokens @@ to_tsquery('simple', $1))"
            }
        };
        self.live_where(matching, expression(&query, self.dialect), limit, offset)
            .await
    }
}

/// The query in the engine's own words. Tokens are letters and digits alone, so nothing of what a
/// reader typed reaches the engine's syntax.
fn expression(query: &Query, dialect: Dialect) -> String {
    let phrases = query.phrases.iter();
    let beginnings = query.beginnings.iter();
    match dialect {
        Dialect::Sqlite => phrases
            .map(|phrase| format!("\"{}\"", phrase.join(" ")))
            .chain(beginnings.map(|beginning| format!("{beginning}*")))
            .collect::<Vec<_>>()
            .join(" AND "),
        Dialect::Postgres => phrases
            .map(|phrase| format!("({})", phrase.join(" <-> ")))
            .chain(beginnings.map(|beginning| format!("{beginning}:*")))
            .collect::<Vec<_>>()
            .join(" & "),
    }
}

/// Puts a page's words into the index in place of those before.
pub(crate) async fn index(
    change: &mut Change,
    dialect: Dialect,
    page: PageId,
    text: &str,
) -> Result<(), CmsError> {
    remove(change, dialect, page).await?;
    let sql = match dialect {
        Dialect::Sqlite => "INSERT INTO page_search (rowid, tokens) VALUES ($1, $2)",
        Dialect::Postgres => {
            "INSERT INTO page_search (id, tokens) VALUES ($1, to_tsvector('simple', $2))"
        }
    };
    sqlx::query(sql)
        .bind(page.0)
        .bind(tokens::index_text(text))
        .execute(&mut **change)
        .await?;
    Ok(())
}

/// Takes a page out of the index.
pub(crate) async fn remove(
    change: &mut Change,
    dialect: Dialect,
    page: PageId,
) -> Result<(), CmsError> {
    let sql = match dialect {
        Dialect::Sqlite => "DELETE FROM page_search WHERE rowid = $1",
        Dialect::Postgres => "DELETE FROM page_search WHERE id = $1",
    };
    sqlx::query(sql).bind(page.0).execute(&mut **change).await?;
    Ok(())
}

impl Store {
    async fn live_where(
        &self,
        condition: &str,
        value: String,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Page>, i64), CmsError> {
        use sqlx::{AssertSqlSafe, Row};
        let live = format!("FROM pages WHERE live_revision IS NOT NULL AND {condition}");
        // Condition and columns are constants of this file and of `rows.rs`.
        let list = format!(
            "SELECT {} {live} ORDER BY updated_at DESC, id DESC LIMIT $2 OFFSET $3",
            rows::PAGE
        );
        let found = sqlx::query(AssertSqlSafe(list))
            .bind(value.clone())
            .bind(limit)
            .bind(offset);
        let found = found.fetch_all(&self.readers).await?;
        let count = format!("SELECT count(*) {live}");
        let total = sqlx::query(AssertSqlSafe(count))
            .bind(value)
            .fetch_one(&self.readers)
            .await?
            .try_get(0)?;
        let pages = found
            .iter()
            .map(super::pages::as_live)
            .collect::<Result<_, _>>()?;
        Ok((pages, total))
    }
}
