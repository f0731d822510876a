//! The languages a page may be written in.

use serde::{Deserialize, Serialize};

/// One language.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 日本語
    #[default]
    Ja,
    /// English
    En,
    /// 中文（简体）
    Zh,
    /// 한국어
    Ko,
}

impl Language {
    /// All of them, the site's own first.
    pub const ALL: [Self; 4] = [Self::Ja, Self::En, Self::Zh, Self::Ko];

    /// Short word for paths, rows and tags: `ja`, `en`, `zh`, `ko`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
            Self::Zh => "zh",
            Self::Ko => "ko",
        }
    }

    /// Tag for `lang` and `hreflang` (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-Hans",
            other => other.code(),
        }
    }

    /// The language of a short word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
    }
}
