//! The patterns of a table, found by what addresses begin with.
//!
//! The beginnings of all patterns are sorted, and each knows the longest other one that it begins
//! with itself. The last one that is not after an address is found by halving; it, and those it
//! begins with, are all that the address can begin with.

use yagura_control::redirect::{Pattern, Redirect, Template};

use super::packed::ANY_HOST;

/// The patterns of a table.
#[derive(Debug, Default)]
pub struct Patterns {
    /// In the order of the table.
    all: Box<[Compiled]>,
    /// Sorted by their text.
    beginnings: Box<[Beginning]>,
}

/// A pattern with where it leads.
#[derive(Debug)]
pub struct Compiled {
    pattern: Pattern,
    template: Template,
    row: u32,
    host: u16,
}

#[derive(Debug)]
struct Beginning {
    text: Box<str>,
    /// Which other one it begins with.
    shorter: Option<usize>,
    /// Numbers of the patterns that begin so, ascending.
    patterns: Vec<usize>,
}

impl Patterns {
    /// Of these redirects, with the numbers of their rows and hosts. What is no pattern is left out;
    /// the table's reader has refused it before.
    pub fn new(redirects: Vec<(u32, u16, &Redirect)>) -> Self {
        let compiled = redirects.into_iter().filter_map(|(row, host, redirect)| {
            let pattern = Pattern::parse(&redirect.path).ok()?;
            Some(Compiled {
                template: Template::parse(&redirect.to, Some(&pattern)).ok()?,
                pattern,
                row,
                host,
            })
        });
        let all: Box<[Compiled]> = compiled.collect();
        let mut by_text: std::collections::BTreeMap<&str, Vec<usize>> = Default::default();
        for (number, compiled) in all.iter().enumerate() {
            by_text
                .entry(compiled.pattern.prefix())
                .or_default()
                .push(number);
        }
        let mut beginnings: Vec<Beginning> = Vec::with_capacity(by_text.len());
        for (text, patterns) in by_text {
            // The one before, or one of those that it begins with.
            let mut shorter = beginnings.len().checked_sub(1);
            while let Some(number) = shorter {
                let Some(other) = beginnings.get(number) else {
                    break;
                };
                if text.starts_with(&*other.text) {
                    break;
                }
                shorter = other.shorter;
            }
            beginnings.push(Beginning {
                text: text.into(),
                shorter,
                patterns,
            });
        }
        let beginnings = beginnings.into();
        Self { all, beginnings }
    }

    /// The row of the first pattern that matches, those of the request's host first, and whether it
    /// names a query; `live` says whether a row counts.
    pub fn find(
        &self,
        host: Option<u16>,
        path: &str,
        query: Option<&str>,
        live: impl Fn(u32) -> bool,
    ) -> Option<(u32, bool)> {
        let mut best: Option<(bool, usize)> = None;
        for number in self.candidates(path) {
            let Some(compiled) = self.all.get(number) else {
                continue;
            };
            if compiled.host != ANY_HOST && Some(compiled.host) != host {
                continue;
            }
            let rank = (compiled.host == ANY_HOST, number);
            if best.is_none_or(|best| rank < best)
                && compiled.pattern.captures(path, query).is_some()
                && live(compiled.row)
            {
                best = Some(rank);
            }
        }
        let compiled = self.all.get(best?.1)?;
        Some((compiled.row, compiled.pattern.names_query()))
    }

    /// Numbers of all patterns whose beginning fits.
    fn candidates(&self, path: &str) -> impl Iterator<Item = usize> {
        let last = self
            .beginnings
            .partition_point(|beginning| *beginning.text <= *path)
            .checked_sub(1);
        let next = |beginning: &&Beginning| self.beginnings.get(beginning.shorter?);
        let chain = std::iter::successors(last.and_then(|last| self.beginnings.get(last)), next);
        chain
            .filter(|beginning| path.starts_with(&*beginning.text))
            .flat_map(|beginning| beginning.patterns.iter().copied())
    }

    /// The pattern of a row.
    pub fn of_row(&self, row: u32) -> Option<&Compiled> {
        let place = self.all.binary_search_by_key(&row, |compiled| compiled.row);
        self.all.get(place.ok()?)
    }

    /// The rows of all patterns.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        self.all.iter().map(|compiled| compiled.row)
    }

    /// About what they take in memory, their pieces reckoned with the length of what they stand for.
    pub fn bytes(&self) -> usize {
        const PIECES: usize = 600;
        let beginnings = self.beginnings.iter().map(|beginning| {
            size_of_val(beginning) + beginning.text.len() + size_of_val(&*beginning.patterns)
        });
        self.all.len() * (size_of::<Compiled>() + PIECES) + beginnings.sum::<usize>()
    }

    #[cfg(test)]
    pub fn compared(&self, path: &str) -> usize {
        self.candidates(path).count()
    }
}

impl Compiled {
    /// Where an address leads that matches. `target` is what the site's rules leave of it.
    pub fn location(&self, target: &str) -> String {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let captured = self.pattern.captures(path, query).unwrap_or_default();
        self.template.filled(&captured)
    }
}
