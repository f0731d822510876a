//! The disaster page: a light page in place of a site's home page, with posts in order of time,
//! while the rest of the site stays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoticeText;
use crate::Timestamp;

/// Longest post, in bytes of Markdown.
pub const LONGEST_POST_BYTES: usize = 2_000;
/// Most posts that are shown of one site.
pub const MOST_POSTS: usize = 500;
/// After this time without a post the page counts as old, and operators are warned.
pub const OLD_AFTER_MS: u64 = 3_600_000;

/// Show the disaster page in place of a site's home page, or another text on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RaiseDisaster {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// What stands above the posts, in one language or several.
    pub texts: Vec<NoticeText>,
    /// When it ends by itself; `None`: when it is taken down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The posts, when the page is to come back with them; else those that are there stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<DisasterPost>,
}

/// Add a post to the disaster page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPost {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// The post.
    pub post: DisasterPost,
}

/// Take a post off the disaster page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropPost {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// The post's number.
    pub number: u64,
}

/// A post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisasterPost {
    /// Its number, the same on every edge: when it was written, in milliseconds since 1970.
    pub number: u64,
    /// Its language (BCP 47).
    pub lang: String,
    /// The text, in Markdown; a heading at its beginning is its title.
    pub markdown: String,
    /// Who wrote it; the edge fills it in.
    #[serde(default)]
    pub who: String,
}

impl DisasterPost {
    /// When it was written.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        Timestamp(self.number)
    }
}

/// The disaster page of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisasterShown {
    /// What was ordered, with the posts, the newest first.
    pub disaster: RaiseDisaster,
    /// Since when it is up.
    pub at: Timestamp,
    /// Who ordered it.
    pub who: String,
    /// The page that readers see.
    pub html: String,
    /// How it stands.
    pub status: DisasterStatus,
}

/// How a disaster page stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DisasterStatus {
    /// Since when it is up.
    pub since: Timestamp,
    /// Posts on it.
    pub posts: usize,
    /// When the newest post was written; without one, when the page was put up.
    pub newest_at: Timestamp,
    /// Whether that is longer ago than readers can be expected to trust ([`OLD_AFTER_MS`]).
    pub is_old: bool,
    /// Posts that the CMS has not taken yet.
    pub not_handed_over: usize,
}

/// A post on its way to the CMS, which keeps it as a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandedPost {
    /// The post. The CMS takes one of a number once, from whichever edge.
    #[serde(flatten)]
    pub post: DisasterPost,
    /// The edge that hands it over.
    pub edge: String,
}
