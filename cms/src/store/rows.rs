//! From rows to the domain.

use sqlx::Row;
use sqlx::any::AnyRow;
use time::Date;
use time::macros::format_description;
use yagura_control::Timestamp;

use crate::domain::{
    Category, Department, Language, Media, MediaId, Page, PageId, PageKind, PagePath, Revision,
    Role, User, UserId,
};
use crate::error::CmsError;

/// Columns of a page, for `SELECT`.
pub(super) const PAGE: &str = "id, kind, path, category, department, language, translation_of, urgent, \
     title, summary, newest_revision, live_revision, live_title, live_summary, published_at, updated_at, \
     withdrawn_at, event_starts, event_ends, event_place";

pub(super) fn page(row: &AnyRow) -> Result<Page, CmsError> {
    let kind: String = row.try_get("kind")?;
    let language: String = row.try_get("language")?;
    Ok(Page {
        id: PageId(row.try_get("id")?),
        kind: PageKind::from_code(&kind).ok_or_else(|| corrupt("page kind", kind))?,
        path: PagePath::stored(row.try_get("path")?),
        category: row.try_get("category")?,
        department: row.try_get("department")?,
        language: Language::from_code(&language).ok_or_else(|| corrupt("language", language))?,
        translation_of: row.try_get::<Option<i64>, _>("translation_of")?.map(PageId),
        urgent: row.try_get::<i64, _>("urgent")? != 0,
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        newest_revision: row.try_get("newest_revision")?,
        live_revision: row.try_get("live_revision")?,
        published_at: optional_instant(row, "published_at")?,
        updated_at: instant(row, "updated_at")?,
        withdrawn_at: optional_instant(row, "withdrawn_at")?,
    })
}

pub(super) fn revision(row: &AnyRow) -> Result<Revision, CmsError> {
    let document: String = row.try_get("document")?;
    let fields: String = row.try_get("fields")?;
    Ok(Revision {
        page: PageId(row.try_get("page_id")?),
        number: row.try_get("number")?,
        title: row.try_get("title")?,
        summary: row.try_get("summary")?,
        document: serde_json::from_str(&document).map_err(|error| corrupt("document", error))?,
        fields: serde_json::from_str(&fields).map_err(|error| corrupt("set of fields", error))?,
        author: row.try_get("author")?,
        created_at: instant(row, "created_at")?,
    })
}

pub(super) fn category(row: &AnyRow) -> Result<Category, CmsError> {
    Ok(Category {
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        position: row.try_get("position")?,
    })
}

pub(super) fn department(row: &AnyRow) -> Result<Department, CmsError> {
    Ok(Department {
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        telephone: row.try_get("telephone")?,
        mail: row.try_get("mail")?,
        place: row.try_get("place")?,
        hours: row.try_get("hours")?,
        position: row.try_get("position")?,
    })
}

pub(super) fn media(row: &AnyRow) -> Result<Media, CmsError> {
    Ok(Media {
        id: MediaId(row.try_get("id")?),
        file_name: row.try_get("file_name")?,
        content_type: row.try_get("content_type")?,
        bytes: row.try_get("bytes")?,
        width: row.try_get("width")?,
        height: row.try_get("height")?,
        alt: row.try_get("alt")?,
    })
}

pub(super) fn user(row: &AnyRow) -> Result<User, CmsError> {
    let role: String = row.try_get("role")?;
    Ok(User {
        id: UserId(row.try_get("id")?),
        login: row.try_get("login")?,
        name: row.try_get("name")?,
        role: Role::from_code(&role),
    })
}

pub(super) fn instant(row: &AnyRow, column: &str) -> Result<Timestamp, CmsError> {
    Ok(Timestamp(
        u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0),
    ))
}

pub(super) fn optional_instant(row: &AnyRow, column: &str) -> Result<Option<Timestamp>, CmsError> {
    let instant: Option<i64> = row.try_get(column)?;
    Ok(instant.map(|millis| Timestamp(u64::try_from(millis).unwrap_or(0))))
}

/// An instant as it is stored.
pub(super) fn millis(instant: Timestamp) -> i64 {
    i64::try_from(instant.0).unwrap_or(i64::MAX)
}

/// A day as it is stored, so that days are ordered like their texts.
pub(super) fn day(date: Date) -> String {
    date.format(format_description!("[year]-[month]-[day]"))
        .unwrap_or_default()
}

/// A day read back.
pub(super) fn date(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

pub(super) fn corrupt(what: &'static str, cause: impl ToString) -> CmsError {
    CmsError::Corrupt {
        what,
        cause: cause.to_string(),
    }
}
