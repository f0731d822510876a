//! A site behind security clouds: readers come through them, and who comes directly is sent there,
//! but for the city hall, monitors and authorities, until the site's door is opened.
//!
//! Clouds, city hall and strangers are addresses of 127.0.0.0/8 that readers here connect from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yagura_control::Timestamp;
use yagura_control::client::Client;
use yagura_control::order::{Envelope, Order, ProofFile, ShowProofs};

use crate::town::alone::Answer;
use crate::town::callers::{answered, from, over_tls, plain, version_2};
use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};

/// Says in X-Forwarded-For who the reader is.
const CLOUD: [u8; 4] = [127, 81, 1, 7];
/// Says it by PROXY protocol.
const PROXY_CLOUD: [u8; 4] = [127, 81, 2, 7];
/// Says nothing.
const MUTE_CLOUD: [u8; 4] = [127, 81, 3, 7];
/// The next contract's, through which readers are not to come yet.
const NEXT_CLOUD: [u8; 4] = [127, 81, 4, 7];
const HALL: [u8; 4] = [127, 81, 5, 7];
const MONITOR: [u8; 4] = [127, 81, 6, 6];
const STRANGER: [u8; 4] = [127, 81, 9, 9];

const BEHIND: &str = "behind = [\"cloud\", \"proxy\", \"mute\"]\n";
const AROUND: &str = "\
[[cloud]]\nname = \"cloud\"\nranges = [\"127.81.1.0/24\"]\n\
[[cloud]]\nname = \"proxy\"\nranges = [\"127.81.2.0/24\"]\nproxy_protocol = true\n\
[[cloud]]\nname = \"mute\"\nranges = [\"127.81.3.0/24\"]\nheader = \"none\"\n\
[[cloud]]\nname = \"next\"\nranges = [\"127.81.4.0/24\"]\n\
[ingress]\ncity_hall = [\"127.81.5.0/24\", \"198.51.100.0/24\"]\nmonitors = [\"127.81.6.6\"]\n";

/// What stands on the page for who comes directly, and nowhere else.
const ELSEWHERE: &str = "この経路では表示できません";

/// An edge with a site behind three clouds, plain and over TLS, with a log.
async fn behind() -> LoneEdge {
    let mut edge = LoneEdge::start(&format!("http = \"serve\"\n{BEHIND}{AROUND}")).await;
    let listen = edge.tls_address();
    edge.change(
        "[[edge.listen]]",
        &format!(
            "[edge.access_log]\nfile = \"access.jsonl\"\n\
             [[edge.listen]]\naddress = \"{listen}\"\ntls = true\n[[edge.listen]]"
        ),
    );
    edge.tell_figures().await;
    edge
}

fn request(method: &str, target: &str, fields: &str) -> Vec<u8> {
    let length = if method == "POST" {
        "Content-Length: 0\r\n"
    } else {
        ""
    };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: {CITY}\r\nConnection: close\r\n{length}{fields}\r\n"
    )
    .into_bytes()
}

/// One request from an address; a cloud with PROXY protocol names `reader`, the others are given the
/// field.
async fn asked(
    edge: &LoneEdge,
    address: [u8; 4],
    reader: &str,
    method: &str,
    target: &str,
) -> Answer {
    let stream = from(address, plain(edge)).await;
    let head = announced(address, reader);
    let request = request(method, target, &format!("X-Forwarded-For: {reader}\r\n"));
    Answer::read(&answered(stream, &[head, request].concat()).await)
}

fn announced(address: [u8; 4], reader: &str) -> Vec<u8> {
    match address == PROXY_CLOUD {
        true => version_2(reader),
        false => Vec::new(),
    }
}

/// The same over HTTP/2; the status with the body.
async fn asked_over_http2(
    edge: &LoneEdge,
    address: [u8; 4],
    reader: &str,
    method: &str,
    target: &str,
) -> (u16, String) {
    let mut stream = from(address, edge.tls_address()).await;
    stream.write_all(&announced(address, reader)).await.unwrap();
    let stream = over_tls(edge, stream, b"h2").await;
    let (mut sender, driver) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(driver);
    let request = http::Request::builder()
        .method(method)
        .uri(format!("https://{CITY}{target}"))
        .header("x-forwarded-for", reader)
        .body(())
        .unwrap();
    let (answer, _) = sender.send_request(request, true).unwrap();
    body_of(answer.await.unwrap()).await
}

