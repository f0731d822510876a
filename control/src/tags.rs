//! Cache tags: names a response carries so that everything about one thing can be purged at once.
//!
//! The origin sends them in the response field [`FIELD_NAME`]; the edge keeps them with the stored
//! response and removes the field before a reader sees it.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The response field that carries tags from the origin to the edge, comma separated.
pub const FIELD_NAME: &str = "cache-tag";

/// The longest tag, in bytes. A longer one in a response is left out.
pub const MAX_TAG_BYTES: usize = 128;

/// The most tags kept with one response.
pub const MAX_TAGS: usize = 64;

/// One tag: visible ASCII without comma, 1 to [`MAX_TAG_BYTES`] bytes. Compared exactly.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Box<str>);

/// Why a text is no tag.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cache tag: use 1 to {MAX_TAG_BYTES} visible ASCII characters, no comma")]
pub struct NotATag(String);

impl Tag {
    /// Checks a text and makes it a tag.
    ///
    /// # Errors
    /// When it is empty, too long, or holds a comma, a blank or anything outside visible ASCII.
    pub fn new(text: &str) -> Result<Self, NotATag> {
        let fits = (1..=MAX_TAG_BYTES).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic() && b != b',') {
            Ok(Self(text.into()))
        } else {
            Err(NotATag(text.chars().take(40).collect()))
        }
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tag {
    type Error = NotATag;
    fn try_from(text: String) -> Result<Self, NotATag> {
        Self::new(&text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.into()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tags of one response, sorted, without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TagSet(BTreeSet<Tag>);

impl TagSet {
    /// Reads one value of the field. What is no tag is left out: an origin's slip must not make
    /// its response unservable.
    #[must_use]
    pub fn from_field_value(value: &str) -> Self {
        value
            .split(',')
            .filter_map(|part| Tag::new(part.trim()).ok())
            .take(MAX_TAGS)
            .collect()
    }

    /// Writes the field value.
    #[must_use]
    pub fn to_field_value(&self) -> String {
        self.0.iter().map(Tag::as_str).collect::<Vec<_>>().join(",")
    }

    /// The tags in order.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// Adds one tag.
    pub fn insert(&mut self, tag: Tag) {
        self.0.insert(tag);
    }

    /// Whether the tag is among them.
    #[must_use]
    pub fn contains(&self, tag: &Tag) -> bool {
        self.0.contains(tag)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Tag> for TagSet {
    fn from_iter<I: IntoIterator<Item = Tag>>(tags: I) -> Self {
        Self(tags.into_iter().collect())
    }
}

impl Extend<Tag> for TagSet {
    fn extend<I: IntoIterator<Item = Tag>>(&mut self, tags: I) {
        self.0.extend(tags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slip_in_one_tag_leaves_the_others() {
        let set = TagSet::from_field_value("page-12, くらし, ,cat-3,page-12");
        assert_eq!(set.to_field_value(), "cat-3,page-12");
    }

    proptest! {
        #[test]
        fn whatever_the_origin_sends_comes_back_the_same(value in ".{0,400}") {
            let set = TagSet::from_field_value(&value);
            prop_assert_eq!(TagSet::from_field_value(&set.to_field_value()), set);
        }
    }
}
