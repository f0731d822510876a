//! The media library's rows; the contents are files named by their id.

use std::collections::BTreeSet;

use yagura_control::Timestamp;

use super::{Change, Store, rows};
use crate::domain::{Media, MediaId};
use crate::error::CmsError;

impl Store {
    /// One item.
    ///
    /// # Errors
    /// The database failed.
    pub async fn media(&self, id: &MediaId) -> Result<Option<Media>, CmsError> {
        let query = sqlx::query("SELECT * FROM media WHERE id = $1").bind(id.0.clone());
        query
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(rows::media)
            .transpose()
    }

    /// Those of the items that are there.
    ///
    /// # Errors
    /// The database failed.
    pub async fn media_of(&self, ids: &BTreeSet<MediaId>) -> Result<Vec<Media>, CmsError> {
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.media(id).await?);
        }
        Ok(found)
    }

    /// Items, the newest first, of which a text is part of the file name or the proposed text, and
    /// whose media type begins with `family` (`image/`).
    ///
    /// # Errors
    /// The database failed.
    pub async fn media_list(
        &self,
        text: &str,
        family: &str,
        limit: i64,
    ) -> Result<Vec<Media>, CmsError> {
        let found = sqlx::query(
            "SELECT * FROM media WHERE ($1 = '' OR file_name LIKE $2 OR alt LIKE $2) AND content_type LIKE $3 \
             ORDER BY added_at DESC, id LIMIT $4",
        )
        .bind(text.to_owned())
        .bind(super::pages::like(text))
        .bind(format!("{}%", family.replace(['%', '_'], "")))
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        found.iter().map(rows::media).collect()
    }
}

/// Adds an item unless it is there.
pub(crate) async fn insert_media(
    change: &mut Change,
    media: &Media,
    at: Timestamp,
) -> Result<(), CmsError> {
    sqlx::query(
        "INSERT INTO media (id, file_name, content_type, bytes, width, height, alt, added_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
    )
    .bind(media.id.0.clone())
    .bind(media.file_name.clone())
    .bind(media.content_type.clone())
    .bind(media.bytes)
    .bind(media.width)
    .bind(media.height)
    .bind(media.alt.clone())
    .bind(rows::millis(at))
    .execute(&mut **change)
    .await?;
    Ok(())
}
