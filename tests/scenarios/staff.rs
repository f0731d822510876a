//! A site for staff: from the city hall alone, and in a disaster from everywhere, until a time.

use serde_json::Value;

use crate::town::alone::Answer;
use crate::town::callers::{answered, from, plain};
use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};

const HALL: [u8; 4] = [127, 82, 5, 7];
const CLOUD: [u8; 4] = [127, 82, 1, 7];
const MUTE_CLOUD: [u8; 4] = [127, 82, 6, 7];
const HOME: [u8; 4] = [127, 82, 9, 9];
/// Of a member of staff at home, behind the cloud.
const HOME_BEHIND: &str = "203.0.113.4";

/// The mute cloud stands within the city hall's network, as many do.
const STAFF: &str = "http = \"serve\"\n\
[[site]]\nname = \"staff\"\nhosts = [\"staff.example\"]\norigin = \"http://ORIGIN\"\nhttp = \"serve\"\nstaff = true\n\
[[cloud]]\nname = \"cloud\"\nranges = [\"127.82.1.0/24\"]\n\
[[cloud]]\nname = \"mute\"\nranges = [\"127.82.6.7/32\"]\nheader = \"none\"\n\
[ingress]\ncity_hall = [\"127.82.4.0/22\"]\nmonitors = [\"127.82.7.1\"]\n";

async fn with_staff() -> LoneEdge {
    let edge = LoneEdge::start("").await;
    let text = std::fs::read_to_string(edge.folder().join("edge.toml")).unwrap();
    let origin = text.split("origin = \"http://").nth(1).unwrap();
    let origin = origin.split('"').next().unwrap();
    let staff = STAFF.replace("ORIGIN", origin);
    edge.change(
        "[[site]]\nname = \"rest\"",
        &format!("{staff}[[site]]\nname = \"rest\""),
    );
    edge.told(&["reload"]);
    edge
}

async fn asked(
    edge: &LoneEdge,
    address: [u8; 4],
    host: &str,
    method: &str,
    fields: &str,
) -> Answer {
    let stream = from(address, plain(edge)).await;
    let request = format!(
        "{method} /page?cc=max-age%3D60 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Length: 0\r\n{fields}\r\n"
    );
    Answer::read(&answered(stream, request.as_bytes()).await)
}

