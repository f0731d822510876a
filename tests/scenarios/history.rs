//! What was ordered can be read afterwards, and taken back.

use serde_json::Value;

use crate::town::lone_edge::LoneEdge;

fn lines(lone: &LoneEdge) -> Vec<Value> {
    let outcome = lone.outcome(&["history"]);
    outcome["lines"].as_array().unwrap().clone()
}

fn refused(lone: &LoneEdge, arguments: &[&str]) -> String {
    let output = lone.yagura(arguments);
    assert!(!output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_told_with_who_when_why_before_and_after() {
    let mut lone = LoneEdge::start_with_standbys(1, "").await;
    assert!(lines(&lone).is_empty());
    lone.told(&["route", "city", "standby", "--reason", "new disks"]);
    lone.told(&["purge", "/a", "--site", "city"]);
    lone.told(&["route", "rest", "notice", "--until", "+2s"]);
    lone.told(&["reload"]);
    lone.restart().await;

    let told = lines(&lone);
    let numbers: Vec<_> = told
        .iter()
        .filter_map(|line| line["number"].as_u64())
        .collect();
    assert_eq!(numbers, [2, 3, 4, 5]);
    let first = &told[0];
    assert_eq!(first["site"], "city");
    assert_eq!(first["what"], "route standby 1");
    assert_eq!(first["reason"], "new disks");
    assert_eq!(first["before"], "primary: it answers");
    assert!(
        first["after"]
            .as_str()
            .unwrap()
            .starts_with("standby 1: ordered by uid ")
    );
    assert!(first["who"].as_str().unwrap().contains("pid "));
    assert!(first["at"].as_u64().unwrap() > 1_700_000_000_000);

    let for_people = lone.told(&["history", "city"]);
    for words in [
        "why        new disks",
        "refresh /a",
        "+09:00  city: route standby 1",
    ] {
        assert!(
            for_people.contains(words),
            "{words} is not in\n{for_people}"
        );
    }
    assert!(
        !for_people.contains("route notice"),
        "another site's: {for_people}"
    );
    assert_eq!(
        lone.outcome(&["history", "--last", "1"])["lines"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_taken_back_by_an_order() {
    let mut lone = LoneEdge::start_with_standbys(1, "").await;
    lone.told(&["route", "city", "standby"]);
    lone.told(&["route", "city", "last-good"]);
    lone.told(&["purge", "/a", "--site", "city", "--withdraw"]);

    let told = refused(&lone, &["undo", "2"]);
    assert!(
        told.contains("order 3 changed the same after order 2")
            && told.contains("take back 3 first"),
        "{told}"
    );
    let told = refused(&lone, &["undo", "4"]);
    assert!(told.contains("cannot be taken back: withdraw /a"), "{told}");
    let told = refused(&lone, &["undo", "9"]);
    assert!(told.contains("there is no order 9"), "{told}");
    let told = refused(&lone, &["undo", "3", "--if-generation", "3"]);
    assert!(told.contains("the edge is at generation 4"), "{told}");

    let told = lone.told(&["undo", "3", "--dry-run"]);
    assert!(
        told.contains("from last-good") && told.contains("to standby 1"),
        "{told}"
    );
    assert_eq!(lone.site()["way"]["way"], "last-good");
    lone.told(&["undo", "3", "--reason", "a slip"]);
    lone.restart().await;
    assert_eq!(lone.site()["way"]["way"]["standby"], 1);
    lone.told(&["undo", "2"]);
    assert_eq!(lone.site()["way"]["way"], "primary");
    let told = lines(&lone);
    assert_eq!(
        (&told[3]["undoes"], &told[3]["reason"]),
        (&Value::from(3), &Value::from("a slip"))
    );
    assert_eq!(told[4]["undoes"], 2);
}
