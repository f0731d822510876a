//! Where pages live: `/CATEGORY/NAME.html`, and `/LANGUAGE/CATEGORY/NAME.html` in other languages.

use serde::{Deserialize, Serialize};

use super::Language;

/// The path of a page. Lower-case letters, digits and hyphens only, so that it can be read out over
/// the telephone and printed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PagePath(String);

/// A name that cannot be part of a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" cannot be part of an address: use a-z, 0-9 and -, at most 80")]
pub struct NotAName(pub String);

impl PagePath {
    /// The path of a page named `name` in a category.
    ///
    /// # Errors
    /// A part has other letters, or is too long or empty.
    pub fn new(language: Language, category: &str, name: &str) -> Result<Self, NotAName> {
        for part in [category, name] {
            let plain = |letter: char| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
            };
            if part.is_empty() || part.len() > 80 || !part.chars().all(plain) {
                return Err(NotAName(part.to_owned()));
            }
        }
        Ok(Self(match language {
            Language::Ja => format!("/{category}/{name}.html"),
            other => format!("/{}/{category}/{name}.html", other.code()),
        }))
    }

    /// A path read back from the store.
    pub(crate) const fn stored(path: String) -> Self {
        Self(path)
    }

    /// The path itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PagePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_pages_stand_at_the_top_and_others_under_their_language() {
        let path = |language| {
            PagePath::new(language, "kurashi", "gomi-1")
                .unwrap()
                .to_string()
        };
        assert_eq!(path(Language::Ja), "/kurashi/gomi-1.html");
        assert_eq!(path(Language::En), "/en/kurashi/gomi-1.html");
    }

    #[test]
    fn names_that_cannot_be_read_out_are_refused() {
        for name in ["", "Gomi", "ゴミ", "a/b", "..", "a b", &"x".repeat(81)] {
            assert!(
                PagePath::new(Language::Ja, "kurashi", name).is_err(),
                "{name}"
            );
        }
    }
}
