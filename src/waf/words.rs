//! What inspection found, in words. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use yagura_control::order::{MOST_FINDINGS, WafFinding, WafShown, WafStatus};

use super::Judged;

/// So many paths are shown with a rule.
const EXAMPLES: usize = 5;

/// A set that was judged: a line a request, and the sum.
pub(super) fn tested(judged: &[Judged]) -> String {
    let mut text = String::new();
    for one in judged {
        let verdict = if one.refused { "REFUSED" } else { "passes " };
        let why = match &one.bound {
            Some(bound) => format!("  {bound}"),
            None => one.rules.iter().fold(String::new(), |mut why, rule| {
                let _memory_is_there = write!(why, "  {} {}", rule.rule, rule.at);
                why
            }),
        };
        let name = match one.name.as_str() {
            "" => &one.target,
            name => name,
        };
        line(
            &mut text,
            format_args!("{verdict} {:>6} us  {name}{why}", one.cpu_us),
        );
    }
    let refused = judged.iter().filter(|one| one.refused).count();
    let cpu: u64 = judged.iter().map(|one| one.cpu_us).sum();
    let mean = cpu / (judged.len() as u64).max(1);
    line(
        &mut text,
        format_args!(
            "{refused} of {} refused; {mean} us of CPU time each",
            judged.len()
        ),
    );
    text
}

/// One request.
pub(super) fn explained(edge: &str, shown: &WafShown) -> String {
    let mut text = String::new();
    if shown.findings.is_empty() {
        line(
            &mut text,
            format_args!(
                "{edge}: nothing was found about this request, or it is too long ago\n  \
                 an edge knows its last few thousand findings since its start; the access log has `waf` and `waf_rules`"
            ),
        );
        return text;
    }
    for finding in &shown.findings {
        let WafFinding {
            request,
            at,
            site,
            mode,
            method,
            path,
            ..
        } = finding;
        line(
            &mut text,
            format_args!(
                "{edge}: {request}, {}\n  {method} {path} of {site}, with the WAF {mode}\n  {}",
                at.rfc3339(),
                why(finding)
            ),
        );
        for rule in &finding.rules {
            let at = if rule.at.is_empty() { "-" } else { &rule.at };
            line(
                &mut text,
                format_args!("    rule {}  {at}  {}", rule.rule, rule.says),
            );
        }
        text.push_str(&advice(finding));
    }
    text
}

/// What happened, in a sentence.
fn why(finding: &WafFinding) -> String {
    let done = match (finding.mode.as_str(), finding.done.as_str()) {
        (_, "refuse") => "It was refused (403)",
        (_, "later") => "It was told to come back (503), or answered with a copy",
        ("shadow", _) => "It went on; with the WAF on it would have been refused",
        _ => "It went on",
    };
    let because = match finding.found.as_str() {
        "attack" => "the rules below take it for an attack",
        "clean" => "the rules below matched, and their sum stays below the threshold",
        "arguments" => "it has more arguments than are inspected (255)",
        "depth" => "its JSON is nested deeper than is inspected (32)",
        "headers" => "its fields are longer than are inspected (16 KiB)",
        "cookies" => "it has more cookies than are inspected (64)",
        "deadline" => "the rules took longer than their deadline, which no ordinary request does",
        "deadly" => "worker after worker died of it",
        "busy" => "no worker was free in time",
        "no_worker" => "there was no healthy worker",
        other => other,
    };
    match finding.found.as_str() {
        "clean" => format!("It went on: {because}."),
        _ => format!("{done}: {because}."),
    }
}

/// What to do when it was an ordinary request.
fn advice(finding: &WafFinding) -> String {
    let rules: BTreeSet<u32> = finding.rules.iter().map(|rule| rule.rule).collect();
    if rules.is_empty() || finding.found != "attack" {
        return String::new();
    }
    let names: BTreeSet<&str> = finding
        .rules
        .iter()
        .filter_map(|rule| rule.at.strip_prefix("ARGS:"))
        .collect();
    let argument = match (names.len(), names.first()) {
        (1, Some(name)) => format!("argument = \"{name}\"\n"),
        _ => String::new(),
    };
    let rules: Vec<String> = rules.iter().map(u32::to_string).collect();
    format!(
        "  If it was an ordinary request, put this into the file of exclusions, and `yagura reload`:\n\n\
         [[exclusion]]\nsite = \"{}\"\npath = \"{}\"\nrules = [{}]\n{argument}reason = \"\"  # why, in a sentence\nexpires = \"\"  # the last day, as 2027-03-31\n",
        finding.site,
        finding.path,
        rules.join(", "),
    )
}

