//! `yagura history`: what the edges were ordered, and what moved by itself. With `--report`, the
//! story of a bypass for the city's report (`history/story.rs` finds it, `history/report.rs` tells it).

pub(crate) mod report;
mod story;

use std::process::ExitCode;

use anyhow::{Context, bail};
use yagura_control::order::{
    HistoryLine, IngressEvent, Order, Outcome, Reply, RequestShown, ShowHistory,
};

use crate::arguments::HistoryArguments;
use crate::edges::{self, Answer};

/// As many lines as an edge remembers.
const ALL: usize = usize::MAX;

pub(crate) fn run(arguments: &HistoryArguments) -> anyhow::Result<ExitCode> {
    if arguments.report {
        return tell(arguments);
    }
    let asked = ShowHistory {
        site: arguments.site.clone(),
        last: arguments.last,
    };
    edges::ask(Order::ShowHistory(asked), &arguments.edges, |reply| {
        if let Outcome::History { lines } = &reply.outcome {
            println!("{}  generation {}", reply.edge, reply.generation);
            for line in lines {
                print!("{}", told(line));
            }
        }
    })
}

/// Prints the report of a site, from the edge that went through most of it.
fn tell(arguments: &HistoryArguments) -> anyhow::Result<ExitCode> {
    let site = arguments.site.as_deref().context("name the site")?;
    let since = arguments.since.unwrap_or_default();
    let peers = edges::peers(&arguments.edges)?;
    let asked = ShowHistory {
        site: Some(site.to_owned()),
        last: ALL,
    };
    let lines = edges::all(&peers, Order::ShowHistory(asked))?;
    let requests = edges::all(&peers, Order::ShowRequests)?;
    let silent: Vec<&Answer> = lines.iter().filter(|it| it.reply.is_none()).collect();
    for answer in &silent {
        let error = answer.error.as_deref().unwrap_or("no answer");
        eprintln!("yagura: {}: {error}", answer.at);
    }
    let told = lines.iter().zip(&requests).filter_map(|(lines, requests)| {
        let Reply { edge, outcome, .. } = lines.reply.as_ref()?;
        let Outcome::History { lines } = outcome else {
            return None;
        };
        Some((edge, lines, of_answer(requests)))
    });
    let stages = |lines: &[HistoryLine]| {
        let of_stage =
            |line: &&HistoryLine| matches!(line.ingress, Some(IngressEvent::Stage { .. }));
        lines.iter().filter(of_stage).count()
    };
    let Some((edge, lines, requests)) = told.max_by_key(|(_, lines, _)| stages(lines)) else {
        bail!("no edge tells what happened");
    };
    let stories = story::stories(lines, requests, site, since);
    print!(
        "{}",
        report::report(site, edge, &stories, arguments.language)
    );
    Ok(match silent.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn of_answer(answer: &Answer) -> &[RequestShown] {
    match answer.reply.as_ref().map(|reply| &reply.outcome) {
        Some(Outcome::Requests { requests }) => requests,
        _ => &[],
    }
}

/// One entry in words; what is empty is left out.
fn told(line: &HistoryLine) -> String {
    let number = line
        .number
        .map_or_else(|| "-".to_owned(), |n| n.to_string());
    let site = line.site.as_deref().unwrap_or("edge");
    let mut told = format!("{number:>5}  {}  {site}: {}\n", line.at, line.what);
    let undoes = line.undoes.map(|number| format!("order {number}"));
    let details = [
        ("who", Some(line.who.clone())),
        ("why", line.reason.clone()),
        ("takes back", undoes),
        ("request", line.request.clone()),
        ("before", Some(line.before.clone())),
        ("after", Some(line.after.clone())),
    ];
    for (name, text) in details {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            told.push_str(&format!("       {name:<10} {text}\n"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_control::Timestamp;

    #[test]
    fn a_line_says_who_when_why_before_and_after() {
        let mut line = HistoryLine {
            number: Some(7),
            at: Timestamp(1_795_410_187_123),
            who: "uid 7".into(),
            reason: Some("flood".into()),
            site: Some("town".into()),
            what: "route notice".into(),
            before: "primary: it answers".into(),
            after: "notice: ordered by uid 7 (flood)".into(),
            undoes: None,
            request: None,
            ingress: None,
        };
        assert_eq!(
            told(&line),
            "    7  2026-11-23T14:03:07+09:00  town: route notice\n       \
             who        uid 7\n       why        flood\n       \
             before     primary: it answers\n       after      notice: ordered by uid 7 (flood)\n"
        );
        (line.number, line.undoes, line.before) = (None, Some(3), String::new());
        let told = told(&line);
        assert!(told.starts_with("    -  ") && told.contains("takes back order 3"));
        assert!(!told.contains("before"));
    }
}
