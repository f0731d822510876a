//! One site's redirects, in memory: printed codes and legacy URLs, matched exactly.
//!
//! A redirect for the request's host goes before one for every host, and one with the request's
//! query before one with what is left of it by the site's rules, and both before one without any.

use std::borrow::Cow;
use std::collections::HashMap;

use yagura_config::settings::{PathRules, Slashes};
use yagura_control::redirect::Redirect;

use crate::cache::normalise::Rules;
use crate::limits::path;

/// The table. Replaced whole, never changed in place.
#[derive(Clone, Debug, Default)]
pub struct Redirects {
    by_source: HashMap<(Option<String>, String), Redirect>,
}

/// A source as requests for it are spelled when they come here (`limits/path.rs`).
fn spelled(path: &str) -> String {
    let rules = PathRules {
        slashes: Slashes::Keep,
        refuse_encoded_slash: false,
        refuse_backslash: false,
        refuse_control: false,
    };
    path::normalised(path, rules).map_or_else(|_| path.to_owned(), Cow::into_owned)
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
    /// A table of these.
    #[must_use]
    pub fn new(redirects: Vec<Redirect>) -> Self {
        let source = |redirect: &Redirect| (redirect.host.clone(), spelled(&redirect.path));
        Self {
            by_source: redirects
                .into_iter()
                .map(|redirect| (source(&redirect), redirect))
                .collect(),
        }
    }

    /// Where a request leads, if anywhere. `host` is lower case without port, `target` path and
    /// query as received; `rules` say what of it may be left out.
    #[must_use]
    pub fn find(&self, host: &str, target: &str, rules: &Rules) -> Option<&Redirect> {
        if self.by_source.is_empty() {
            return None;
        }
        let path = target
            .split('?')
            .next()
            .filter(|path| path.len() < target.len());
        let reduced = match rules.target(target) {
            Cow::Owned(reduced) => Some(reduced),
            Cow::Borrowed(_) => None,
        };
        [Some(target), reduced.as_deref(), path]
            .into_iter()
            .flatten()
            .find_map(|source| {
                let own = || {
                    self.by_source
                        .get(&(Some(host.to_owned()), source.to_owned()))
                };
                own().or_else(|| self.by_source.get(&(None, source.to_owned())))
            })
    }

    /// The table with `imported` taken over, and what that changes.
    #[must_use]
    pub fn with(&self, imported: Vec<Redirect>, replace: bool) -> (Self, Changes) {
        let imported = Self::new(imported);
        let mut changes = Changes::default();
        for (source, redirect) in &imported.by_source {
            match self.by_source.get(source) {
                None => changes.added += 1,
                Some(present) if present != redirect => changes.changed += 1,
                Some(_) => {}
            }
        }
        let mut merged = if replace {
            changes.removed = self
                .by_source
                .keys()
                .filter(|source| !imported.by_source.contains_key(*source))
                .count();
            Self::default()
        } else {
            self.clone()
        };
        merged.by_source.extend(imported.by_source);
        (merged, changes)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_source.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_source.is_empty()
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Redirect> {
        self.by_source.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(host: Option<&str>, path: &str, to: &str) -> Redirect {
        let host = host.map(str::to_owned);
        Redirect {
            host,
            path: path.into(),
            to: to.into(),
            status: 301,
            note: String::new(),
        }
    }

    #[test]
    fn the_most_particular_redirect_is_taken() {
        let table = Redirects::new(vec![
            redirect(None, "/a?id=1", "/with-query"),
            redirect(None, "/a", "/without-query"),
            redirect(Some("b.example"), "/a", "/of-host"),
        ]);
        let rules = Rules::default();
        let to = |host: &str, target: &str| {
            table
                .find(host, target, &rules)
                .map(|redirect| redirect.to.as_str())
        };
        assert_eq!(to("x.example", "/a?id=1"), Some("/with-query"));
        assert_eq!(to("x.example", "/a?id=2"), Some("/without-query"));
        assert_eq!(to("b.example", "/a?id=2"), Some("/of-host"));
        assert_eq!(to("b.example", "/a"), Some("/of-host"));
        assert_eq!(to("b.example", "/a/"), None);
    }

    #[test]
    fn an_import_tells_what_it_changes() {
        let table = Redirects::new(vec![redirect(None, "/a", "/1"), redirect(None, "/b", "/2")]);
        let new = vec![
            redirect(None, "/a", "/1"),
            redirect(None, "/b", "/3"),
            redirect(None, "/c", "/4"),
        ];
        let (merged, changes) = table.with(new.clone(), false);
        assert_eq!(
            (merged.len(), changes),
            (
                3,
                Changes {
                    added: 1,
                    changed: 1,
                    removed: 0
                }
            )
        );
        let (replaced, changes) = merged.with(vec![redirect(None, "/a", "/1")], true);
        assert_eq!(
            (replaced.len(), changes),
            (
                1,
                Changes {
                    added: 0,
                    changed: 0,
                    removed: 2
                }
            )
        );
    }
}