/// What the origin is told of whence somebody comes; none who is not let in.
async fn access(edge: &LoneEdge, address: [u8; 4], fields: &str) -> Option<String> {
    let mut told = Vec::new();
    for method in ["GET", "GET", "POST"] {
        let answer = asked(edge, address, "staff.example", method, fields).await;
        let text = answer.field("seen-yagura-access").to_owned();
        assert!(
            answer.status == 200 || answer.status == 403,
            "{}",
            answer.status
        );
        assert_eq!(answer.status == 200, !text.is_empty(), "{text}");
        told.push((answer.status == 200).then_some(text));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    told.pop().flatten()
}

const FORGED: &str = "Yagura-Access: city-hall\r\nYagura_Access: city-hall\r\n\
                      X-Forwarded-For: 127.82.5.7\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_outside_is_admitted_for_a_time_and_the_origin_knows_it() {
    let mut edge = with_staff().await;
    let hall = Some("city-hall".to_owned());
    let outside = Some("outside".to_owned());
    let behind = format!("X-Forwarded-For: {HOME_BEHIND}\r\n");
    let from_hall = "X-Forwarded-For: 127.82.5.9\r\n";
    let closed = async |edge: &LoneEdge| {
        assert_eq!(access(edge, HALL, "").await, hall);
        assert_eq!(access(edge, HALL, "Yagura-Access: outside\r\n").await, hall);
        assert_eq!(access(edge, HOME, "").await, None);
        assert_eq!(access(edge, HOME, FORGED).await, None);
        assert_eq!(access(edge, [127, 82, 7, 1], "").await, hall);
        // The cloud names its readers, and is believed; one that names none is not the city hall.
        assert_eq!(access(edge, CLOUD, from_hall).await, hall);
        assert_eq!(access(edge, CLOUD, &behind).await, None);
        assert_eq!(access(edge, MUTE_CLOUD, FORGED).await, None);
    };
    closed(&edge).await;
    let open = [
        "staff",
        "open",
        "staff",
        "--until",
        "+1h",
        "--reason",
        "flood, nobody can come",
    ];
    let dry = edge.told(&[&open[..], &["--dry-run"]].concat());
    assert!(
        dry.contains("would be: staff: everybody is admitted until"),
        "{dry}"
    );
    closed(&edge).await;

    edge.told(&open);
    let opened = async |edge: &LoneEdge| {
        assert_eq!(access(edge, HALL, "").await, hall);
        assert_eq!(access(edge, HOME, "").await, outside);
        assert_eq!(access(edge, HOME, FORGED).await, outside);
        assert_eq!(access(edge, CLOUD, &behind).await, outside);
        assert_eq!(access(edge, CLOUD, from_hall).await, hall);
        assert_eq!(access(edge, MUTE_CLOUD, FORGED).await, outside);
    };
    opened(&edge).await;
    let status = edge.told(&["status"]);
    assert!(
        status.contains("WARNING    staff: everybody is admitted"),
        "{status}"
    );
    assert!(
        status.contains("OUTSIDE    admitted to the staff site until"),
        "{status}"
    );
    edge.restart().await;
    opened(&edge).await;

    // It is in the history, is taken back, and taken back again.
    let history = edge.told(&["history", "staff"]);
    assert!(
        history.contains("admit everybody to the staff site until"),
        "{history}"
    );
    assert!(history.contains("flood, nobody can come"), "{history}");
    let lines = edge.outcome(&["history", "staff"])["lines"].clone();
    let number = lines.as_array().unwrap().last().unwrap()["number"].to_string();
    edge.told(&["undo", &number]);
    closed(&edge).await;
    edge.told(&["staff", "open", "staff", "--until", "+2h"]);
    opened(&edge).await;
    edge.told(&["staff", "close", "staff", "--reason", "the water is gone"]);
    closed(&edge).await;
    edge.restart().await;
    closed(&edge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_by_itself_and_slips_are_told() {
    let edge = with_staff().await;
    for (arguments, words) in [
        (
            ["staff", "open", "rest", "--until", "+1h"],
            "not for staff alone",
        ),
        (
            ["staff", "open", "nowhere", "--until", "+1h"],
            "there is no site \"nowhere\"",
        ),
        (
            ["staff", "open", "staff", "--until", "+15d"],
            "at most 14 days",
        ),
        (
            ["staff", "open", "staff", "--until", "2020-01-01 10:00"],
            "is over",
        ),
    ] {
        let refused = edge.yagura(&arguments);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(
            !refused.status.success() && told.contains(words),
            "{arguments:?}: {told}"
        );
    }
    let told = edge.told(&["staff", "open", "staff", "--until", "+3s"]);
    assert!(told.contains("everybody is admitted until"), "{told}");
    eventually("the outside is shut out again", || async {
        let answer = asked(&edge, HOME, "staff.example", "GET", "").await;
        (answer.status == 403).then_some(())
    })
    .await;
    let line = eventually("the history says so", || async {
        let lines = edge.outcome(&["history", "staff"])["lines"].clone();
        let last = lines.as_array()?.last()?.clone();
        (last["who"] == "time").then_some(last)
    })
    .await;
    assert_eq!(line["after"], "city hall alone");
    assert_eq!(line["number"], Value::Null);
    assert!(!edge.told(&["status"]).contains("OUTSIDE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_tells_another_site_whence_he_comes() {
    let edge = with_staff().await;
    for host in [CITY, "other.example"] {
        for method in ["GET", "POST"] {
            let answer = asked(&edge, HALL, host, method, FORGED).await;
            assert_ne!(answer.status, 403, "{host}");
            assert_eq!(answer.field("seen-yagura-access"), "", "{host}");
        }
    }
}
