//! Changes of pages and revisions: functions that take the transaction they are part of.

use sqlx::{AssertSqlSafe, Row};
use yagura_control::Timestamp;

use super::pages::NewPage;
use super::{Change, rows};
use crate::domain::page::Draft;
use crate::domain::{KindFields, Page, PageId, Revision};
use crate::error::CmsError;

/// The page of that number inside a change, locked against other changes.
pub(crate) async fn page_in(change: &mut Change, id: PageId) -> Result<Page, CmsError> {
    // SQLite has the whole database locked already; PostgreSQL locks the row by this update.
    sqlx::query("UPDATE pages SET updated_at = updated_at WHERE id = $1")
        .bind(id.0)
        .execute(&mut **change)
        .await?;
    let sql = format!("SELECT {} FROM pages WHERE id = $1", rows::PAGE);
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(id.0)
        .fetch_optional(&mut **change)
        .await?;
    rows::page(&row.ok_or(CmsError::NotFound("the page"))?)
}

/// A revision inside a change.
pub(crate) async fn revision_in(
    change: &mut Change,
    page: PageId,
    number: i64,
) -> Result<Revision, CmsError> {
    let query = sqlx::query("SELECT * FROM revisions WHERE page_id = $1 AND number = $2")
        .bind(page.0)
        .bind(number);
    rows::revision(
        &query
            .fetch_optional(&mut **change)
            .await?
            .ok_or(CmsError::NotFound("the revision"))?,
    )
}

/// Adds a page with its first revision.
pub(crate) async fn insert(
    change: &mut Change,
    page: &NewPage,
    draft: &Draft,
    author: &str,
    at: Timestamp,
) -> Result<PageId, CmsError> {
    let row = sqlx::query(
        "INSERT INTO pages (kind, path, category, department, language, translation_of, urgent, title, \
         summary, newest_revision, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10) RETURNING id",
    )
    .bind(page.kind.code())
    .bind(page.path.to_string())
    .bind(page.category.clone())
    .bind(page.department.clone())
    .bind(page.language.code())
    .bind(page.translation_of.map(|page| page.0))
    .bind(i64::from(page.urgent))
    .bind(draft.title.clone())
    .bind(draft.summary.clone())
    .bind(rows::millis(at))
    .fetch_one(&mut **change)
    .await?;
    let id = PageId(row.try_get(0)?);
    insert_revision(change, id, 1, draft, author, at).await?;
    Ok(id)
}

/// Adds a revision and makes it the page's newest.
pub(crate) async fn add_revision(
    change: &mut Change,
    page: &Page,
    draft: &Draft,
    author: &str,
    at: Timestamp,
) -> Result<i64, CmsError> {
    let number = page.newest_revision + 1;
    insert_revision(change, page.id, number, draft, author, at).await?;
    sqlx::query("UPDATE pages SET title = $2, summary = $3, newest_revision = $4 WHERE id = $1")
        .bind(page.id.0)
        .bind(draft.title.clone())
        .bind(draft.summary.clone())
        .bind(number)
        .execute(&mut **change)
        .await?;
    Ok(number)
}

async fn insert_revision(
    change: &mut Change,
    page: PageId,
    number: i64,
    draft: &Draft,
    author: &str,
    at: Timestamp,
) -> Result<(), CmsError> {
    let json = |error: serde_json::Error| rows::corrupt("text", error);
    sqlx::query(
        "INSERT INTO revisions (page_id, number, title, summary, document, fields, author, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(page.0)
    .bind(number)
    .bind(draft.title.clone())
    .bind(draft.summary.clone())
    .bind(serde_json::to_string(&draft.document).map_err(json)?)
    .bind(serde_json::to_string(&draft.fields).map_err(json)?)
    .bind(author.to_owned())
    .bind(rows::millis(at))
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Sets whether the page stands under 緊急情報 while it is live.
pub(crate) async fn set_urgent(
    change: &mut Change,
    page: PageId,
    urgent: bool,
) -> Result<(), CmsError> {
    sqlx::query("UPDATE pages SET urgent = $2 WHERE id = $1")
        .bind(page.0)
        .bind(i64::from(urgent))
        .execute(&mut **change)
        .await?;
    Ok(())
}

/// Makes a revision the one readers see.
pub(crate) async fn make_live(
    change: &mut Change,
    revision: &Revision,
    at: Timestamp,
) -> Result<(), CmsError> {
    let (starts, ends, place) = match &revision.fields {
        KindFields::Event {
            starts_on,
            ends_on,
            place,
            ..
        } => (
            Some(rows::day(*starts_on)),
            Some(rows::day(*ends_on)),
            Some(place.clone()),
        ),
        _ => (None, None, None),
    };
    sqlx::query(
        "UPDATE pages SET live_revision = $2, live_title = $3, live_summary = $4, event_starts = $5, \
         event_ends = $6, event_place = $7, updated_at = $8, published_at = coalesce(published_at, $8), \
         withdrawn_at = NULL WHERE id = $1",
    )
    .bind(revision.page.0)
    .bind(revision.number)
    .bind(revision.title.clone())
    .bind(revision.summary.clone())
    .bind(starts)
    .bind(ends)
    .bind(place)
    .bind(rows::millis(at))
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Takes the page off.
pub(crate) async fn take_off(
    change: &mut Change,
    page: PageId,
    at: Timestamp,
) -> Result<(), CmsError> {
    sqlx::query("UPDATE pages SET live_revision = NULL, withdrawn_at = $2 WHERE id = $1")
        .bind(page.0)
        .bind(rows::millis(at))
        .execute(&mut **change)
        .await?;
    Ok(())
}
