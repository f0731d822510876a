//! The disaster page: a light page that an operator put in place of a site's home page, with posts
//! in order of time. It is rendered when it is ordered, and held by the edge.
//!
//! - `page.rs`: the page and those of older posts, each below 14 KiB.
//! - `hand_over.rs`: posts go to the CMS when it lives; and a warning when the newest is old.
//!
//! Which posts there are stands in `routing/intent.rs`; `stages/disaster.rs` answers with it.

pub mod hand_over;
pub mod page;

use bytes::Bytes;
use yagura_config::settings::LookSettings;
use yagura_control::Timestamp;
use yagura_control::order::{DisasterPost, OLD_AFTER_MS, RaiseDisaster};

/// Where the pages of older posts are answered: this, and a number from 2.
pub const OLDER: &str = "/.yagura/disaster/";
/// The home page as it is without the disaster page. In its own folder, so that relative links hold.
pub const USUAL_HOME: &str = "/?usual-home";

/// The disaster page of a site, ready to be answered with.
#[derive(Debug)]
pub struct Raised {
    /// What it was made of.
    pub disaster: RaiseDisaster,
    /// Since when it is up.
    pub since: Timestamp,
    /// When its newest post was written.
    pub newest_at: Timestamp,
    /// The page, and those of older posts.
    pub pages: Vec<Bytes>,
}

/// What a target is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covered {
    /// That page.
    Page(Bytes),
    /// The home page as usual.
    UsualHome,
}

impl Raised {
    /// Renders it in a site's look; the posts are those of the order, in any order.
    #[must_use]
    pub fn new(mut disaster: RaiseDisaster, look: &LookSettings, since: Timestamp) -> Self {
        let newest_first = |post: &DisasterPost| std::cmp::Reverse(post.number);
        disaster.posts.sort_by_key(newest_first);
        let newest_at = disaster.posts.first().map_or(since, DisasterPost::at);
        let pages = page::pages(&disaster, look, newest_at);
        Self {
            since,
            newest_at,
            pages: pages.into_iter().map(Bytes::from).collect(),
            disaster,
        }
    }

    /// Whether it was made of this.
    #[must_use]
    pub fn is_of(&self, disaster: &RaiseDisaster, since: Timestamp) -> bool {
        let same_posts = self.disaster.posts.len() == disaster.posts.len()
            && disaster
                .posts
                .iter()
                .all(|one| self.disaster.posts.contains(one));
        self.since == since && self.disaster.texts == disaster.texts && same_posts
    }

    /// What a target is answered with; none when as usual.
    #[must_use]
    pub fn covers(&self, target: &str) -> Option<Covered> {
        let page = |index: usize| self.pages.get(index).cloned().map(Covered::Page);
        if target == USUAL_HOME {
            return Some(Covered::UsualHome);
        }
        let path = target.split('?').next().unwrap_or_default();
        if let Some(number) = path.strip_prefix(OLDER) {
            let number: usize = number.parse().ok()?;
            return page(number.checked_sub(1)?);
        }
        matches!(path, "/" | "/index.html").then(|| page(0))?
    }

    /// Whether its newest post is older than readers can be expected to trust.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.newest_at).as_millis() >= u128::from(OLD_AFTER_MS)
    }

    /// The largest of its pages, in bytes.
    #[must_use]
    pub fn largest(&self) -> usize {
        self.pages.iter().map(Bytes::len).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use yagura_control::order::NoticeText;

    use super::*;

    #[test]
    fn the_home_page_is_covered_and_nothing_else() {
        let disaster = RaiseDisaster {
            site: "town".into(),
            texts: vec![NoticeText {
                lang: "ja".into(),
                title: None,
                markdown: "地震".into(),
            }],
            until: None,
            posts: Vec::new(),
        };
        let look = LookSettings {
            name: "町".into(),
            is_drill: false,
            colour: "#000000".into(),
        };
        let raised = Raised::new(disaster, &look, Timestamp(5));
        for target in ["/", "/?utm_source=x", "/index.html", "/.yagura/disaster/1"] {
            assert!(
                matches!(raised.covers(target), Some(Covered::Page(_))),
                "{target}"
            );
        }
        assert_eq!(raised.covers("/?usual-home"), Some(Covered::UsualHome));
        for target in [
            "/a",
            "/en/",
            "/.yagura/disaster/0",
            "/.yagura/disaster/2",
            "*",
        ] {
            assert_eq!(raised.covers(target), None, "{target}");
        }
        assert!(!raised.is_old(Timestamp(5 + OLD_AFTER_MS - 1)));
        assert!(raised.is_old(Timestamp(5 + OLD_AFTER_MS)));
    }
}
