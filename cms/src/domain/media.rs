//! Pictures and files, named by their content.
//!
//! The same content is stored once and never changes; revisions share it by its id.

use serde::{Deserialize, Serialize};

/// The first 32 hex digits of the BLAKE3 hash of the content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaId(pub String);

impl MediaId {
    /// The id of some content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(blake3::hash(content).to_hex().chars().take(32).collect())
    }
}

impl std::fmt::Display for MediaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One item of the media library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Its content's name.
    pub id: MediaId,
    /// Its file name, as readers save it: ASCII letters, digits, `-`, `_` and one extension.
    pub file_name: String,
    /// Its media type: `image/png`, `application/pdf`.
    pub content_type: String,
    /// Its length in bytes.
    pub bytes: i64,
    /// Width in pixels, of pictures.
    pub width: Option<i64>,
    /// Height in pixels, of pictures.
    pub height: Option<i64>,
    /// Text proposed where the picture is used; for files, what they are.
    pub alt: String,
}

impl Media {
    /// Where readers find it.
    #[must_use]
    pub fn url_path(&self) -> String {
        format!("/media/{}/{}", self.id, self.file_name)
    }

    /// Whether it is a picture.
    #[must_use]
    pub fn is_image(&self) -> bool {
        self.content_type.starts_with("image/")
    }
}
