//! One site's redirects, in memory: printed codes and legacy URLs, and patterns of them.
//!
//! Exact sources go before patterns. Among both, one for the request's host goes before one for
//! every host; among exact ones, one with the request's query before one with what is left of it by
//! the site's rules, and both before one without any; among patterns the first of the table. One
//! that has expired is passed over.
//!
//! Every request comes by here, so a look allocates nothing (but where percent-encoded bytes are in
//! lower case) and reads little: one slot of a hash
//! table a source, and of the patterns only those whose beginning fits (`redirects/patterns.rs`).
//! What is kept of each redirect is packed (`redirects/packed.rs`). Counting is done here too, one
//! addition a redirect answered; `crate::redirect_hits` makes it last.

mod packed;
mod patterns;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;
use yagura_control::redirect::escapes::spelled_once;
use yagura_control::redirect::{Pattern, Redirect, template};
use yagura_control::{Day, Timestamp};

use crate::cache::normalise::Rules;
use crate::redirect_hits::Tally;
use packed::{ANY_HOST, Packed};
use patterns::Patterns;

/// The table. Replaced whole; only its counts change in place.
#[derive(Debug, Default)]
pub struct Redirects {
    packed: Packed,
    /// Numbers of exact rows, by host and source.
    exact: HashTable<u32>,
    hashing: ahash::RandomState,
    patterns: Patterns,
    /// How often each row was answered since the counts were last taken.
    counts: Box<[AtomicU32]>,
    /// What is not yet taken of the counts goes there when the table is dropped.
    tally: Option<Arc<Tally>>,
}

/// A redirect that a request is answered with.
#[derive(Clone, Copy, Debug)]
pub struct Found<'t> {
    table: &'t Redirects,
    row: u32,
    left: Left,
}

/// What a request is looked up by.
struct Asked<'r> {
    /// The number of its host, where some row belongs to it.
    host: Option<u16>,
    path: &'r str,
    now: Timestamp,
}

/// What of the request is no part of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    /// The parameters that the site's rules drop.
    Noise,
    /// The query.
    Query,
}

/// What an import changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Sources that were not there.
    pub added: usize,
    /// Sources that now lead elsewhere.
    pub changed: usize,
    /// Sources that are dropped.
    pub removed: usize,
}

impl Redirects {
    /// A table of these; of two with the same source the last.
    #[must_use]
    pub fn new(redirects: Vec<Redirect>) -> Self {
        let mut places: HashMap<String, usize> = HashMap::with_capacity(redirects.len());
        let mut unique: Vec<Redirect> = Vec::with_capacity(redirects.len());
        for redirect in redirects {
            let place = *places.entry(redirect.source()).or_insert(unique.len());
            match unique.get_mut(place) {
                Some(present) => *present = redirect,
                None => unique.push(redirect),
            }
        }
        drop(places);
        let packed = Packed::new(&unique);
        let hashing = ahash::RandomState::new();
        let mut exact = HashTable::with_capacity(unique.len());
        let hash_of = |row: u32| hashing.hash_one((packed.host(row), packed.path(row)));
        let mut patterns = Vec::new();
        for (row, redirect) in (0..).zip(&unique) {
            if Pattern::is_meant(&redirect.path) {
                patterns.push((row, packed.host(row), redirect));
            } else {
                exact.insert_unique(hash_of(row), row, |row| hash_of(*row));
            }
        }
        let patterns = Patterns::new(patterns);
        Self {
            counts: unique.iter().map(|_| AtomicU32::new(0)).collect(),
            packed,
            exact,
            hashing,
            patterns,
            tally: None,
        }
    }

    /// The table with its counts going to this tally.
    #[must_use]
    pub fn counted_by(mut self, tally: Arc<Tally>) -> Self {
        self.tally = Some(tally);
        self
    }

