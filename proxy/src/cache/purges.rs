//! What was purged, and when: one entry a target, compared with the time at which a stored response
//! was *requested* from the origin. A response that was on its way when its page was purged is
//! older than the purge and loses.
//!
//! A count of purges lets a hit skip the comparison: a response found valid stays so until the next
//! purge. Durability is the switchboard's, which journals the order and hands the table back at
//! the next start.
//!
//! A prefix is compared with a response's target in one look at the table for every length that a
//! prefix of its site has, so that a thousand prefixes cost no more than their different lengths.

use std::collections::{BTreeSet, HashMap};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use yagura_control::order::{Purge, Target};
use yagura_control::{Tag, TagSet, Timestamp};

use super::key::site_and_target;
use super::prepared::Prepared;
use super::stored::Stored;

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
    held: RwLock<Held>,
    count: AtomicU64,
}

/// The table, with what is worked out of it.
#[derive(Debug, Default)]
struct Held {
    table: Table,
    /// Lengths in bytes of the prefixes in the table, by site.
    prefix_lengths: HashMap<String, BTreeSet<usize>>,
    prefixes: usize,
}

impl Held {
    fn entry(&mut self, name: String) -> &mut Purged {
        if let Some((site, prefix)) = prefix_of(&name)
            && !self.table.contains_key(&name)
        {
            let lengths = self.prefix_lengths.entry(site.to_owned()).or_default();
            lengths.insert(prefix.len());
            self.prefixes += 1;
        }
        self.table.entry(name).or_default()
    }

    /// Beginnings of a target that may be prefixes in the table.
    fn beginnings<'k>(
        &'k self,
        site: &str,
        target: &'k str,
    ) -> impl Iterator<Item = &'k str> + use<'k> {
        let lengths = self.prefix_lengths.get(site).into_iter().flatten();
        lengths
            .take_while(|length| **length <= target.len())
            // No prefix ends within a letter.
            .filter_map(|length| target.get(..*length))
    }
}

impl Purges {
    /// Takes over a purge given at `at`.
    pub fn apply(&self, purge: &Purge, at: Timestamp) {
        let mut held = write(&self.held);
        for target in &purge.refresh {
            let entry = held.entry(name(&purge.site, target));
            entry.refreshed_at = entry.refreshed_at.max(at);
        }
        for target in &purge.withdraw {
            let entry = held.entry(name(&purge.site, target));
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
        let mut held = write(&self.held);
        for (name, purged) in restored {
            *held.entry(name) = purged;
        }
        self.count.fetch_add(1, Ordering::Release);
    }

    /// The table for a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Table {
        read(&self.held).table.clone()
    }

