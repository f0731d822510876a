//! `yagura history`: what the edges were ordered, and what moved by itself.

use std::process::ExitCode;

use yagura_control::order::{HistoryLine, Order, Outcome, ShowHistory};

use crate::arguments::HistoryArguments;
use crate::edges;

pub(crate) fn run(arguments: &HistoryArguments) -> anyhow::Result<ExitCode> {
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
