//! Pages and revisions.
//!
//! What readers see carries the title and summary of the live revision, what staff see those of the
//! newest; both are [`Page`].

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use time::Date;
use yagura_control::Timestamp;

use super::{Store, rows};
use crate::domain::{Language, Page, PageId, PageKind, PagePath, Revision};
use crate::error::CmsError;

/// Which live pages are wanted; everything when nothing is said.
#[derive(Clone, Debug, Default)]
pub struct LiveFilter<'a> {
    /// Slug of the category.
    pub category: Option<&'a str>,
    /// Slug of the department.
    pub department: Option<&'a str>,
    /// Kind of page.
    pub kind: Option<PageKind>,
    /// Language.
    pub language: Option<Language>,
}

/// Which pages staff want to see; everything when nothing is said.
#[derive(Clone, Debug, Default)]
pub struct StaffFilter<'a> {
    /// Part of title or path.
    pub text: &'a str,
    /// Slug of the category.
    pub category: Option<&'a str>,
    /// `draft`, `live`, `changed` or `withdrawn`.
    pub state: Option<&'a str>,
}

/// A live event with its days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEvent {
    /// The page.
    pub page: Page,
    /// First day.
    pub starts_on: Date,
    /// Last day.
    pub ends_on: Date,
    /// Where.
    pub place: String,
}

/// What a new page is made of.
#[derive(Clone, Debug)]
pub struct NewPage {
    /// What kind of page it is.
    pub kind: PageKind,
    /// Where it will be.
    pub path: PagePath,
    /// Slug of its category.
    pub category: String,
    /// Slug of its department.
    pub department: String,
    /// Its language.
    pub language: Language,
    /// The Japanese page it is a translation of.
    pub translation_of: Option<PageId>,
    /// Whether it stands under 緊急情報 while it is live.
    pub urgent: bool,
}

impl Store {
    /// The page of that number, for staff.
    ///
    /// # Errors
    /// The database failed.
    pub async fn page(&self, id: PageId) -> Result<Option<Page>, CmsError> {
        self.one("id = $1", id.0, rows::page).await
    }

    /// The page at a path, live or not, for staff.
    ///
    /// # Errors
    /// The database failed.
    pub async fn page_at(&self, path: &str) -> Result<Option<Page>, CmsError> {
        self.one("path = $1", path.to_owned(), rows::page).await
    }

    /// The live page at a path with the revision readers see.
    ///
    /// # Errors
    /// The database failed.
    pub async fn live_page_at(&self, path: &str) -> Result<Option<(Page, Revision)>, CmsError> {
        let page = self
            .one(
                "live_revision IS NOT NULL AND path = $1",
                path.to_owned(),
                as_live,
            )
            .await?;
        let Some((page, number)) =
            page.and_then(|page| page.live_revision.map(|live| (page, live)))
        else {
            return Ok(None);
        };
        Ok(self
            .revision(page.id, number)
            .await?
            .map(|revision| (page, revision)))
    }

