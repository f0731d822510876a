//! Names of the cache tags that responses carry and changes purge.
//!
//! `page-ID` is on every response that shows something of a page (its title in a listing, its path
//! in a link); `own-ID` only on the page's own response, so that a takedown hits nothing else.

use yagura_control::{Tag, TagSet};

use super::{Language, PageId};

/// Something of the page is shown.
#[must_use]
pub fn page(id: PageId) -> Option<Tag> {
    Tag::new(&format!("page-{id}")).ok()
}

/// It is the page itself.
#[must_use]
pub fn own(id: PageId) -> Option<Tag> {
    Tag::new(&format!("own-{id}")).ok()
}

/// A listing of a category.
#[must_use]
pub fn category(slug: &str) -> Option<Tag> {
    Tag::new(&format!("cat-{slug}")).ok()
}

/// A listing of a department, or its contact block.
#[must_use]
pub fn department(slug: &str) -> Option<Tag> {
    Tag::new(&format!("dept-{slug}")).ok()
}

/// The top of a language.
#[must_use]
pub fn language(language: Language) -> Option<Tag> {
    Tag::new(&format!("lang-{}", language.code())).ok()
}

/// The home page.
#[must_use]
pub fn home() -> Option<Tag> {
    Tag::new("home").ok()
}

/// The Atom feed.
#[must_use]
pub fn news() -> Option<Tag> {
    Tag::new("news").ok()
}

/// The calendar's months.
#[must_use]
pub fn calendar() -> Option<Tag> {
    Tag::new("calendar").ok()
}

/// Results of searches.
#[must_use]
pub fn search() -> Option<Tag> {
    Tag::new("search").ok()
}

/// The sitemap.
#[must_use]
pub fn sitemap() -> Option<Tag> {
    Tag::new("sitemap").ok()
}

/// A set of those that could be made.
#[must_use]
pub fn set(tags: impl IntoIterator<Item = Option<Tag>>) -> TagSet {
    let mut set = TagSet::default();
    for tag in tags.into_iter().flatten() {
        set.insert(tag);
    }
    set
}