async fn body_of(answer: http::Response<h2::RecvStream>) -> (u16, String) {
    let (head, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    (head.status.as_u16(), String::from_utf8(bytes).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_directly_is_sent_to_the_cloud_and_never_gets_content() {
    let edge = behind().await;
    let forged = "198.51.100.7";
    let reader = "203.0.113.4";
    let cases = [
        ("a reader through the cloud", CLOUD, reader, 200),
        ("the city hall through the cloud", CLOUD, forged, 200),
        (
            "a reader through the cloud with PROXY",
            PROXY_CLOUD,
            reader,
            200,
        ),
        ("a reader through the mute cloud", MUTE_CLOUD, reader, 200),
        ("the city hall", HALL, reader, 200),
        ("a monitor", MONITOR, reader, 200),
        ("a stranger", STRANGER, reader, 403),
        ("a stranger who forges", STRANGER, forged, 403),
        ("a monitor's neighbour", [127, 81, 6, 7], reader, 403),
        ("a reader through the next cloud", NEXT_CLOUD, reader, 403),
        // Who tries the next cloud from the city hall sees the site.
        (
            "the city hall through the next cloud",
            NEXT_CLOUD,
            forged,
            200,
        ),
    ];
    for (number, (who, address, reader, status)) in cases.into_iter().enumerate() {
        let kept = format!("/kept/{number}?cc=max-age%3D60");
        // Somebody has read it before, so that it is in memory.
        assert_eq!(
            asked(&edge, CLOUD, "203.0.113.1", "GET", &kept)
                .await
                .status,
            200
        );
        let missed = format!("/missed/{number}");
        for (method, target) in [
            ("GET", &kept),
            ("HEAD", &kept),
            ("GET", &missed),
            ("POST", &missed),
        ] {
            let answer = asked(&edge, address, reader, method, target).await;
            let what = format!("{who}: {method} {target}: {}", answer.body);
            assert_eq!(answer.status, status, "{what}");
            let (over_http2, body) = asked_over_http2(&edge, address, reader, method, target).await;
            assert_eq!(over_http2, status, "{what} over HTTP/2");
            if status == 403 {
                assert_eq!(answer.field("cache-control"), "no-store", "{what}");
                assert!(
                    !answer.body.contains("answer ") && !body.contains("answer "),
                    "{what}"
                );
                if method != "HEAD" {
                    assert!(
                        answer.body.contains(ELSEWHERE) && body.contains(ELSEWHERE),
                        "{what}"
                    );
                    let url = format!("href=\"https://{CITY}/\"");
                    assert!(
                        answer.body.contains(&url) && answer.body.contains("lang=\"en\""),
                        "{what}"
                    );
                }
            }
        }
    }
    // Nothing that was refused reached the origin, and all of it is counted and told.
    let refused = [6, 7, 8, 9];
    for seen in edge.seen() {
        let number = seen.split("/missed/").nth(1);
        let number = number.map(|number| number.parse::<usize>().unwrap());
        assert!(
            !number.is_some_and(|number| refused.contains(&number)),
            "{seen}"
        );
    }
    let site = edge.site();
    assert_eq!(site["door"]["open"], false);
    assert_eq!(site["door"]["refused"], 4 * 8);
    let figures = edge.figures().await;
    for figure in [
        "yagura_door_open{site=\"city\"} 0",
        "yagura_turned_away_total{site=\"city\"} 32",
        "yagura_comings_total{site=\"city\",from=\"direct\",cloud=\"\"} 0",
        "yagura_comings_total{site=\"city\",from=\"monitor\",cloud=\"\"} 8",
        "yagura_comings_total{site=\"city\",from=\"city-hall\",cloud=\"\"} 16",
        "yagura_comings_total{site=\"city\",from=\"cloud\",cloud=\"cloud\"} 27",
        "yagura_comings_total{site=\"city\",from=\"cloud\",cloud=\"proxy\"} 8",
        "yagura_comings_total{site=\"city\",from=\"cloud\",cloud=\"mute\"} 8",
    ] {
        assert!(figures.contains(figure), "{figure}\n{figures}");
    }
    assert!(
        edge.told(&["status"])
            .contains("closed to who comes directly")
    );
    let log = std::fs::read_to_string(edge.folder().join("access.jsonl")).unwrap();
    let refusals = log
        .lines()
        .filter(|line| line.contains("\"outcome\":\"refused\""));
    assert!(refusals.count() > 0);
    // The other site is behind nothing, and lifts to TLS whoever asks.
    let stream = from(STRANGER, plain(&edge)).await;
    let request = b"GET / HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n";
    assert_eq!(Answer::read(&answered(stream, request).await).status, 308);
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_see_proofs_and_only_who_may_know_hears_of_the_door() {
    let edge = behind().await;
    // As of a real authority: token, a dot, the thumbprint of an account.
    let content = format!("token-1.{}", "t".repeat(43));
    let proofs = ShowProofs {
        files: vec![ProofFile {
            token: "token-1".to_owned(),
            content: content.clone(),
        }],
        until: now().plus(Duration::from_secs(600)),
    };
    let client = Client::new(edge.folder().join("edge.sock"), Duration::from_secs(10));
    client
        .order(&Envelope::of(Order::ShowProofs(proofs), ""))
        .await
        .unwrap();
    let proof = "/.well-known/acme-challenge/token-1";
    let answer = asked(&edge, STRANGER, "", "GET", proof).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, &*content));
    let (status, body) = asked_over_http2(&edge, STRANGER, "203.0.113.4", "GET", proof).await;
    assert_eq!((status, &*body), (200, &*content));

    let door = "/.well-known/yagura-ingress";
    for who in [HALL, MONITOR] {
        let answer = asked(&edge, who, "", "GET", door).await;
        assert_eq!(answer.field("cache-control"), "no-store");
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        let expected =
            json!({ "edge": "edge", "site": "city", "door": "closed", "stage": "cloud" });
        assert_eq!(told, expected);
        let answer = asked(&edge, who, "", "HEAD", door).await;
        assert!(answer.status == 200 && answer.body.is_empty());
    }
    let stranger = asked(&edge, STRANGER, "198.51.100.7", "GET", door).await;
    assert!(stranger.status == 403 && stranger.body.contains(ELSEWHERE));
    // For readers it is a page of the site like any other, and for the city hall behind the cloud.
    for reader in ["203.0.113.4", "198.51.100.7"] {
        let answer = asked(&edge, CLOUD, reader, "GET", door).await;
        assert!(answer.body.starts_with("answer "), "{}", answer.body);
    }
}

/// A connection that goes on.
struct Open(TcpStream);

impl Open {
    /// The status of the next answer over it.
    async fn get(&mut self, target: &str) -> u16 {
        let request = format!("HEAD {target} HTTP/1.1\r\nHost: {CITY}\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        let text = String::from_utf8(head).unwrap();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_closes_is_closed_to_open_connections_too() {
    let edge = behind().await;
    let kept = "/kept?cc=max-age%3D600";
    let mut stranger = Open(from(STRANGER, plain(&edge)).await);
    let mut cloud = Open(from(CLOUD, plain(&edge)).await);
    let stream = from(STRANGER, edge.tls_address()).await;
    let stream = over_tls(&edge, stream, b"h2").await;
    let (http2, driver) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(driver);
    let over_http2 = async || {
        let request = http::Request::builder().uri(format!("https://{CITY}{kept}"));
        let mut sender = http2.clone().ready().await.unwrap();
        let (answer, _) = sender
            .send_request(request.body(()).unwrap(), true)
            .unwrap();
        body_of(answer.await.unwrap()).await.0
    };
    for round in 0..3 {
        assert_eq!(stranger.get(kept).await, 403, "{round}");
        assert_eq!(over_http2().await, 403, "{round}");
        assert_eq!(cloud.get(kept).await, 200, "{round}");
        edge.change(BEHIND, "");
        edge.told(&["reload"]);
        for _twice in 0..2 {
            assert_eq!(stranger.get(kept).await, 200, "{round}");
            assert_eq!(over_http2().await, 200, "{round}");
            assert_eq!(cloud.get(kept).await, 200, "{round}");
        }
        edge.change("http = \"serve\"\n", &format!("http = \"serve\"\n{BEHIND}"));
        let told = edge.told(&["reload"]);
        assert!(!told.contains("restart"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_is_tried_then_shares_and_the_old_cloud_goes() {
    let edge = behind().await;
    let kept = "/kept?cc=max-age%3D600";
    let through = async |cloud: [u8; 4], reader: &str| {
        asked(&edge, cloud, reader, "GET", kept)
            .await
            .status
            .as_u16()
    };
    assert_eq!(through(CLOUD, "203.0.113.4").await, 200);
    assert_eq!(through(NEXT_CLOUD, "203.0.113.4").await, 403);
    assert_eq!(through(NEXT_CLOUD, "198.51.100.4").await, 200);
    let mut held = Open(from(CLOUD, plain(&edge)).await);
    assert_eq!(held.get(kept).await, 200);
    edge.change("behind = [\"cloud\",", "behind = [\"cloud\", \"next\",");
    edge.told(&["reload"]);
    assert_eq!(through(NEXT_CLOUD, "203.0.113.4").await, 200);
    assert_eq!(held.get(kept).await, 200);
    // The old one is taken out, and is a stranger then, also over what is open.
    edge.change("behind = [\"cloud\", ", "behind = [");
    edge.change(
        "[[cloud]]\nname = \"cloud\"\nranges = [\"127.81.1.0/24\"]\n",
        "",
    );
    edge.told(&["reload"]);
    assert_eq!(held.get(kept).await, 403);
    assert_eq!(through(CLOUD, "198.51.100.4").await, 403);
    assert_eq!(through(NEXT_CLOUD, "203.0.113.4").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_door_admits_everybody_is_told_of_and_survives_a_restart() {
    let mut edge = behind().await;
    let journal = edge.folder().join("edge/journal");
    edge.restart_with(|| {
        let snapshot = json!({
            "record": "snapshot", "generation": 7, "at": now(), "redirects": {}, "purges": {},
            "intents": { "city": { "ingress": { "stage": "bypass", "since": now() } } },
        });
        std::fs::write(
            &journal,
            yagura_control::journal::encode(&snapshot).unwrap(),
        )
        .unwrap();
    })
    .await;
    let kept = "/kept?cc=max-age%3D600";
    for who in [STRANGER, CLOUD, NEXT_CLOUD] {
        for _miss_and_hit in 0..2 {
            assert_eq!(
                asked(&edge, who, "203.0.113.4", "GET", kept).await.status,
                200
            );
        }
    }
    let told = asked(&edge, MONITOR, "", "GET", "/.well-known/yagura-ingress")
        .await
        .body;
    assert!(
        told.contains("\"door\":\"open\"") && told.contains("\"stage\":\"bypass\""),
        "{told}"
    );
    // Whoever would be shut out is counted as coming directly: strangers, and a cloud that the site
    // is not behind.
    eventually("the rate is told", || async {
        let door = &edge.site()["door"];
        (door["direct_last_minute"] == 4).then_some(())
    })
    .await;
    let door = &edge.site()["door"];
    assert!(
        door["direct_last_at"].is_u64() && door["open"] == true,
        "{door}"
    );
    let figures = edge.figures().await;
    for figure in [
        "yagura_door_open{site=\"city\"} 1",
        "yagura_comings_total{site=\"city\",from=\"direct\",cloud=\"\"} 4",
        "yagura_direct_requests_peak_minute{site=\"city\"} 4",
        "yagura_comings_total{site=\"city\",from=\"cloud\",cloud=\"cloud\"} 2",
    ] {
        assert!(figures.contains(figure), "{figure}\n{figures}");
    }
    edge.restart().await;
    assert_eq!(asked(&edge, STRANGER, "", "GET", kept).await.status, 200);
    assert!(
        edge.told(&["status"])
            .contains("OPEN to readers who come directly, stage bypass")
    );
}
