//! Asks the edges for a site's table and counts, page by page, and puts them together: the table is
//! that of the first edge that answers, the counts are summed over all.

use std::collections::HashMap;

use anyhow::bail;
use yagura_control::Day;
use yagura_control::client::Client;
use yagura_control::order::{
    Order, Outcome, RedirectCounted, RedirectsShown, Reply, ShowRedirects,
};

use super::arguments::TableArguments;
use crate::edges;

/// Redirects asked for at a time: a reply stays well below what a client takes.
const PAGE: usize = 20_000;

/// What the edges have.
pub(crate) struct Gathered {
    /// The first edge's table, with the counts of all.
    pub(crate) shown: RedirectsShown,
    /// Why edges are not in it.
    pub(crate) missing: Vec<String>,
    /// Edges whose table is another one.
    pub(crate) differing: Vec<String>,
}

/// Asks for one redirect, or for all.
pub(crate) fn gather(
    arguments: &TableArguments,
    source: Option<&str>,
    days: Option<u32>,
) -> anyhow::Result<Gathered> {
    let mut gathered: Option<Gathered> = None;
    let mut missing = Vec::new();
    for edge in edges::peers(&arguments.edges)? {
        let asked = ShowRedirects {
            site: arguments.site.clone(),
            source: source.map(str::to_owned),
            skip: 0,
            limit: Some(PAGE),
            days,
        };
        match whole(&edge, asked) {
            Err(error) => missing.push(error.to_string()),
            Ok((edge, shown)) => match &mut gathered {
                None => {
                    gathered = Some(Gathered {
                        shown,
                        missing: Vec::new(),
                        differing: Vec::new(),
                    });
                }
                Some(gathered) => {
                    if !add(&mut gathered.shown, shown) {
                        gathered.differing.push(edge);
                    }
                }
            },
        }
    }
    match gathered {
        Some(gathered) => Ok(Gathered {
            missing,
            ..gathered
        }),
        None => bail!("{}", missing.join("\n")),
    }
}

/// All pages of one edge. A table that changes between two pages is asked for anew.
fn whole(edge: &Client, mut asked: ShowRedirects) -> anyhow::Result<(String, RedirectsShown)> {
    const TRIES: usize = 5;
    'tries: for _ in 0..TRIES {
        asked.skip = 0;
        let (first, mut shown) = page(edge, &asked)?;
        while asked.source.is_none() && shown.redirects.len() < shown.total {
            asked.skip = shown.redirects.len();
            let (reply, next) = page(edge, &asked)?;
            if reply.generation != first.generation || next.redirects.is_empty() {
                continue 'tries;
            }
            shown.redirects.extend(next.redirects);
        }
        return Ok((first.edge, shown));
    }
    bail!("the table of {} changes all the time", edge.place())
}

fn page(edge: &Client, asked: &ShowRedirects) -> anyhow::Result<(Reply, RedirectsShown)> {
    let mut reply = edges::ask_one(edge, Order::ShowRedirects(asked.clone()))?;
    match std::mem::replace(
        &mut reply.outcome,
        Outcome::TargetsChecked { states: Vec::new() },
    ) {
        Outcome::RedirectsShown(shown) => Ok((reply, *shown)),
        _ => bail!("{} answered something else", edge.place()),
    }
}

/// Adds another edge's counts; whether its table is the same.
fn add(shown: &mut RedirectsShown, other: RedirectsShown) -> bool {
    let same = {
        let own = shown.redirects.iter().map(|one| &one.redirect);
        own.eq(other.redirects.iter().map(|one| &one.redirect))
    };
    let mut counts: HashMap<String, RedirectCounted> = other
        .redirects
        .into_iter()
        .map(|one| (one.redirect.source(), one))
        .collect();
    for one in &mut shown.redirects {
        let Some(other) = counts.remove(&one.redirect.source()) else {
            continue;
        };
        one.hits += other.hits;
        one.last_used = one.last_used.max(other.last_used);
        let mut days: std::collections::BTreeMap<Day, u64> = one.by_day.drain(..).collect();
        for (day, count) in other.by_day {
            *days.entry(day).or_default() += count;
        }
        one.by_day = days.into_iter().collect();
    }
    let since = [shown.counted_since, other.counted_since];
    shown.counted_since = since.into_iter().flatten().min();
    same
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_control::redirect::Redirect;

    fn shown(hits: u64, day: &str, to: &str) -> RedirectsShown {
        let day: Day = day.parse().unwrap();
        RedirectsShown {
            total: 1,
            today: day,
            counted_since: Some(day),
            redirects: vec![RedirectCounted {
                redirect: Redirect::new("/a", to),
                expired: false,
                hits,
                last_used: Some(day),
                by_day: vec![(day, hits)],
            }],
        }
    }

    #[test]
    fn counts_of_all_edges_are_summed() {
        let mut one = shown(2, "2026-11-23", "/b");
        assert!(add(&mut one, shown(3, "2026-11-22", "/b")));
        assert!(!add(&mut one, shown(4, "2026-11-23", "/c")));
        let counted = &one.redirects[0];
        assert_eq!(counted.hits, 9);
        assert_eq!(counted.last_used.unwrap().to_string(), "2026-11-23");
        let days: Vec<u64> = counted.by_day.iter().map(|day| day.1).collect();
        assert_eq!(days, [3, 6]);
        assert_eq!(one.counted_since.unwrap().to_string(), "2026-11-22");
    }
}
