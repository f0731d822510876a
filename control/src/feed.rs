//! The change feed: every public URL of the CMS with its version and tags, in order of change.
//!
//! An edge's warmer asks for what changed after a sequence number, fetches it from the origin and
//! keeps it as a last-good copy. A URL appears once, at its newest sequence number; a URL that no
//! longer exists appears as [`Change::Withdrawn`]. The feed is served on a Unix socket (or, remote,
//! with mTLS) and never through the public listeners.

use serde::{Deserialize, Serialize};

use crate::TagSet;

/// The most entries in one answer.
pub const MAX_LIMIT: u32 = 1000;

/// The longest time an answer may be held back waiting for a change, in milliseconds.
pub const MAX_WAIT_MS: u64 = 30_000;

/// `GET /feed?since=N&limit=L&wait_ms=W`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct FeedQuery {
    /// Entries with a higher sequence number are wanted; 0 is everything.
    pub since: u64,
    /// At most so many, up to [`MAX_LIMIT`].
    pub limit: u32,
    /// When nothing is newer: how long to wait for something, up to [`MAX_WAIT_MS`].
    #[serde(default)]
    pub wait_ms: u64,
}

/// One answer of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPage {
    /// Identifies the CMS's database. An edge that sees another epoch than before starts from 0:
    /// the CMS was restored or replaced and its sequence numbers mean something else now.
    pub epoch: String,
    /// In ascending order of [`FeedEntry::seq`].
    pub entries: Vec<FeedEntry>,
    /// The highest sequence number the CMS has given; equals the last entry's when this page
    /// reaches the end.
    pub head: u64,
}

/// One public URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedEntry {
    /// Position in the order of changes, from 1.
    pub seq: u64,
    /// Path and query as a reader requests them, percent-encoded: `/kurashi/gomi/12.html`.
    pub path: String,
    /// What is at that URL.
    #[serde(flatten)]
    pub change: Change,
}

/// What a URL holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A representation to fetch.
    Present {
        /// Changes whenever the representation changes.
        version: String,
        /// The tags the response will carry.
        tags: TagSet,
    },
    /// Taken down: never to be shown again, in no mode.
    Withdrawn,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tag;

    #[test]
    fn reads_as_the_protocol_says() {
        let entry = FeedEntry {
            seq: 7,
            path: "/a".into(),
            change: Change::Present {
                version: "r3".into(),
                tags: TagSet::from_iter([Tag::new("page-1").unwrap()]),
            },
        };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(
            json,
            r#"{"seq":7,"path":"/a","change":"present","version":"r3","tags":["page-1"]}"#
        );
        assert_eq!(serde_json::from_str::<FeedEntry>(&json).unwrap(), entry);
    }
}