    /// Where a request leads, if anywhere. `host` is lower case without port, `target` path and
    /// query as received; `rules` say what of it may be left out.
    #[must_use]
    pub fn find(
        &self,
        host: &str,
        target: &str,
        rules: &Rules,
        now: Timestamp,
    ) -> Option<Found<'_>> {
        if self.is_empty() {
            return None;
        }
        let target = &*spelled_once(target);
        let asked = Asked {
            host: self.packed.host_number(host),
            path: target.split('?').next().unwrap_or(target),
            now,
        };
        if rules.dropped(target).next().is_none() {
            return self.look(&asked, target, target);
        }
        thread_local! {
            static REDUCED: RefCell<String> = const { RefCell::new(String::new()) };
        }
        REDUCED.with_borrow_mut(|reduced| {
            reduced.clear();
            rules.write_target(target, reduced);
            self.look(&asked, target, reduced)
        })
    }

    /// Tries the sources in their order; `reduced` is what the rules leave of the target, and the
    /// target itself when that is all.
    fn look(&self, asked: &Asked<'_>, target: &str, reduced: &str) -> Option<Found<'_>> {
        let found = |row, left| Found {
            table: self,
            row,
            left,
        };
        let without_noise = match reduced.len() == target.len() {
            true => Left::Nothing,
            false => Left::Noise,
        };
        let without_query = match asked.path.len() == target.len() {
            true => Left::Nothing,
            false => Left::Query,
        };
        if let Some(row) = self.exact(asked, target) {
            return Some(found(row, Left::Nothing));
        }
        if without_noise == Left::Noise
            && let Some(row) = self.exact(asked, reduced)
        {
            return Some(found(row, Left::Noise));
        }
        if without_query == Left::Query
            && let Some(row) = self.exact(asked, asked.path)
        {
            return Some(found(row, Left::Query));
        }
        let live = |row| self.packed.is_live(row, asked.now);
        let query = reduced.split_once('?').map(|(_, query)| query);
        let (row, names_query) = self.patterns.find(asked.host, asked.path, query, live)?;
        let left = if names_query {
            without_noise
        } else {
            without_query
        };
        Some(found(row, left))
    }

    fn exact(&self, asked: &Asked<'_>, source: &str) -> Option<u32> {
        let at = |host: u16| {
            let row = self.row_at(host, source);
            row.filter(|row| self.packed.is_live(*row, asked.now))
        };
        asked.host.and_then(at).or_else(|| at(ANY_HOST))
    }

    fn row_at(&self, host: u16, path: &str) -> Option<u32> {
        let hash = self.hashing.hash_one((host, path));
        let same = |row: &u32| self.packed.host(*row) == host && self.packed.path(*row) == path;
        self.exact.find(hash, same).copied()
    }

    /// The number of the row with that source.
    #[must_use]
    pub fn row_of(&self, host: Option<&str>, path: &str) -> Option<u32> {
        let host = match host {
            None => ANY_HOST,
            Some(host) => self.packed.host_number(host)?,
        };
        let same = |row: &u32| self.packed.host(*row) == host && self.packed.path(*row) == path;
        let exact = self.row_at(host, path);
        exact.or_else(|| self.patterns.rows().find(same))
    }

    /// The table with `imported` taken over, and what that changes.
    #[must_use]
    pub fn with(&self, imported: Vec<Redirect>, replace: bool) -> (Self, Changes) {
        let mut changes = Changes::default();
        let mut kept = vec![!replace; self.len()];
        for redirect in &imported {
            match self.row_of(redirect.host.as_deref(), &redirect.path) {
                None => changes.added += 1,
                Some(row) => {
                    if self.redirect(row).as_ref() != Some(redirect) {
                        changes.changed += 1;
                    }
                    if let Some(kept) = kept.get_mut(row as usize) {
                        *kept = true;
                    }
                }
            }
        }
        changes.removed = kept.iter().filter(|kept| !**kept).count();
        let merged = if replace {
            imported
        } else {
            self.iter().chain(imported).collect()
        };
        (Self::new(merged), changes)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The redirect of a row.
    #[must_use]
    pub fn redirect(&self, row: u32) -> Option<Redirect> {
        self.packed.redirect(row)
    }

    /// All of them, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = Redirect> {
        (0..).map_while(|row| self.redirect(row))
    }

    /// The patterns, in the order of the table, with the numbers of their rows.
    pub fn pattern_rows(&self) -> impl Iterator<Item = (u32, Redirect)> {
        let rows = self.patterns.rows();
        rows.filter_map(|row| Some((row, self.redirect(row)?)))
    }

    /// Takes what was counted since the last time: sources with how often they were answered.
    #[must_use]
    pub fn take_counts(&self) -> Vec<(String, u64)> {
        let counted = (0..).zip(&*self.counts);
        counted
            .filter(|(_, count)| count.load(Ordering::Relaxed) > 0)
            .map(|(row, count)| {
                (
                    self.source(row),
                    u64::from(count.swap(0, Ordering::Relaxed)),
                )
            })
            .collect()
    }

    fn source(&self, row: u32) -> String {
        yagura_control::redirect::source(self.packed.host_name(row), self.packed.path(row))
    }

    /// What the table takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.packed.bytes()
            + self.exact.allocation_size()
            + size_of_val(&*self.counts)
            + self.patterns.bytes()
    }

    #[cfg(test)]
    pub(crate) fn patterns_compared(&self, path: &str) -> usize {
        self.patterns.compared(path)
    }
}

