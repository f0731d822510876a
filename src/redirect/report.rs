//! `yagura redirect report`: which redirects are still used, which were never, which lead nowhere.

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde::Serialize;
use yagura_control::Day;
use yagura_control::order::RedirectCounted;

use super::arguments::ReportArguments;
use super::targets::{self, Answers, Place};
use super::{list, tables, words};
use crate::{edges, output};

/// The report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The site's name.
    pub(crate) site: String,
    /// The day it was made.
    pub(crate) today: Day,
    /// The first day of which there are counts.
    pub(crate) counted_since: Option<Day>,
    /// How many days were counted, when not all.
    pub(crate) days: Option<u32>,
    /// In the order of the table.
    pub(crate) redirects: Vec<Reported>,
}

/// One redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reported {
    #[serde(flatten)]
    pub(crate) counted: RedirectCounted,
    #[serde(rename = "use")]
    pub(crate) state: State,
    #[serde(flatten)]
    pub(crate) answers: Answers,
}

/// Whether readers use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It was answered in the days counted.
    Used,
    /// It was not.
    Unused,
    /// It redirects no longer.
    Expired,
}

pub(crate) fn run(arguments: &ReportArguments) -> anyhow::Result<ExitCode> {
    let gathered = tables::gather(&arguments.table, None, arguments.days)?;
    let shown = &gathered.shown;
    let places: BTreeSet<Place> = shown.redirects.iter().filter_map(place).collect();
    let known = match edges::peers(&arguments.table.edges)?.first() {
        Some(edge) if !arguments.no_check => {
            let (site, external) = (&arguments.table.site, arguments.check_external);
            targets::check(edge, site, places.into_iter().collect(), external)?
        }
        _ => Default::default(),
    };
    let answers = |counted: &RedirectCounted| {
        let unknown = |why: &str| Answers::Unknown {
            why: why.to_owned(),
        };
        match place(counted) {
            None if counted.expired => unknown("expired"),
            None => unknown("depends on the address"),
            Some(place) => known
                .get(&place)
                .cloned()
                .unwrap_or_else(|| unknown("not asked")),
        }
    };
    let redirects = shown.redirects.iter().map(|counted| Reported {
        state: state(counted),
        answers: answers(counted),
        counted: counted.clone(),
    });
    let report = Report {
        site: arguments.table.site.clone(),
        today: shown.today,
        counted_since: shown.counted_since,
        days: arguments.days,
        redirects: redirects.collect(),
    };
    if arguments.table.edges.json {
        output::json(&report)?;
    } else if arguments.csv {
        print!("{}", words::csv(&report));
    } else {
        print!("{}", words::report(&report));
    }
    Ok(list::code(&gathered))
}

/// Where it leads; nowhere to be asked for when that depends on the address, or it has expired.
fn place(counted: &RedirectCounted) -> Option<Place> {
    let redirect = &counted.redirect;
    let fixed = !counted.expired && !redirect.to.contains('{');
    fixed.then(|| (redirect.host.clone(), redirect.to.clone()))
}

fn state(counted: &RedirectCounted) -> State {
    match counted.hits {
        _ if counted.expired => State::Expired,
        0 => State::Unused,
        _ => State::Used,
    }
}
