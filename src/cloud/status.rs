//! `yagura cloud status`: how sites stand towards their clouds at each edge, what a switch now would
//! mean, and which requests wait.

use std::process::ExitCode;

use serde::Serialize;
use yagura_control::order::{
    BypassStage, Order, Outcome, Reply, RequestShown, RequestState, SiteCloudShown,
};

use super::arguments::CloudStatusArguments;
use crate::edges::{self, Answer};
use crate::output;

/// What one edge says.
#[derive(Serialize)]
struct Seen {
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge: Option<String>,
    sites: Vec<SiteCloudShown>,
    /// Those that wait.
    requests: Vec<RequestShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(arguments: &CloudStatusArguments) -> anyhow::Result<ExitCode> {
    let peers = edges::peers(&arguments.edges)?;
    let clouds = edges::all(&peers, Order::CloudStatus)?;
    let requests = edges::all(&peers, Order::ShowRequests)?;
    let wanted = arguments.site.as_deref();
    let seen = clouds.into_iter().zip(requests);
    let seen: Vec<Seen> = seen
        .map(|(clouds, requests)| seen_of(clouds, requests, wanted))
        .collect();
    let failed = seen.iter().any(|seen| seen.error.is_some());
    if arguments.edges.json {
        output::json(&seen)?;
    } else {
        for seen in &seen {
            match &seen.error {
                Some(error) => eprintln!("yagura: {}: {error}", seen.at),
                None => print!("{}", told(seen)),
            }
        }
    }
    Ok(match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn seen_of(clouds: Answer, requests: Answer, wanted: Option<&str>) -> Seen {
    let is_wanted = |site: &str| wanted.is_none_or(|wanted| wanted == site);
    let (edge, sites) = match clouds.reply {
        Some(Reply {
            edge,
            outcome: Outcome::CloudShown { sites },
            ..
        }) => (Some(edge), sites),
        _ => (None, Vec::new()),
    };
    // An edge that tells of clouds and not of requests is not kept from telling.
    let requests = match requests.reply.map(|reply| reply.outcome) {
        Some(Outcome::Requests { requests }) => requests,
        _ => Vec::new(),
    };
    let waits = |request: &RequestShown| {
        request.state == RequestState::Waiting && site_of(&request.order).is_some_and(is_wanted)
    };
    Seen {
        at: clouds.at,
        edge,
        sites: sites.into_iter().filter(|it| is_wanted(&it.site)).collect(),
        requests: requests.into_iter().filter(waits).collect(),
        error: clouds.error,
    }
}

fn site_of(order: &Order) -> Option<&str> {
    match order {
        Order::Bypass(start) => Some(&start.site),
        Order::Return(start) => Some(&start.site),
        _ => None,
    }
}

/// What one edge says, for people.
fn told(seen: &Seen) -> String {
    let edge = seen.edge.as_deref().unwrap_or(&seen.at);
    if seen.sites.is_empty() {
        return format!("{edge}: no site is behind a cloud\n");
    }
    let mut told = String::new();
    for shown in &seen.sites {
        let (site, stage, since) = (&shown.site, shown.stage, shown.since);
        let behind = shown.behind.join(", ");
        told.push_str(&format!("{edge}: {site}, behind {behind}\n"));
        told.push_str(&format!("  stage      {stage}, since {since}\n"));
        told.push_str(&readiness(shown));
        if let Some(request) = &shown.change_request {
            told.push_str(&format!(
                "  DNS        to be changed by hand:\n\n{request}\n"
            ));
        }
        let of_site = |it: &&RequestShown| site_of(&it.order) == Some(site);
        for request in seen.requests.iter().filter(of_site) {
            told.push_str(&waiting(request));
        }
    }
    told
}

fn readiness(shown: &SiteCloudShown) -> String {
    let facts = &shown.facts;
    let mut told = String::new();
    if shown.missing.is_empty() && shown.stage == BypassStage::Cloud {
        told.push_str(&format!("  ready:     {facts}\n"));
    } else if !facts.is_empty() {
        told.push_str(&format!("  seen       {facts}\n"));
    }
    for missing in &shown.missing {
        let (what, hint) = (&missing.what, &missing.hint);
        let word = if missing.stops { "STOPS" } else { "MISSING" };
        told.push_str(&format!("  {word:<10} {what}\n             {hint}\n"));
    }
    for without in &shown.without {
        told.push_str(&format!("  WITHOUT    {without}\n"));
    }
    told
}

fn waiting(request: &RequestShown) -> String {
    let RequestShown {
        id,
        what,
        who,
        expires,
        ..
    } = request;
    let reason = request.reason.as_deref().unwrap_or("no reason given");
    format!(
        "  WAITS      {what}, asked by {who}: {reason}\n             yagura approve {id}   (until {expires})\n"
    )
}

#[cfg(test)]
mod tests {
    use yagura_control::Timestamp;
    use yagura_control::order::Missing;

    use super::*;

    fn shown(missing: Vec<Missing>) -> SiteCloudShown {
        SiteCloudShown {
            site: "town".to_owned(),
            behind: vec!["prefecture".to_owned()],
            stage: BypassStage::Cloud,
            since: Timestamp(1_795_410_187_123),
            missing,
            without: Vec::new(),
            facts: "direct path 31 ms, certificate valid 61 days for 3 of 3 names, TTL 120 s, \
                    expected 95 % of readers moved in 4 min"
                .to_owned(),
            change_request: None,
        }
    }

    fn seen(shown: SiteCloudShown) -> Seen {
        Seen {
            at: "edge.sock".to_owned(),
            edge: Some("edge-1".to_owned()),
            sites: vec![shown],
            requests: Vec::new(),
            error: None,
        }
    }

    #[test]
    fn a_site_that_is_ready_is_told_with_what_a_switch_would_mean() {
        assert_eq!(
            told(&seen(shown(Vec::new()))),
            "edge-1: town, behind prefecture\n  \
             stage      cloud, since 2026-11-23T14:03:07+09:00\n  \
             ready:     direct path 31 ms, certificate valid 61 days for 3 of 3 names, TTL 120 s, \
             expected 95 % of readers moved in 4 min\n"
        );
    }

    #[test]
    fn what_is_missing_is_told_with_how_to_get_it() {
        let missing = vec![
            Missing::stopping("no WAF is configured", "add [waf]"),
            Missing::new("caches may keep the names for 3600 s", "lower the TTL"),
        ];
        let told = told(&seen(shown(missing)));
        assert!(
            told.contains("  STOPS      no WAF is configured\n             add [waf]\n"),
            "{told}"
        );
        assert!(!told.contains("ready:"), "{told}");
        assert!(
            told.contains(
                "MISSING    caches may keep the names for 3600 s\n             lower the"
            ),
            "{told}"
        );
    }
}
