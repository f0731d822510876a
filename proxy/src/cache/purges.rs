//! What was purged, and when: one entry a target, compared with the time at which a stored response
//! was *requested* from the origin. A response that was on its way when its page was purged is
//! older than the purge and loses.
//!
//! A count of purges lets a hit skip the comparison: a response found valid stays so until the next
//! purge. Durability is the switchboard's, which journals the order and hands the table back at
//! the next start.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;
use yagura_control::order::{Purge, Target};

use super::key::site_and_target;
use super::stored::{Prepared, Stored};

/// When a target was last purged, in both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purged {
    /// Responses requested up to then are stale.
    pub refreshed_at: Timestamp,
    /// Responses requested up to then are never shown again.
    pub withdrawn_at: Timestamp,
}

/// What the purges say of a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No purge concerns it.
    Valid,
    /// Stale; may be shown when the origin is down.
    Refreshed,
    /// Never to be shown again.
    Withdrawn,
}

/// The table, as it is written to a snapshot.
pub type Table = HashMap<String, Purged>;

/// Every purge in force.
#[derive(Debug, Default)]
pub struct Purges {
    table: RwLock<Table>,
    count: AtomicU64,
}

impl Purges {
    /// Takes over a purge given at `at`.
    pub fn apply(&self, purge: &Purge, at: Timestamp) {
        let mut table = write(&self.table);
        for target in &purge.refresh {
            let entry = table.entry(name(&purge.site, target)).or_default();
            entry.refreshed_at = entry.refreshed_at.max(at);
        }
        for target in &purge.withdraw {
            let entry = table.entry(name(&purge.site, target)).or_default();
            entry.withdrawn_at = entry.withdrawn_at.max(at);
        }
        // Counted while the table is held: whoever sees the new count sees the new table.
        self.count.fetch_add(1, Ordering::Release);
    }

    /// How many purges there were since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Takes over a table from a snapshot.
    pub fn restore(&self, restored: Table) {
        write(&self.table).extend(restored);
        self.count.fetch_add(1, Ordering::Release);
    }

    /// The table for a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Table {
        read(&self.table).clone()
    }

    /// What is to become of a response.
    #[must_use]
    pub fn verdict(&self, stored: &Stored) -> Verdict {
        let table = read(&self.table);
        if table.is_empty() {
            return Verdict::Valid;
        }
        let (site, target) = site_and_target(&stored.key);
        let tags = stored
            .tags
            .iter()
            .map(|tag| format!("tag\n{site}\n{}", tag.as_str()));
        let names = tags.chain([format!("path\n{site}\n{target}"), format!("site\n{site}")]);
        let mut verdict = Verdict::Valid;
        for purged in names.filter_map(|name| table.get(&name)) {
            if stored.requested_at <= purged.withdrawn_at {
                return Verdict::Withdrawn;
            }
            if stored.requested_at <= purged.refreshed_at {
                verdict = Verdict::Refreshed;
            }
        }
        verdict
    }

    /// The same for a prepared response, remembering that it was found valid.
    pub fn verdict_of(&self, prepared: &Prepared) -> Verdict {
        let count = self.count.load(Ordering::Acquire);
        if prepared.valid_at.load(Ordering::Relaxed) == count {
            return Verdict::Valid;
        }
        let verdict = self.verdict(&prepared.stored);
        if verdict == Verdict::Valid {
            prepared.mark_valid(count);
        }
        verdict
    }

    /// Whether anything was ever withdrawn.
    #[must_use]
    pub fn has_withdrawals(&self) -> bool {
        read(&self.table)
            .values()
            .any(|purged| purged.withdrawn_at > Timestamp::ZERO)
    }

    /// Whether a target, or its whole site, was ever withdrawn. Then no copy is an answer by itself.
    #[must_use]
    pub fn is_withdrawn(&self, key: &str) -> bool {
        let (site, target) = site_and_target(key);
        let table = read(&self.table);
        let withdrawn = |name: String| {
            table
                .get(&name)
                .is_some_and(|purged| purged.withdrawn_at > Timestamp::ZERO)
        };
        withdrawn(format!("path\n{site}\n{target}"))
    }
}

fn name(site: &str, target: &Target) -> String {
    match target {
        Target::Tag(tag) => format!("tag\n{site}\n{}", tag.as_str()),
        Target::Path(path) => format!("path\n{site}\n{path}"),
        Target::Everything => format!("site\n{site}"),
    }
}

fn read(table: &RwLock<Table>) -> std::sync::RwLockReadGuard<'_, Table> {
    table
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write(table: &RwLock<Table>) -> std::sync::RwLockWriteGuard<'_, Table> {
    table
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::stored::tests::response;
    use super::*;
    use yagura_control::Tag;

    const KEY: &str = "town\n\n/a.html";

    fn at(requested: u64) -> Stored {
        response(KEY, "text", "page-1,home", Timestamp(requested))
    }

    fn purge(refresh: &[Target], withdraw: &[Target]) -> Purge {
        Purge {
            site: "town".into(),
            refresh: refresh.to_vec(),
            withdraw: withdraw.to_vec(),
        }
    }

    fn every_target() -> [Target; 3] {
        [
            Target::Tag(Tag::new("page-1").unwrap()),
            Target::Path("/a.html".into()),
            Target::Everything,
        ]
    }

    #[test]
    fn what_was_requested_up_to_the_purge_is_hit_and_what_came_later_is_not() {
        for target in every_target() {
            let purges = Purges::default();
            purges.apply(&purge(std::slice::from_ref(&target), &[]), Timestamp(50));
            assert_eq!(purges.verdict(&at(49)), Verdict::Refreshed);
            assert_eq!(purges.verdict(&at(50)), Verdict::Refreshed);
            assert_eq!(purges.verdict(&at(51)), Verdict::Valid);
            purges.apply(&purge(&[], &[target]), Timestamp(60));
            assert_eq!(purges.verdict(&at(60)), Verdict::Withdrawn);
            assert_eq!(purges.verdict(&at(61)), Verdict::Valid);
        }
    }

    #[test]
    fn other_sites_tags_and_paths_are_left_alone() {
        let purges = Purges::default();
        let mut other = purge(&every_target(), &every_target());
        other.site = "other".into();
        purges.apply(&other, Timestamp(50));
        let elsewhere = [
            Target::Tag(Tag::new("page-2").unwrap()),
            Target::Path("/b.html".into()),
        ];
        purges.apply(&purge(&elsewhere, &elsewhere), Timestamp(50));
        assert_eq!(purges.verdict(&at(10)), Verdict::Valid);
    }

    #[test]
    fn a_response_found_valid_is_looked_at_again_after_the_next_purge() {
        let purges = Purges::default();
        let prepared = at(10).prepare(false);
        assert_eq!(purges.verdict_of(&prepared), Verdict::Valid);
        assert_eq!(purges.verdict_of(&prepared), Verdict::Valid);
        purges.apply(&purge(&every_target(), &[]), Timestamp(20));
        assert_eq!(purges.verdict_of(&prepared), Verdict::Refreshed);
    }

    #[test]
    fn a_snapshot_says_the_same_as_the_purges_it_was_made_of() {
        let purges = Purges::default();
        purges.apply(&purge(&[], &every_target()), Timestamp(20));
        let restored = Purges::default();
        restored.restore(purges.snapshot());
        assert_eq!(restored.verdict(&at(20)), Verdict::Withdrawn);
        assert!(restored.is_withdrawn(KEY));
    }
}
