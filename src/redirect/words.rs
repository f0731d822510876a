//! Redirects and the report in words, and as CSV.

use std::collections::BTreeMap;
use std::fmt::Write;

use yagura_control::Day;
use yagura_control::order::RedirectCounted;
use yagura_control::redirect::csv_rows::quoted;

use super::report::{Report, Reported, State};
use super::targets::Answers;

/// Most redirects of one kind that a report names one by one; CSV and JSON have all.
const MOST_NAMED: usize = 50;

/// One redirect in one line.
pub(crate) fn line(counted: &RedirectCounted) -> String {
    let redirect = &counted.redirect;
    let mut line = format!(
        "{} -> {} ({})",
        redirect.source(),
        redirect.to,
        redirect.status
    );
    for words in [&redirect.department, &redirect.printed, &redirect.note] {
        if !words.is_empty() {
            let _memory = write!(line, "  {}", words.replace('\n', " "));
        }
    }
    if let Some(until) = redirect.until {
        let word = if counted.expired { "expired" } else { "until" };
        let _memory = write!(line, "  {word} {until}");
    }
    line
}

/// Everything about one redirect.
pub(crate) fn whole(counted: &RedirectCounted, since: Option<Day>) -> String {
    let redirect = &counted.redirect;
    let copies = redirect.copies.map(|copies| copies.to_string());
    let until = redirect.until.map(|until| {
        let expired = if counted.expired { ", expired" } else { "" };
        format!("{until}{expired}")
    });
    let query = if redirect.keep_query { "kept" } else { "" };
    let since = since.map_or("never counted".to_owned(), |day| format!("since {day}"));
    let last = counted.last_used.map(|day| format!(", last on {day}"));
    let lines = [
        ("from", redirect.source()),
        ("to", redirect.to.clone()),
        ("status", redirect.status.to_string()),
        ("query", query.to_owned()),
        ("department", redirect.department.clone()),
        ("printed", redirect.printed.clone()),
        ("copies", copies.unwrap_or_default()),
        ("until", until.unwrap_or_default()),
        ("note", redirect.note.clone()),
        (
            "answered",
            format!("{} ({since}){}", counted.hits, last.unwrap_or_default()),
        ),
    ];
    let mut text = String::new();
    for (name, value) in lines.iter().filter(|line| !line.1.is_empty()) {
        let _memory = writeln!(text, "{name:<11} {value}");
    }
    for (day, count) in &counted.by_day {
        let _memory = writeln!(text, "  {day} {count:>9}");
    }
    text
}

/// The report for people.
pub(crate) fn report(report: &Report) -> String {
    let mut text = String::new();
    let days = match (report.days, report.counted_since) {
        (_, None) => "nothing was counted yet".to_owned(),
        (Some(days), Some(since)) => format!("the last {days} days, counted since {since}"),
        (None, Some(since)) => format!("counted since {since}"),
    };
    let count = |state: State| {
        report
            .redirects
            .iter()
            .filter(|one| one.state == state)
            .count()
    };
    let broken: Vec<&Reported> = report
        .redirects
        .iter()
        .filter(|one| is_broken(one))
        .collect();
    let _memory = writeln!(
        text,
        "{}  {}  {} redirects, {days}\n  {} still used, {} never used, {} expired, {} with a broken target",
        report.site,
        report.today,
        report.redirects.len(),
        count(State::Used),
        count(State::Unused),
        count(State::Expired),
        broken.len(),
    );
    let of = |state: State| {
        report
            .redirects
            .iter()
            .filter(move |one| one.state == state)
    };
    named(&mut text, "broken target", broken.iter().copied());
    let mut used: Vec<&Reported> = of(State::Used).collect();
    used.sort_by_key(|one| std::cmp::Reverse(one.counted.hits));
    named(&mut text, "still used", used.into_iter());
    named(&mut text, "never used", of(State::Unused));
    named(&mut text, "expired", of(State::Expired));
    groups(&mut text, "by department", report, |one| {
        &one.counted.redirect.department
    });
    groups(&mut text, "by printed matter", report, |one| {
        &one.counted.redirect.printed
    });
    text
}

fn is_broken(one: &Reported) -> bool {
    matches!(one.answers, Answers::Broken { .. })
}

fn named<'r>(text: &mut String, heading: &str, redirects: impl Iterator<Item = &'r Reported>) {
    let redirects: Vec<&Reported> = redirects.collect();
    if redirects.is_empty() {
        return;
    }
    let _memory = writeln!(text, "\n{heading}");
    for one in redirects.iter().take(MOST_NAMED) {
        let why = match &one.answers {
            Answers::Broken { why } => format!("  BROKEN: {why}"),
            Answers::Well | Answers::Unknown { .. } => String::new(),
        };
        let _memory = writeln!(
            text,
            "  {:>9}  {}{why}",
            one.counted.hits,
            line(&one.counted)
        );
    }
    if redirects.len() > MOST_NAMED {
        let more = redirects.len() - MOST_NAMED;
        let _memory = writeln!(text, "             and {more} more; --csv has all");
    }
}

#[derive(Default)]
struct Group {
    redirects: usize,
    used: usize,
    broken: usize,
    copies: u64,
    hits: u64,
}

fn groups(text: &mut String, heading: &str, report: &Report, of: impl Fn(&Reported) -> &String) {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for one in &report.redirects {
        let group = groups.entry(of(one)).or_default();
        group.redirects += 1;
        group.used += usize::from(one.state == State::Used);
        group.broken += usize::from(is_broken(one));
        group.copies += one.counted.redirect.copies.map_or(0, u64::from);
        group.hits += one.counted.hits;
    }
    if groups.keys().all(|name| name.is_empty()) {
        return;
    }
    let _memory = writeln!(
        text,
        "\n{heading}\n  {:>9}  {:>9}  {:>6}  {:>6}  {:>9}",
        "answered", "redirects", "used", "broken", "copies"
    );
    for (name, group) in groups {
        let name = if name.is_empty() { "(none)" } else { name };
        let Group {
            redirects,
            used,
            broken,
            copies,
            hits,
        } = group;
        let _memory = writeln!(
            text,
            "  {hits:>9}  {redirects:>9}  {used:>6}  {broken:>6}  {copies:>9}  {name}"
        );
    }
}

/// The report as CSV, one line a redirect.
pub(crate) fn csv(report: &Report) -> String {
    let mut text =
        "from,to,status,department,printed,copies,until,note,use,answered,last_used,target\r\n"
            .to_owned();
    for one in &report.redirects {
        let redirect = &one.counted.redirect;
        let or_nothing = |value: Option<String>| value.unwrap_or_default();
        let state = match one.state {
            State::Used => "used",
            State::Unused => "never used",
            State::Expired => "expired",
        };
        let target = match &one.answers {
            Answers::Well => "answers".to_owned(),
            Answers::Broken { why } => format!("broken: {why}"),
            Answers::Unknown { why } => format!("unknown: {why}"),
        };
        let cells = [
            redirect.source(),
            redirect.to.clone(),
            redirect.status.to_string(),
            redirect.department.clone(),
            redirect.printed.clone(),
            or_nothing(redirect.copies.map(|copies| copies.to_string())),
            or_nothing(redirect.until.map(|day| day.to_string())),
            redirect.note.clone(),
            state.to_owned(),
            one.counted.hits.to_string(),
            or_nothing(one.counted.last_used.map(|day| day.to_string())),
            target,
        ];
        text.push_str(&cells.each_ref().map(|cell| quoted(cell)).join(","));
        text.push_str("\r\n");
    }
    text
}
