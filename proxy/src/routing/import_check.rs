//! What an import of redirects is looked through for, on the table that would come of it. Pure.
//!
//! Refused: redirects in a circle or without an end, and targets off the site that nobody allowed.
//! Told and taken: redirects to an address that is redirected itself (a chain), redirects that no
//! request comes to, those that have expired, those for a host that the site does not answer for,
//! allowed targets off the site.
//!
//! Where a redirect leads is found by following it through the table itself, as requests are, from
//! its source; of a pattern from an example of its addresses. A circle that is found is one; a
//! pattern may still have one for other addresses than the example.

use yagura_config::settings::{HostPattern, TargetHost};
use yagura_control::Timestamp;
use yagura_control::page_url::PageUrl;
use yagura_control::redirect::{Fault, Pattern, Redirect, Row, Template};

use super::redirects::Redirects;
use crate::cache::normalise::Rules;

/// Longer ways count as without an end; browsers give up at twenty.
const MOST_STEPS: usize = 20;
/// Longer locations count as without an end too: a target that takes what was captured twice grows
/// to a million times its length in twenty steps. No browser sends a longer one.
const LONGEST_LOCATION: usize = 8 << 10;
/// So much of a location is told.
const TOLD: usize = 200;
/// Hosts of a site from which a redirect for every host is followed.
const MOST_HOSTS: usize = 8;

/// What a table is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The site's hosts.
    pub hosts: &'a [HostPattern],
    /// Other hosts that may be led to.
    pub allowed: &'a [TargetHost],
    /// Any other host may be led to.
    pub allow_external: bool,
    /// What of a query makes no difference.
    pub rules: &'a Rules,
    /// The time.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What refuses the import.
    pub faults: Vec<Fault>,
    /// What is told.
    pub warnings: Vec<Fault>,
    /// Chains that can be made one step: places of rows with where they end.
    pub ends: Vec<(usize, String)>,
}

/// Where a way ends.
#[derive(Debug)]
struct Way {
    /// Every location on the way, the end last.
    locations: Vec<String>,
    /// What stands before the path of the last location that names a host.
    base: Option<String>,
    /// It comes back to where it was, or does not end.
    endless: bool,
    /// A step of it ends by itself one day.
    expiring: bool,
}

impl Way {
    /// Every location, told.
    fn steps(&self) -> String {
        let locations = self.locations.iter();
        let told = locations.map(|location| match location.get(..TOLD) {
            Some(beginning) if location.len() > TOLD => format!("{beginning}…"),
            _ => location.clone(),
        });
        told.collect::<Vec<_>>().join(" -> ")
    }

    /// The end, with its host where the way came by one.
    fn end(&self) -> Option<String> {
        let last = self.locations.last()?;
        match &self.base {
            Some(base) if last.starts_with('/') => Some(format!("{base}{last}")),
            _ => Some(last.clone()),
        }
    }
}

/// Looks through imported rows, which stand in the table.
#[must_use]
pub fn check(table: &Redirects, rows: &[Row], surroundings: &Surroundings<'_>) -> Findings {
    let hosts = surroundings.exact_hosts();
    let shadows = shadowed_patterns(table);
    let mut findings = Findings::default();
    for (place, row) in rows.iter().enumerate() {
        let mut checked = Checked {
            table,
            row,
            surroundings,
            hosts: &hosts,
            findings: &mut findings,
        };
        checked.target_host();
        if checked.is_dead() {
            continue;
        }
        if let Some(end) = checked.way() {
            findings.ends.push((place, end));
        }
        let number = table.row_of(row.redirect.host.as_deref(), &row.redirect.path);
        let by = number.and_then(|number| shadows.iter().find(|shadow| shadow.0 == number));
        if let Some((_, by)) = by {
            let message = format!(
                "no request comes to \"{}\": \"{by}\" stands before it and takes all of them",
                row.redirect.source()
            );
            findings.warnings.push(Fault {
                line: row.line,
                message,
            });
        }
    }
    findings
}

struct Checked<'a> {
    table: &'a Redirects,
    row: &'a Row,
    surroundings: &'a Surroundings<'a>,
    hosts: &'a [String],
    findings: &'a mut Findings,
}

