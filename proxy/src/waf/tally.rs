//! How often each thing was found and done. An inspection takes a thousand times as long as a lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Found, Mode, Ruling};

/// What is counted: the site, its mode, what was found, what was done.
pub type Key = (String, &'static str, &'static str, &'static str);

/// The counts.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<Key, u64>>);

impl Tally {
    /// Counts one.
    pub fn add(&self, site: &str, mode: Mode, found: Found, ruling: Ruling) {
        let key = (site.to_owned(), mode.name(), found.name(), word(ruling));
        *self.lock().entry(key).or_default() += 1;
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<(Key, u64)> {
        let counts = self.lock();
        counts
            .iter()
            .map(|(key, count)| (key.clone(), *count))
            .collect()
    }

    /// How often that was done.
    #[must_use]
    pub fn done(&self, word: &str) -> u64 {
        let counts = self.lock();
        let done = counts.iter().filter(|((.., done), _)| *done == word);
        done.map(|(_, count)| *count).sum()
    }

    /// How many in shadow would have been refused.
    #[must_use]
    pub fn shadow_findings(&self) -> u64 {
        let harmless = [
            Found::Clean.name(),
            Found::Busy.name(),
            Found::NoWorker.name(),
        ];
        let counts = self.lock();
        let found = counts.iter().filter(|((_, mode, found, _), _)| {
            *mode == Mode::Shadow.name() && !harmless.contains(found)
        });
        found.map(|(_, count)| *count).sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was done, in a word.
#[must_use]
pub const fn word(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Pass => "pass",
        Ruling::Refuse => "refuse",
        Ruling::Later => "later",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_for_itself() {
        let tally = Tally::default();
        tally.add("town", Mode::On, Found::Attack, Ruling::Refuse);
        tally.add("town", Mode::On, Found::Attack, Ruling::Refuse);
        tally.add("town", Mode::Shadow, Found::OverDeadline, Ruling::Pass);
        tally.add("town", Mode::Shadow, Found::Clean, Ruling::Pass);
        assert_eq!(
            (
                tally.done("refuse"),
                tally.done("later"),
                tally.shadow_findings()
            ),
            (2, 0, 1)
        );
        assert_eq!(tally.all().len(), 3);
    }
}
