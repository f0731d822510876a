//! What is told of a site's bypass beside its stage: what needs somebody, what failed last, what a
//! person is asked to change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use yagura_control::order::Missing;

/// Of every site.
#[derive(Debug, Default)]
pub struct Bypasses(Mutex<HashMap<String, Told>>);

/// Of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How the stage stands, where it needs somebody.
    pub trouble: Option<Missing>,
    /// Why it cannot be looked at or changed, as of the last attempt.
    pub failure: Option<Missing>,
    /// What was missing when it was looked last.
    pub missing: Vec<Missing>,
    /// The change request that stands.
    pub request: Option<String>,
    /// That the last rehearsal was long ago.
    pub reminder: Option<Missing>,
    /// What the DNS servers said last, a line each.
    pub evidence: Vec<String>,
}

impl Bypasses {
    /// What is told of a site.
    #[must_use]
    pub fn of(&self, site: &str) -> Told {
        self.all().get(site).cloned().unwrap_or_default()
    }

    /// What needs somebody, in one list.
    #[must_use]
    pub fn missing(&self, site: &str) -> Vec<Missing> {
        let told = self.of(site);
        let own = [told.trouble, told.failure].into_iter().flatten();
        own.chain(told.missing).collect()
    }

    /// The same for every site, in words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let all = self.all();
        let mut warnings: Vec<String> = all
            .iter()
            .flat_map(|(site, told)| {
                let needs = [&told.trouble, &told.failure, &told.reminder];
                let needs = needs.into_iter().flatten();
                needs.map(move |it| format!("{site}: {}: {}", it.what, it.hint))
            })
            .collect();
        warnings.sort();
        warnings
    }

    /// Tells something else of a site from now on.
    pub fn tell(&self, site: &str, change: impl FnOnce(&mut Told)) {
        change(self.all().entry(site.to_owned()).or_default());
    }

    /// Forgets sites that are gone.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.all().retain(|site, _| is_there(site));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
