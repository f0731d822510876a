//! Figures for Prometheus: they are well formed, and they tell what happened.

use std::collections::{BTreeMap, BTreeSet};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};

/// Checks a page as `promtool check metrics` would, as far as ours can be wrong.
fn check(page: &str) {
    let mut kinds = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut family = "";
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name) && !help.is_empty(), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(
                kinds.insert(name, kind).is_none() && helped.contains(name),
                "{line}"
            );
            family = name;
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(seen.insert(series), "twice: {line}");
            let name = series.split('{').next().unwrap();
            let parts = ["", "_bucket", "_sum", "_count"];
            let fits = parts
                .iter()
                .any(|part| name.strip_suffix(part) == Some(family));
            assert!(fits, "{line} stands below {family}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_tell_what_happened() {
    let mut edge = LoneEdge::start("").await;
    edge.tell_figures().await;
    check(&edge.figures().await);
    let target = "/a?cc=max-age%3D60";
    for _ in 0..4 {
        assert_eq!(edge.get(target).await.status, 200);
    }
    edge.get("/b?status=404").await;
    assert_eq!(edge.ask("REPORT", CITY, "/", "").await.status, 405);
    assert_eq!(edge.ask("GET", CITY, "/a%2fb", "").await.status, 400);
    for (name, value) in [
        ("yagura_requests_total{site=\"city\",outcome=\"hit\"}", 3),
        ("yagura_requests_total{site=\"city\",outcome=\"miss\"}", 2),
        (
            "yagura_requests_total{site=\"city\",outcome=\"refused\"}",
            2,
        ),
        ("yagura_requests_total{site=\"rest\",outcome=\"hit\"}", 0),
        ("yagura_responses_total{site=\"city\",class=\"2xx\"}", 4),
        ("yagura_responses_total{site=\"city\",class=\"4xx\"}", 3),
        ("yagura_request_seconds_count{site=\"city\"}", 4),
        ("yagura_refused_total{limit=\"methods\"}", 1),
        ("yagura_refused_total{limit=\"path\"}", 1),
        ("yagura_refused_total{limit=\"ban\"}", 0),
        ("yagura_origin_up{site=\"city\"}", 1),
        ("yagura_generation", 1),
        ("yagura_hot_entries", 1),
    ] {
        // What is counted after the answer is counted soon after it.
        eventually(name, || async {
            (edge.figure(name).await == Some(value)).then_some(())
        })
        .await;
    }
    edge.origin.take().unwrap().stop().await;
    assert_eq!(edge.get("/c").await.status, 503);
    let name = "yagura_origin_errors_total{site=\"city\",kind=\"unreachable\"}";
    eventually(name, || async {
        (edge.figure(name).await? >= 1).then_some(())
    })
    .await;
    check(&edge.figures().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_an_answer_is_let_go() {
    let mut edge = LoneEdge::start("").await;
    edge.change(
        "[[edge.listen]]",
        "[edge.limits]\nslowest_over = \"1s\"\n[[edge.listen]]",
    );
    edge.tell_figures().await;
    // More than the kernel takes in the reader's place.
    let target = "/large?cc=max-age%3D600&long=400000";
    let request = format!("GET {target} HTTP/1.1\r\nHost: {CITY}\r\n\r\n");
    let name = "yagura_refused_total{limit=\"slow_reader\"}";
    // First a miss, which another reader fills the memory with; then a hit.
    for number in 1..=2 {
        let mut slow = edge.connected().await;
        slow.write_all(request.as_bytes()).await.unwrap();
        eventually(name, || async {
            (edge.figure(name).await == Some(number)).then_some(())
        })
        .await;
        let whole = edge.get(target).await.body;
        let mut rest = Vec::new();
        let _reset = slow.read_to_end(&mut rest).await;
        assert!(
            rest.len() < whole.len(),
            "{} of {}",
            rest.len(),
            whole.len()
        );
    }
}