impl Drop for Redirects {
    fn drop(&mut self) {
        if let Some(tally) = &self.tally {
            tally.add(self.take_counts());
        }
    }
}

impl Found<'_> {
    /// Counts it as answered.
    pub fn count(&self) {
        if let Some(count) = self.table.counts.get(self.row as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Its number in the table.
    #[must_use]
    pub const fn row(&self) -> u32 {
        self.row
    }

    /// Its source's path and query, or pattern.
    #[must_use]
    pub fn path(&self) -> &str {
        self.table.packed.path(self.row)
    }

    /// 301, 302, 303, 307 or 308.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.table.packed.status(self.row)
    }

    /// The last day on which it redirects.
    #[must_use]
    pub fn until(&self) -> Option<Day> {
        self.table.packed.until(self.row)
    }

    /// What it is for: the printed matter and the note.
    #[must_use]
    pub fn purpose(&self) -> String {
        let redirect = self.table.redirect(self.row).unwrap_or_default();
        let words = [redirect.printed, redirect.note];
        let words: Vec<String> = words.into_iter().filter(|text| !text.is_empty()).collect();
        words.join("; ")
    }

    /// Where the request that it was found for leads.
    #[must_use]
    pub fn location(&self, target: &str, rules: &Rules) -> String {
        let packed = &self.table.packed;
        let filled = self.table.patterns.of_row(self.row).map(|compiled| {
            let target = spelled_once(target);
            compiled.location(&rules.target(&target))
        });
        let mut location = filled.unwrap_or_else(|| packed.to(self.row).to_owned());
        if packed.keeps_query(self.row) {
            let dropped: Vec<&str>;
            let left = match self.left {
                Left::Nothing => String::new(),
                Left::Noise => {
                    dropped = rules.dropped(target).collect();
                    dropped.join("&")
                }
                Left::Query => {
                    let query = target.split_once('?').map(|(_, query)| query);
                    query.unwrap_or_default().to_owned()
                }
            };
            add_query(&mut location, &left);
        }
        location
    }
}

fn add_query(location: &mut String, query: &str) {
    if query.is_empty() {
        return;
    }
    let fragment = location.find('#').map(|at| location.split_off(at));
    location.push(if location.contains('?') { '&' } else { '?' });
    template::push_encoded(query, location);
    location.extend(fragment);
}

#[cfg(test)]
mod tests;
