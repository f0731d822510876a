//! A notice in place of a site: what an operator orders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Most languages of a notice.
pub const MOST_TEXTS: usize = 10;
/// Longest text in one language, in bytes.
pub const LONGEST_TEXT_BYTES: usize = 64 << 10;
/// Most attachments and images.
pub const MOST_FILES: usize = 10;
/// Largest attachment or image, in bytes.
pub const LARGEST_FILE_BYTES: usize = 2 << 20;

/// Show a notice in place of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RaiseNotice {
    /// The site's name in the edge's configuration.
    pub site: String,
    /// What it says, in one language or several; the first one comes first on the page.
    pub texts: Vec<NoticeText>,
    /// When it ends by itself; `None`: when it is taken down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Paths that are answered as usual; one that ends in a slash stands for everything beneath.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Attachments and images, which the texts link to by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<NoticeFile>,
}

/// A notice in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeText {
    /// Its language (BCP 47), such as `ja` or `en`.
    pub lang: String,
    /// Its title; `None`: the first heading of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text, in Markdown. Raw HTML in it is shown as text.
    pub markdown: String,
}

/// A file of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeFile {
    /// Its name, with the ending that says its type.
    pub name: String,
    /// What is in it, in base64; left out for one that the edge holds already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The hash of its content, under which the edge holds it; the edge fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Show the site again in place of its notice; or, as a question, tell its notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeOf {
    /// The site's name in the edge's configuration.
    pub site: String,
}

/// The notice of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeShown {
    /// What was ordered, without the files' contents.
    pub notice: RaiseNotice,
    /// Since when it is up.
    pub at: Timestamp,
    /// Who ordered it.
    pub who: String,
    /// The page that readers see.
    pub html: String,
}
