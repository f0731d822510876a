//! Which copies a change feed or a sitemap names: those that are never given up for room.
//!
//! The warmers keep it in memory and make it anew at each start. As long as one of them has not yet
//! seen its whole list, nobody can say what is not on it, and nothing goes.

use std::collections::{HashMap, HashSet};
use std::sync::RwLock;

/// The hash of a copy's key, which is also its file's name.
pub type Name = [u8; 32];

/// The name of a key.
#[must_use]
pub fn name_of(key: &str) -> Name {
    *blake3::hash(key.as_bytes()).as_bytes()
}

/// What the warmers know, by site.
#[derive(Debug, Default)]
pub struct Listings(RwLock<HashMap<String, Listing>>);

#[derive(Debug, Default)]
struct Listing {
    is_whole: bool,
    names: HashSet<Name>,
}

impl Listings {
    /// A site will be listed, anew when it was before: nothing goes until it is.
    pub fn begin(&self, site: &str) {
        self.write().insert(site.to_owned(), Listing::default());
    }

    /// Notes a key as listed.
    pub fn add(&self, site: &str, key: &str) {
        self.write()
            .entry(site.to_owned())
            .or_default()
            .names
            .insert(name_of(key));
    }

    /// Notes a key as no longer listed.
    pub fn remove(&self, site: &str, key: &str) {
        if let Some(listing) = self.write().get_mut(site) {
            listing.names.remove(&name_of(key));
        }
    }

    /// The site's list was seen to its end.
    pub fn mark_whole(&self, site: &str) {
        if let Some(listing) = self.write().get_mut(site) {
            listing.is_whole = true;
        }
    }

    /// Replaces a site's list by a whole one.
    pub fn replace<'a>(&self, site: &str, keys: impl Iterator<Item = &'a str>) {
        let listing = Listing {
            is_whole: true,
            names: keys.map(name_of).collect(),
        };
        self.write().insert(site.to_owned(), listing);
    }

    /// Whether every list was seen to its end.
    pub fn are_whole(&self) -> bool {
        self.read().values().all(|listing| listing.is_whole)
    }

    /// Whether some list has the name.
    pub fn have(&self, name: &Name) -> bool {
        self.read()
            .values()
            .any(|listing| listing.names.contains(name))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, Listing>> {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, Listing>> {
        self.0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_to_be_unlisted_before_every_list_is_whole() {
        let listings = Listings::default();
        assert!(listings.are_whole(), "no warmer, no list to wait for");
        listings.begin("town");
        listings.begin("museum");
        listings.add("town", "town\n\n/a");
        listings.mark_whole("town");
        assert!(!listings.are_whole());
        listings.replace("museum", ["museum\n\n/b"].into_iter());
        assert!(listings.are_whole());
        assert!(listings.have(&name_of("town\n\n/a")) && listings.have(&name_of("museum\n\n/b")));
        listings.remove("town", "town\n\n/a");
        assert!(!listings.have(&name_of("town\n\n/a")));
        listings.begin("town");
        assert!(!listings.are_whole());
    }
}