/// Everything that was found, by rule.
pub(super) fn reported(edge: &str, shown: &WafShown, only_refused: bool) -> String {
    let mut text = String::new();
    match &shown.status {
        None => line(&mut text, format_args!("{edge}: no WAF is configured")),
        Some(status) => text.push_str(&stands(edge, status)),
    }
    let against = |finding: &&WafFinding| match finding.done.as_str() {
        "refuse" => true,
        _ => !only_refused && finding.mode == "shadow" && finding.found != "clean",
    };
    let findings: Vec<&WafFinding> = shown.findings.iter().filter(against).collect();
    if findings.is_empty() {
        line(
            &mut text,
            format_args!("  nothing was refused, and shadow found nothing"),
        );
        return text;
    }
    if shown.findings.len() >= MOST_FINDINGS {
        line(
            &mut text,
            format_args!(
                "  the newest {MOST_FINDINGS} findings alone; --since and --site choose among them"
            ),
        );
    }
    // By site, rule and mode: how many requests, and where.
    let mut by_rule: BTreeMap<(&str, String, &str), Vec<&WafFinding>> = BTreeMap::new();
    for finding in &findings {
        let mut keys: BTreeSet<String> = finding
            .rules
            .iter()
            .map(|rule| format!("{}  {}", rule.rule, rule.says))
            .collect();
        if keys.is_empty() {
            keys.insert(format!("-       {}", finding.found));
        }
        for key in keys {
            let place = by_rule.entry((&finding.site, key, &finding.mode));
            place.or_default().push(finding);
        }
    }
    let mut rules: Vec<_> = by_rule.into_iter().collect();
    rules.sort_by_key(|(key, findings)| (std::cmp::Reverse(findings.len()), key.clone()));
    for ((site, rule, mode), findings) in rules {
        let would = match mode {
            "shadow" => "would have been refused",
            _ => "were refused",
        };
        line(
            &mut text,
            format_args!(
                "\n  {rule}\n    {} requests to {site} {would}",
                findings.len()
            ),
        );
        for finding in findings.iter().take(EXAMPLES) {
            let places: BTreeSet<&str> = finding
                .rules
                .iter()
                .map(|rule| rule.at.as_str())
                .filter(|at| !at.is_empty())
                .collect();
            let places = places.into_iter().collect::<Vec<_>>().join(" ");
            line(
                &mut text,
                format_args!(
                    "      {}  {} {}  {places}  {}",
                    finding.at.rfc3339(),
                    finding.method,
                    finding.path,
                    finding.request
                ),
            );
        }
        if findings.len() > EXAMPLES {
            let more = findings.len() - EXAMPLES;
            line(&mut text, format_args!("      and {more} more"));
        }
    }
    text
}

/// How the WAF stands, for `status` too.
pub(crate) fn stands(edge: &str, status: &WafStatus) -> String {
    let mut text = String::new();
    let ready = if status.ready { "ready" } else { "NOT READY" };
    line(
        &mut text,
        format_args!("{edge}  waf {ready}: {}", status.says),
    );
    let mean = status.cpu_us / status.verdicts.max(1);
    line(
        &mut text,
        format_args!(
            "  {} verdicts, {mean} us of CPU time each; {} refused, {} told to come back, {} found in shadow",
            status.verdicts, status.refused, status.postponed, status.shadow_findings
        ),
    );
    line(
        &mut text,
        format_args!(
            "  workers    {} of {} busy; {} ended by a deadline, {} because of a forbidden call, {} lost",
            status.busy, status.workers, status.deadlines, status.forbidden, status.lost
        ),
    );
    for site in &status.sites {
        line(&mut text, format_args!("  {:<10} {}", site.site, site.mode));
    }
    for warning in &status.warnings {
        line(&mut text, format_args!("  WARNING    {warning}"));
    }
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _memory_is_there = writeln!(text, "{arguments}");
}

#[cfg(test)]
mod tests {
    use yagura_control::Timestamp;
    use yagura_control::order::WafMatch;

    use super::*;

    fn finding(request: &str, path: &str, mode: &str, done: &str, found: &str) -> WafFinding {
        WafFinding {
            request: request.to_owned(),
            at: Timestamp(1_796_137_200_000),
            site: "town".to_owned(),
            mode: mode.to_owned(),
            found: found.to_owned(),
            done: done.to_owned(),
            method: "POST".to_owned(),
            path: path.to_owned(),
            rules: vec![WafMatch {
                rule: 942_100,
                at: "ARGS:honbun".to_owned(),
                says: "SQL Injection".to_owned(),
            }],
        }
    }

    #[test]
    fn a_refusal_is_told_with_what_to_do_about_it() {
        let shown = WafShown {
            status: None,
            findings: vec![finding("ab", "/inquiry/", "on", "refuse", "attack")],
        };
        let text = explained("edge", &shown);
        for part in [
            "It was refused (403): the rules below take it for an attack.",
            "rule 942100  ARGS:honbun  SQL Injection",
            "rules = [942100]\nargument = \"honbun\"\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn the_report_counts_by_rule_what_shadow_found() {
        let mut findings: Vec<_> = (0..7)
            .map(|number| {
                let path = format!("/form/{number}");
                finding(&number.to_string(), &path, "shadow", "pass", "attack")
            })
            .collect();
        findings.push(finding("x", "/a", "on", "refuse", "attack"));
        findings.push(finding("y", "/b", "on", "pass", "clean"));
        let shown = WafShown {
            status: None,
            findings,
        };
        let text = reported("edge", &shown, false);
        assert!(text.contains("7 requests to town would have been refused"));
        assert!(text.contains("and 2 more") && text.contains("1 requests to town were refused"));
        assert!(!text.contains("/b"), "{text}");
        assert!(!reported("edge", &shown, true).contains("would have been"));
    }
}
