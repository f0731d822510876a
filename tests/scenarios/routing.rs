//! A site with several upstreams: who answers when one dies, and what an operator orders.

use serde_json::json;

use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};
use crate::town::origin::Failure;

/// Upstreams are checked often, so that the stories are short.
const CHECKED: &str = "stale_after = \"300ms\"\n[site.health]\npath = \"/up\"\ninterval = \"1s\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_primary_is_replaced_by_the_standby_and_comes_back() {
    let mut lone = LoneEdge::start_with_standbys(1, CHECKED).await;
    lone.get("/first").await;
    assert!(lone.seen().contains(&"GET /first".to_owned()));
    assert!(lone.seen_by_standby(0).is_empty());
    assert_eq!(lone.site()["way"]["because"], "it answers");

    // The very reader who finds it dead is answered, by the standby.
    lone.stop_primary().await;
    let answer = lone.get("/second").await;
    assert_eq!(answer.status, 200);
    assert_eq!(lone.seen_by_standby(0), ["GET /second"]);
    let why = lone.until_way(json!({"standby": 1})).await;
    assert!(
        why.contains("primary is down: 3 requests in a row failed"),
        "{why}"
    );
    let generation = lone.told(&["status"]);
    assert!(
        generation.contains("generation 1\n"),
        "health is no order: {generation}"
    );

    // Back again, without a reader who finds it out.
    lone.start_primary().await;
    lone.until_way(json!("primary")).await;
    lone.get("/third").await;
    assert!(lone.seen().contains(&"GET /third".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_every_upstream_dead_copies_answer_and_what_has_none_gets_the_notice() {
    let mut lone = LoneEdge::start_with_standbys(2, CHECKED).await;
    let page = "/page?cc=max-age%3D1";
    let first = lone.get(page).await;
    lone.stop_primary().await;
    lone.stop_standby(0).await;
    lone.stop_standby(1).await;
    let why = lone.until_way(json!("last-good")).await;
    assert!(why.contains("no upstream answers"), "{why}");
    let answer = eventually("the copy is stale", || async {
        let answer = lone.get(page).await;
        answer.cache().contains("last-good").then_some(answer)
    })
    .await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, first.body));
    let answer = lone.get("/never-seen").await;
    assert_eq!(answer.status, 503);
    assert!(answer.field("retry-after").parse::<u64>().is_ok());
    lone.start_primary().await;
    lone.until_way(json!("primary")).await;
    assert_eq!(lone.get("/never-seen").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_copies_moves_to_the_notice() {
    let keys = format!("cache = false\n{CHECKED}");
    let mut lone = LoneEdge::start_with_standbys_of("", 1, &keys).await;
    // What is not stored goes through pingora, and to the standby just the same.
    lone.stop_primary().await;
    assert_eq!(lone.get("/one").await.status, 200);
    assert_eq!(lone.ask("HEAD", CITY, "/two", "").await.status, 200);
    assert_eq!(lone.seen_by_standby(0), ["GET /one", "HEAD /two"]);
    lone.stop_standby(0).await;
    let why = lone.until_way(json!("notice")).await;
    assert!(why.contains("no copies are kept"), "{why}");
    assert_eq!(lone.get("/one").await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_done_is_not_done_again() {
    let lone = LoneEdge::start_with_standbys(1, "").await;
    let primary = lone.origin.as_ref().unwrap();
    primary.fail(Some(Failure::Disconnect));
    let answer = lone
        .ask("POST", CITY, "/order", "Content-Length: 0\r\n")
        .await;
    assert_eq!(answer.status, 503);
    let posted = lone.seen_by_standby(0);
    assert!(!posted.contains(&"POST /order".to_owned()), "{posted:?}");
    assert_eq!(lone.get("/read").await.status, 200);
    assert!(lone.seen_by_standby(0).contains(&"GET /read".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_says_where_a_site_is_answered_from() {
    let mut lone = LoneEdge::start_with_standbys(1, CHECKED).await;
    let stored = "/stored?cc=max-age%3D1000";
    lone.get(stored).await;

    let told = lone.told(&["route", "city", "standby", "--dry-run"]);
    assert!(
        told.contains("from primary: it answers; to standby 1"),
        "{told}"
    );
    assert_eq!(lone.site()["way"]["way"], "primary");

    let told = lone.told(&["route", "city", "standby", "--reason", "new disks"]);
    assert!(
        told.contains("generation 2") && told.contains("new disks"),
        "{told}"
    );
    lone.get("/a").await;
    assert_eq!(lone.seen_by_standby(0), ["GET /a"]);
    // It beats health: the standby that was ordered is asked though it is dead.
    lone.stop_standby(0).await;
    eventually("the standby is found dead", || async {
        (lone.site()["upstreams"][1]["up"] == false).then_some(())
    })
    .await;
    assert_eq!(lone.get("/b").await.status, 503);
    assert!(!lone.seen().contains(&"GET /b".to_owned()));

    // Copies alone: nobody is asked, also after a restart.
    lone.told(&["route", "city", "last-good"]);
    lone.restart().await;
    assert_eq!(lone.get(stored).await.status, 200);
    assert_eq!(lone.get("/c").await.status, 503);
    let posted = lone.ask("POST", CITY, "/d", "Content-Length: 0\r\n").await;
    assert_eq!(posted.status, 503);
    let seen = lone.seen();
    assert!(
        !seen
            .iter()
            .any(|one| one.ends_with("/c") || one.ends_with("/d")),
        "{seen:?}"
    );

    // The notice stands before what is stored, for every method, and ends by itself.
    let told = lone.told(&["route", "city", "notice", "--until", "+3s"]);
    assert!(told.contains("until 2"), "{told}");
    for method in ["GET", "HEAD", "POST"] {
        let answer = lone
            .ask(method, CITY, stored, "Content-Length: 0\r\n")
            .await;
        assert_eq!(answer.status, 503, "{method}");
        assert_eq!(answer.field("cache-control"), "no-store");
    }
    assert_eq!(lone.ask("GET", "other.example", "/", "").await.status, 200);
    lone.until_way(json!("primary")).await;
    assert_eq!(lone.get(stored).await.status, 200);
    let generation = lone.told(&["status"]);
    assert!(
        generation.contains("generation 4\n"),
        "time is no order: {generation}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_meant_is_refused() {
    let lone = LoneEdge::start("").await;
    for (arguments, expected) in [
        (&["route", "city", "standby"][..], "has no standby 1"),
        (&["route", "town", "primary"], "there is no site \"town\""),
        (&["route", "city", "up"], "is no route"),
        (
            &["route", "city", "notice", "--until", "soon"],
            "is no time",
        ),
        (
            &["route", "city", "notice", "--if-generation", "7"],
            "the edge is at generation 1",
        ),
    ] {
        let output = lone.yagura(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && told.contains(expected),
            "{told}"
        );
    }
    lone.told(&["route", "city", "primary", "--if-generation", "1"]);
    assert!(lone.told(&["status"]).contains("generation 2\n"));
}