    /// Live pages, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn live_pages(
        &self,
        filter: &LiveFilter<'_>,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Page>, i64), CmsError> {
        let values = [
            ("category", filter.category),
            ("department", filter.department),
            ("kind", filter.kind.map(PageKind::code)),
            ("language", filter.language.map(Language::code)),
        ];
        let given: Vec<(&str, &str)> = values
            .into_iter()
            .filter_map(|(column, value)| Some((column, value?)))
            .collect();
        let mut condition = "live_revision IS NOT NULL".to_owned();
        for (index, (column, _)) in given.iter().enumerate() {
            condition.push_str(&format!(" AND {column} = ${}", index + 1));
        }
        let values: Vec<String> = given.iter().map(|(_, value)| (*value).to_owned()).collect();
        self.listed(&condition, &values, as_live, limit, offset)
            .await
    }

    /// The newest live pages of the site's own language.
    ///
    /// # Errors
    /// The database failed.
    pub async fn latest_news(&self, limit: i64) -> Result<Vec<Page>, CmsError> {
        let filter = LiveFilter {
            language: Some(Language::Ja),
            ..LiveFilter::default()
        };
        Ok(self.live_pages(&filter, limit, 0).await?.0)
    }

    /// Live pages under 緊急情報, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn urgent_pages(&self) -> Result<Vec<Page>, CmsError> {
        let condition = "live_revision IS NOT NULL AND urgent <> 0 AND language = 'ja'";
        Ok(self.listed(condition, &[], as_live, 20, 0).await?.0)
    }

    /// Live events that take place between two days, both counted, in their order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn events_between(
        &self,
        first: Date,
        last: Date,
        limit: i64,
    ) -> Result<Vec<LiveEvent>, CmsError> {
        let sql = format!(
            "SELECT {} FROM pages WHERE live_revision IS NOT NULL AND kind = 'event' AND language = 'ja' \
             AND event_starts <= $1 AND event_ends >= $2 ORDER BY event_starts, id LIMIT $3",
            rows::PAGE
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(rows::day(last))
            .bind(rows::day(first))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(live_event).collect()
    }

    /// Live pages that are the same in another language: the original and its translations, in the
    /// order of the languages, the page itself among them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn translations(&self, page: &Page) -> Result<Vec<Page>, CmsError> {
        let original = page.translation_of.unwrap_or(page.id).0;
        let sql = format!(
            "SELECT {} FROM pages WHERE live_revision IS NOT NULL AND (id = $1 OR translation_of = $1)",
            rows::PAGE
        );
        let found = sqlx::query(AssertSqlSafe(sql))
            .bind(original)
            .fetch_all(&self.readers)
            .await?;
        let mut pages: Vec<Page> = found.iter().map(as_live).collect::<Result<_, _>>()?;
        pages.sort_by_key(|page| page.language);
        Ok(pages)
    }

    /// Paths of those of the pages that are live.
    ///
    /// # Errors
    /// The database failed.
    pub async fn live_paths(
        &self,
        pages: &BTreeSet<PageId>,
    ) -> Result<BTreeMap<PageId, String>, CmsError> {
        let mut paths = BTreeMap::new();
        for id in pages {
            let sql = "SELECT path FROM pages WHERE id = $1 AND live_revision IS NOT NULL";
            if let Some(row) = sqlx::query(sql)
                .bind(id.0)
                .fetch_optional(&self.readers)
                .await?
            {
                paths.insert(*id, row.try_get(0)?);
            }
        }
        Ok(paths)
    }

    /// Paths and last changes of live pages for the sitemap, in the order of their numbers, after
    /// the page `after`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn sitemap(
        &self,
        after: PageId,
        limit: i64,
    ) -> Result<Vec<(PageId, String, Timestamp)>, CmsError> {
        let sql = "SELECT id, path, updated_at FROM pages WHERE live_revision IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
        let found = sqlx::query(sql)
            .bind(after.0)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        let entry = |row: &AnyRow| {
            Ok((
                PageId(row.try_get("id")?),
                row.try_get("path")?,
                rows::instant(row, "updated_at")?,
            ))
        };
        found.iter().map(entry).collect()
    }

    /// Pages for staff, the last changed first, and how many there are in all.
    ///
    /// # Errors
    /// The database failed.
    pub async fn pages_for_staff(
        &self,
        filter: &StaffFilter<'_>,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Page>, i64), CmsError> {
        let state = match filter.state {
            Some("draft") => "live_revision IS NULL AND withdrawn_at IS NULL",
            Some("live") => "live_revision = newest_revision",
            Some("changed") => "live_revision <> newest_revision",
            Some("withdrawn") => "live_revision IS NULL AND withdrawn_at IS NOT NULL",
            _ => "1 = 1",
        };
        let condition = format!(
            "{state} AND ($1 = '' OR title LIKE $2 OR path LIKE $2) AND ($3 = '' OR category = $3)"
        );
        let category = filter.category.unwrap_or("").to_owned();
        let values = [filter.text.to_owned(), like(filter.text), category];
        self.listed(&condition, &values, rows::page, limit, offset)
            .await
    }

    /// A revision of a page.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revision(&self, page: PageId, number: i64) -> Result<Option<Revision>, CmsError> {
        let sql = "SELECT * FROM revisions WHERE page_id = $1 AND number = $2";
        let query = sqlx::query(sql).bind(page.0).bind(number);
        query
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(rows::revision)
            .transpose()
    }

    /// Every revision of a page, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revisions(&self, page: PageId) -> Result<Vec<Revision>, CmsError> {
        let sql = "SELECT * FROM revisions WHERE page_id = $1 ORDER BY number DESC LIMIT 200";
        let found = sqlx::query(sql)
            .bind(page.0)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(rows::revision).collect()
    }

    /// How many pages there are.
    ///
    /// # Errors
    /// The database failed.
    pub async fn page_count(&self) -> Result<i64, CmsError> {
        Ok(sqlx::query("SELECT count(*) FROM pages")
            .fetch_one(&self.readers)
            .await?
            .try_get(0)?)
    }

    /// The highest number a live page has; 0 without any.
    ///
    /// # Errors
    /// The database failed.
    pub async fn last_page(&self) -> Result<PageId, CmsError> {
        let sql = "SELECT coalesce(max(id), 0) FROM pages WHERE live_revision IS NOT NULL";
        Ok(PageId(
            sqlx::query(sql)
                .fetch_one(&self.readers)
                .await?
                .try_get(0)?,
        ))
    }

    async fn one<'q, V>(
        &self,
        condition: &str,
        value: V,
        read: impl Fn(&AnyRow) -> Result<Page, CmsError>,
    ) -> Result<Option<Page>, CmsError>
    where
        V: 'q + sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let sql = format!("SELECT {} FROM pages WHERE {condition}", rows::PAGE);
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(value)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(read).transpose()
    }

    async fn listed(
        &self,
        condition: &str,
        values: &[String],
        read: impl Fn(&AnyRow) -> Result<Page, CmsError>,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Page>, i64), CmsError> {
        let (next, after) = (values.len() + 1, values.len() + 2);
        let list = format!(
            "SELECT {} FROM pages WHERE {condition} ORDER BY updated_at DESC, id DESC LIMIT ${next} OFFSET ${after}",
            rows::PAGE
        );
        let count = format!("SELECT count(*) FROM pages WHERE {condition}");
        let mut query = sqlx::query(AssertSqlSafe(list));
        let mut counting = sqlx::query(AssertSqlSafe(count));
        for value in values {
            query = query.bind(value.clone());
            counting = counting.bind(value.clone());
        }
        let found = query
            .bind(limit)
            .bind(offset)
            .fetch_all(&self.readers)
            .await?;
        let total = counting.fetch_one(&self.readers).await?.try_get(0)?;
        Ok((found.iter().map(read).collect::<Result<_, _>>()?, total))
    }
}

/// A page as readers see it.
pub(super) fn as_live(row: &AnyRow) -> Result<Page, CmsError> {
    let mut page = rows::page(row)?;
    page.title = row
        .try_get::<Option<String>, _>("live_title")?
        .unwrap_or_default();
    page.summary = row
        .try_get::<Option<String>, _>("live_summary")?
        .unwrap_or_default();
    Ok(page)
}

fn live_event(row: &AnyRow) -> Result<LiveEvent, CmsError> {
    let day = |column: &str| -> Result<Date, CmsError> {
        let text: Option<String> = row.try_get(column)?;
        text.as_deref()
            .and_then(rows::date)
            .ok_or_else(|| rows::corrupt("day", column))
    };
    let place: Option<String> = row.try_get("event_place")?;
    Ok(LiveEvent {
        page: as_live(row)?,
        starts_on: day("event_starts")?,
        ends_on: day("event_ends")?,
        place: place.unwrap_or_default(),
    })
}

/// A pattern that finds a text anywhere; what has a meaning in patterns stands for itself at most.
pub(super) fn like(text: &str) -> String {
    format!("%{}%", text.replace(['%', '_'], " "))
}
