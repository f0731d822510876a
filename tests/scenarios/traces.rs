//! Traces for OpenTelemetry: none unless they are asked for; a request is one span with the number
//! that the log and the origin have; a collector that is dead or refuses keeps no reader waiting.

use serde_json::Value;

use crate::town::collector::Collector;
use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};

const MISS: &str = "/a?cc=max-age%3D60&q=tanaka";

/// An edge that tells of so many requests, and the collector that it tells.
async fn tracing(share: &str) -> (LoneEdge, Collector) {
    let mut edge = LoneEdge::start("").await;
    let address = edge.collector_address();
    edge.change(
        "[[edge.listen]]",
        &format!("[edge.traces]\ncollector = \"{address}\"\nshare = \"{share}\"\n[[edge.listen]]"),
    );
    let collector = Collector::start(address).await;
    edge.tell_figures().await;
    (edge, collector)
}

fn attribute<'s>(span: &'s Value, key: &str) -> Option<&'s str> {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes
        .iter()
        .find(|attribute| attribute["key"] == key)?;
    let value = &found["value"];
    value["stringValue"]
        .as_str()
        .or_else(|| value["intValue"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_here_and_at_the_origin() {
    let (edge, collector) = tracing("100%").await;
    let theirs = "traceparent: 00-11111111111111111111111111111111-2222222222222222-01\r\n\
                  tracestate: theirs=1\r\n";
    let miss = edge.ask("GET", CITY, MISS, theirs).await;
    let hit = edge.ask("GET", CITY, MISS, "").await;
    let passed = edge
        .ask("POST", CITY, "/form", "Content-Length: 0\r\n")
        .await;
    let spans = eventually("three spans", || async {
        let spans = collector.spans();
        (spans.len() >= 3).then_some(spans)
    })
    .await;
    let of = |outcome: &str| {
        let found = |span: &&Value| attribute(span, "yagura.outcome") == Some(outcome);
        spans.iter().find(found).unwrap()
    };
    for (answer, span) in [(&miss, of("miss")), (&passed, of("none"))] {
        let parent = answer.field("seen-traceparent");
        let (trace, id) = (
            span["traceId"].as_str().unwrap(),
            span["spanId"].as_str().unwrap(),
        );
        assert_eq!(parent, format!("00-{trace}-{id}-03"));
        assert_eq!(answer.field("x-request-id"), trace);
        assert_eq!(answer.field("seen-tracestate"), "");
    }
    assert_eq!(attribute(of("none"), "yagura.upstream"), Some("primary"));
    assert_eq!(attribute(of("hit"), "url.path"), Some("/a"));
    assert_eq!(
        attribute(of("hit"), "http.response.status_code"),
        Some("200")
    );
    assert_eq!(hit.field("x-request-id"), "");
    let told = format!("{spans:?}");
    assert!(
        !told.contains("tanaka") && !told.contains("127.0."),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_refuses_is_counted_and_told_of_once() {
    let (edge, collector) = tracing("100%").await;
    collector.refuse(true);
    assert_eq!(edge.get(MISS).await.status, 200);
    eventually("the span is lost", || async {
        (edge.figure("yagura_spans_total{result=\"lost\"}").await? == 1).then_some(())
    })
    .await;
    collector.refuse(false);
    assert_eq!(edge.get(MISS).await.status, 200);
    eventually("the next is sent", || async {
        (edge.figure("yagura_spans_total{result=\"sent\"}").await? == 1).then_some(())
    })
    .await;
    let log = std::fs::read_to_string(edge.folder().join("log")).unwrap();
    assert_eq!(log.matches("takes no traces").count(), 1, "{log}");
    assert_eq!(log.matches("takes traces again").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_told_is_marked_so_for_the_origin() {
    let (edge, collector) = tracing("0.0001%").await;
    let answer = edge.get(MISS).await;
    assert!(
        answer.field("seen-traceparent").ends_with("-02"),
        "{answer:?}"
    );
    assert!(collector.spans().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_settings_the_origin_gets_what_the_reader_sent() {
    let edge = LoneEdge::start("").await;
    let theirs = "00-11111111111111111111111111111111-2222222222222222-01";
    let answer = edge
        .ask("GET", CITY, MISS, &format!("traceparent: {theirs}\r\n"))
        .await;
    assert_eq!(answer.field("seen-traceparent"), theirs);
}