    /// What is to become of a response.
    #[must_use]
    pub fn verdict(&self, stored: &Stored) -> Verdict {
        let held = read(&self.held);
        if held.table.is_empty() {
            return Verdict::Valid;
        }
        let (site, target) = site_and_target(&stored.key);
        let tags = stored.tags.iter();
        let names = tags
            .map(|tag| tag_name(site, tag))
            .chain([path_name(site, target), site_name(site)])
            .chain(
                held.beginnings(site, target)
                    .map(|prefix| prefix_name(site, prefix)),
            );
        let mut verdict = Verdict::Valid;
        for purged in names.filter_map(|name| held.table.get(&name)) {
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

    /// Every purge that addresses a target, or the tags of what is stored for it, whether or not
    /// it came before the response was requested.
    #[must_use]
    pub fn concerning(&self, key: &str, tags: &TagSet) -> Vec<(Target, Purged)> {
        let (site, target) = site_and_target(key);
        let held = read(&self.held);
        let prefixes = held.beginnings(site, target);
        let prefixes = prefixes.map(|prefix| Target::Prefix(prefix.to_owned()));
        [Target::Everything, Target::Path(target.to_owned())]
            .into_iter()
            .chain(prefixes)
            .chain(tags.iter().cloned().map(Target::Tag))
            .filter_map(|target| {
                let purged = held.table.get(&name(site, &target)).copied()?;
                Some((target, purged))
            })
            .collect()
    }

    /// How many prefixes the table would hold with this purge.
    #[must_use]
    pub fn prefixes_with(&self, purge: &Purge) -> usize {
        let held = read(&self.held);
        let named: BTreeSet<String> = purge
            .refresh
            .iter()
            .chain(&purge.withdraw)
            .filter(|target| matches!(target, Target::Prefix(_)))
            .map(|target| name(&purge.site, target))
            .collect();
        let new = named.iter().filter(|name| !held.table.contains_key(*name));
        held.prefixes + new.count()
    }

    /// Whether anything was ever withdrawn.
    #[must_use]
    pub fn has_withdrawals(&self) -> bool {
        read(&self.held)
            .table
            .values()
            .any(|purged| purged.withdrawn_at > Timestamp::ZERO)
    }

    /// Whether a target, by itself or by a prefix, was ever withdrawn. Then no copy is an answer by
    /// itself.
    #[must_use]
    pub fn is_withdrawn(&self, key: &str) -> bool {
        let (site, target) = site_and_target(key);
        let held = read(&self.held);
        let withdrawn = |name: String| {
            held.table
                .get(&name)
                .is_some_and(|purged| purged.withdrawn_at > Timestamp::ZERO)
        };
        withdrawn(path_name(site, target))
            || held
                .beginnings(site, target)
                .any(|prefix| withdrawn(prefix_name(site, prefix)))
    }
}

fn name(site: &str, target: &Target) -> String {
    match target {
        Target::Tag(tag) => tag_name(site, tag),
        Target::Path(path) => path_name(site, path),
        Target::Prefix(prefix) => prefix_name(site, prefix),
        Target::Everything => site_name(site),
    }
}

fn tag_name(site: &str, tag: &Tag) -> String {
    format!("tag\n{site}\n{}", tag.as_str())
}

fn path_name(site: &str, path: &str) -> String {
    format!("path\n{site}\n{path}")
}

fn prefix_name(site: &str, prefix: &str) -> String {
    format!("prefix\n{site}\n{prefix}")
}

fn site_name(site: &str) -> String {
    format!("site\n{site}")
}

/// Site and prefix of an entry that stands for one.
fn prefix_of(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("prefix\n")?.split_once('\n')
}

fn read(held: &RwLock<Held>) -> std::sync::RwLockReadGuard<'_, Held> {
    held.read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn write(held: &RwLock<Held>) -> std::sync::RwLockWriteGuard<'_, Held> {
    held.write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::stored::tests::response;
    use super::*;

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

    fn every_target() -> [Target; 6] {
        [
            Target::Tag(Tag::new("page-1").unwrap()),
            Target::Path("/a.html".into()),
            Target::Prefix("/".into()),
            Target::Prefix("/a".into()),
            Target::Prefix("/a.html".into()),
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
            Target::Path("/a".into()),
            Target::Prefix("/a/".into()),
            Target::Prefix("/a.html?".into()),
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

    #[test]
    fn a_prefix_reaches_what_begins_with_it_and_nothing_else() {
        let purges = Purges::default();
        let prefixes = ["/kurashi/", "/q", "/search?q="];
        let targets = prefixes.map(|prefix| Target::Prefix(prefix.into()));
        purges.apply(&purge(&targets, &[]), Timestamp(50));
        let verdict = |target: &str| {
            let key = format!("town\n\n{target}");
            purges.verdict(&response(&key, "text", "", Timestamp(40)))
        };
        for target in [
            "/kurashi/",
            "/kurashi/gomi.html",
            "/kurashi/?page=2",
            "/q",
            "/q/abc",
            "/quiz",
            "/search?q=gomi",
        ] {
            assert_eq!(verdict(target), Verdict::Refreshed, "{target}");
        }
        for target in ["/", "/kurashi", "/\u{3042}", "/en/q", "/search?p=1"] {
            assert_eq!(verdict(target), Verdict::Valid, "{target}");
        }
    }

    #[test]
    fn a_withdrawn_prefix_says_so_of_what_is_not_stored() {
        let purges = Purges::default();
        let folder = [Target::Prefix("/kurashi/".into())];
        purges.apply(&purge(&folder, &[]), Timestamp(5));
        assert!(!purges.is_withdrawn("town\n\n/kurashi/gomi.html"));
        purges.apply(&purge(&[], &folder), Timestamp(6));
        assert!(purges.is_withdrawn("town\n\n/kurashi/gomi.html"));
        assert!(!purges.is_withdrawn("town\n\n/kurashi"));
        assert!(!purges.is_withdrawn("other\n\n/kurashi/gomi.html"));
    }

    #[test]
    fn prefixes_are_counted_once() {
        let purges = Purges::default();
        let prefix = |text: &str| Target::Prefix(text.into());
        let first = purge(&[prefix("/a"), prefix("/b")], &[prefix("/a")]);
        assert_eq!(purges.prefixes_with(&first), 2);
        purges.apply(&first, Timestamp(1));
        assert_eq!(purges.prefixes_with(&first), 2);
        assert_eq!(purges.prefixes_with(&purge(&[prefix("/c")], &[])), 3);
        let restored = Purges::default();
        restored.restore(purges.snapshot());
        assert_eq!(restored.prefixes_with(&Purge::default()), 2);
    }

    #[test]
    fn what_concerns_a_response_is_told() {
        let purges = Purges::default();
        purges.apply(&purge(&every_target(), &[]), Timestamp(5));
        let none = TagSet::default();
        let told = |key: &str, tags: &TagSet| purges.concerning(key, tags).len();
        assert_eq!(told(KEY, &at(10).tags), every_target().len());
        assert_eq!(told(KEY, &none), every_target().len() - 1);
        assert_eq!(told("town\n\n/b", &none), 2, "the site and one prefix");
    }

    #[test]
    fn a_snapshot_of_the_version_before_prefixes_is_read() {
        let old = r#"{"path\ntown\n/a.html":{"refreshed_at":0,"withdrawn_at":20}}"#;
        let restored = Purges::default();
        restored.restore(serde_json::from_str(old).unwrap());
        assert_eq!(restored.verdict(&at(20)), Verdict::Withdrawn);
    }
}