impl Checked<'_> {
    fn target_host(&mut self) {
        let Ok(PageUrl {
            host: Some(host), ..
        }) = PageUrl::parse(&self.row.redirect.to)
        else {
            return;
        };
        let listed = || self.surroundings.allowed.iter().any(|one| one.is(&host));
        if self.surroundings.is_own(&host) || listed() {
            return;
        }
        if self.surroundings.allow_external {
            self.warn(format!("leads off the site, to {host}"));
        } else {
            self.fault(format!(
                "leads off the site, to {host}; list it in redirect_targets of the site, or import with --allow-external"
            ));
        }
    }

    /// Whether it answers nothing, by its date or its host.
    fn is_dead(&mut self) -> bool {
        let redirect = &self.row.redirect;
        if let Some(until) = redirect.until
            && self.surroundings.now >= until.end()
        {
            self.warn(format!(
                "\"{}\" has expired on {until}, and redirects no longer",
                redirect.source()
            ));
            return true;
        }
        if let Some(host) = &redirect.host
            && !self.surroundings.is_own(host)
            && !self.surroundings.hosts.contains(&HostPattern::Any)
        {
            self.warn(format!(
                "no request comes to \"{}\": the site does not answer for {host}; add it to hosts",
                redirect.source()
            ));
            return true;
        }
        false
    }

    /// Follows it from each host; where it ends when it can be led there at once.
    fn way(&mut self) -> Option<String> {
        let redirect = &self.row.redirect;
        let pattern = Pattern::is_meant(&redirect.path)
            .then(|| Pattern::parse(&redirect.path).ok())
            .flatten();
        let source = match &pattern {
            Some(pattern) => pattern.example(),
            None => redirect.path.clone(),
        };
        let own = self.table.row_of(redirect.host.as_deref(), &redirect.path);
        let mut ways = Vec::new();
        let mut instead = None;
        for host in self.starts() {
            let found = self.find(&host, &source)?;
            if Some(found.row()) == own {
                let first = found.location(&source, self.surroundings.rules);
                ways.push(self.follow(&host, &source, first));
            } else {
                instead = Some(found.path().to_owned());
            }
        }
        if ways.is_empty()
            && pattern.is_none()
            && let Some(instead) = instead
        {
            self.warn(format!(
                "no request comes to \"{}\": \"{instead}\" of its hosts goes before it",
                redirect.source()
            ));
            return None;
        }
        if let Some(way) = ways.iter().find(|way| way.endless) {
            let steps = way.steps();
            self.fault(format!("leads in a circle: {source} -> {steps}"));
            return None;
        }
        let chain = ways.iter().find(|way| way.locations.len() > 1)?;
        let end = chain.end()?;
        let same = ways.iter().all(|way| way.end().as_ref() == Some(&end));
        let moving = pattern.is_some_and(|pattern| has_captures(redirect, &pattern));
        let may_be_led_there =
            same && !moving && !redirect.keep_query && !ways.iter().any(|way| way.expiring);
        let what_to_do = if may_be_led_there {
            format!("write {end}, or import with --flatten")
        } else {
            "see whether it can lead there at once".to_owned()
        };
        self.warn(format!(
            "leads to the end by {} steps: {source} -> {}; {what_to_do}",
            chain.locations.len(),
            chain.steps()
        ));
        may_be_led_there.then_some(end)
    }

    /// Hosts from which requests come to it; an empty one stands for a host nobody names.
    fn starts(&self) -> Vec<String> {
        match &self.row.redirect.host {
            Some(host) => vec![host.clone()],
            None if self.hosts.is_empty() => vec![String::new()],
            None => self.hosts.iter().take(MOST_HOSTS).cloned().collect(),
        }
    }

    /// Where requests come to that are led from `source` to `first`.
    fn follow(&self, host: &str, source: &str, first: String) -> Way {
        let mut way = Way {
            locations: vec![first],
            base: None,
            endless: false,
            expiring: false,
        };
        let mut host = host.to_owned();
        // The same path is another place on another host.
        let mut been = vec![(host.clone(), source.to_owned())];
        while let Some(last) = way.locations.last() {
            let Ok(url) = PageUrl::parse(last) else { break };
            if let Some(named) = url.host {
                way.base = last.strip_suffix(&*url.target).map(str::to_owned);
                if !self.surroundings.is_own(&named) {
                    break;
                }
                host = named;
            }
            let place = (host.clone(), url.target);
            way.endless =
                been.contains(&place) || been.len() > MOST_STEPS || last.len() > LONGEST_LOCATION;
            let Some(found) = self.find(&place.0, &place.1).filter(|_| !way.endless) else {
                break;
            };
            way.expiring |= found.until().is_some();
            let next = found.location(&place.1, self.surroundings.rules);
            way.locations.push(next);
            been.push(place);
        }
        way
    }

    fn find(&self, host: &str, target: &str) -> Option<super::redirects::Found<'_>> {
        let Surroundings { rules, now, .. } = self.surroundings;
        self.table.find(host, target, rules, *now)
    }

    fn fault(&mut self, message: String) {
        let line = self.row.line;
        self.findings.faults.push(Fault { line, message });
    }

    fn warn(&mut self, message: String) {
        let line = self.row.line;
        self.findings.warnings.push(Fault { line, message });
    }
}

impl Surroundings<'_> {
    fn exact_hosts(&self) -> Vec<String> {
        let exact = self.hosts.iter().filter_map(|host| match host {
            HostPattern::Exact(name) => Some(name.clone()),
            HostPattern::Any => None,
        });
        // A host that nobody names is another start where the site answers for it.
        let any = self.hosts.contains(&HostPattern::Any).then(String::new);
        any.into_iter().chain(exact).collect()
    }

    fn is_own(&self, host: &str) -> bool {
        let own = |one: &HostPattern| matches!(one, HostPattern::Exact(name) if name == host);
        self.hosts.iter().any(own)
    }
}

fn has_captures(redirect: &Redirect, pattern: &Pattern) -> bool {
    Template::parse(&redirect.to, Some(pattern)).is_ok_and(|template| template.has_captures())
}

/// Rows of patterns that an earlier one covers, with its source.
fn shadowed_patterns(table: &Redirects) -> Vec<(u32, String)> {
    let mut before: Vec<(Redirect, Pattern)> = Vec::new();
    let mut shadowed = Vec::new();
    for (row, redirect) in table.pattern_rows() {
        let Ok(pattern) = Pattern::parse(&redirect.path) else {
            continue;
        };
        let covering = before.iter().find(|(other, covering)| {
            let host = other.host == redirect.host;
            // One for this host alone goes before; one that expires does not stand there for ever.
            host && other.until.is_none() && covering.covers(&pattern)
        });
        match covering {
            Some((other, _)) => shadowed.push((row, other.source())),
            None => before.push((redirect, pattern)),
        }
    }
    shadowed
}

#[cfg(test)]
mod tests;
