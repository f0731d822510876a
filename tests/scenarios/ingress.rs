//! Who the reader is where a security cloud stands in front: whatever strangers write, the edge
//! believes only the clouds that it knows, each in its own way.
//!
//! Clouds and strangers are addresses of 127.0.0.0/8 that readers here connect from.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::alone::Answer;
use crate::town::callers::{answered, from, over_tls, plain, text, version_1, version_2};
use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};
use crate::town::process::Running;

/// Says in X-Forwarded-For who the reader is.
const OLD_CLOUD: [u8; 4] = [127, 80, 1, 7];
/// Says it by PROXY protocol.
const NEW_CLOUD: [u8; 4] = [127, 80, 2, 7];
/// Says nothing.
const MUTE_CLOUD: [u8; 4] = [127, 80, 3, 7];
const STRANGER: [u8; 4] = [127, 80, 9, 9];

const CLOUDS: &str = "\
[[cloud]]\nname = \"old\"\nranges = [\"127.80.1.0/24\", \"2001:db8:c::/48\"]\n\
[[cloud]]\nname = \"new\"\nranges = [\"127.80.2.0/24\"]\nproxy_protocol = true\n\
[[cloud]]\nname = \"mute\"\nranges = [\"127.80.3.0/24\"]\nheader = \"none\"\n";

/// An edge that knows three clouds and writes whole addresses into its log.
async fn behind_clouds(edge_lines: &str) -> LoneEdge {
    let mut edge = LoneEdge::start("http = \"serve\"\n").await;
    let listen = edge.tls_address();
    edge.change(
        "[[edge.listen]]",
        &format!(
            "{edge_lines}\n[edge.access_log]\nfile = \"access.jsonl\"\naddresses = \"full\"\n\
             [[edge.listen]]\naddress = \"{listen}\"\ntls = true\n[[edge.listen]]"
        ),
    );
    let text = std::fs::read_to_string(edge.folder().join("edge.toml")).unwrap();
    std::fs::write(edge.folder().join("edge.toml"), text + CLOUDS).unwrap();
    edge.tell_figures().await;
    edge
}

fn get(target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {CITY}\r\nConnection: close\r\n{fields}\r\n")
        .into_bytes()
}

/// Asks from an address, and gives what the origin was told of the reader.
async fn asked(edge: &LoneEdge, address: [u8; 4], target: &str, fields: &str) -> Answer {
    let stream = from(address, plain(edge)).await;
    Answer::read(&answered(stream, &get(target, fields)).await)
}

/// The line of the request with this target, once it stands in the log.
async fn line_of(edge: &LoneEdge, target: &str) -> Value {
    eventually("the line stands in the log", || async {
        let text = std::fs::read_to_string(edge.folder().join("access.jsonl")).ok()?;
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .rev()
            .find(|line: &Value| line["target"].as_str() == Some(target))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_headers_never_win_and_the_clouds_own_word_does() {
    let edge = behind_clouds("").await;
    let forged = "X-Forwarded-For: 192.0.2.66\r\nForwarded: for=192.0.2.66\r\n\
                  X-Real-IP: 192.0.2.66\r\n";
    let cases = [
        ("a stranger", STRANGER, forged.to_owned(), text(STRANGER)),
        (
            "a mute cloud",
            MUTE_CLOUD,
            forged.to_owned(),
            text(MUTE_CLOUD),
        ),
        (
            "a reader",
            OLD_CLOUD,
            "X-Forwarded-For: 198.51.100.4\r\n".to_owned(),
            "198.51.100.4".to_owned(),
        ),
        (
            "one who forges",
            OLD_CLOUD,
            format!("{forged}X-Forwarded-For: 127.80.1.9, 198.51.100.4\r\n"),
            "198.51.100.4".to_owned(),
        ),
        (
            "one who comes through two clouds",
            OLD_CLOUD,
            "X-Forwarded-For: 192.0.2.66, 198.51.100.4, 127.80.2.1, ::ffff:127.80.3.1\r\n"
                .to_owned(),
            "198.51.100.4".to_owned(),
        ),
        (
            "one with IPv6",
            OLD_CLOUD,
            "X-Forwarded-For: 2001:db8:c::1, [2001:db8::5]:4711, 2001:db8:c::9\r\n".to_owned(),
            "2001:db8::5".to_owned(),
        ),
        (
            "one with IPv4 in the form of IPv6",
            OLD_CLOUD,
            "X-Forwarded-For: ::ffff:198.51.100.4\r\n".to_owned(),
            "198.51.100.4".to_owned(),
        ),
        (
            "one whom the cloud does not know",
            OLD_CLOUD,
            "X-Forwarded-For: 192.0.2.66, unknown, 127.80.1.3\r\n".to_owned(),
            "127.80.1.3".to_owned(),
        ),
        (
            "the cloud itself",
            OLD_CLOUD,
            String::new(),
            text(OLD_CLOUD),
        ),
    ];
    for (number, (who, address, fields, expected)) in cases.iter().enumerate() {
        // A miss, a hit, and what goes through pingora.
        let kept = format!("/kept/{number}");
        let target = format!("{kept}?cc=max-age%3D60");
        for _miss_and_hit in 0..2 {
            let answer = asked(&edge, *address, &target, fields).await;
            assert_eq!(answer.status, 200, "{who}");
            assert_eq!(answer.field("seen-x-forwarded-for"), expected, "{who}");
        }
        let shown = eventually("both lines stand in the log", || async {
            let log = std::fs::read_to_string(edge.folder().join("access.jsonl")).ok()?;
            let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
            let lines = lines.filter(|line: &Value| {
                let target = line["target"].as_str().unwrap_or_default();
                target.starts_with(&format!("{kept}?"))
            });
            let told: Vec<(Value, Value)> = lines
                .map(|line| (line["outcome"].clone(), line["client"].clone()))
                .collect();
            (told.len() == 2).then_some(told)
        })
        .await;
        let expected = Value::from(expected.as_str());
        let both = [
            ("miss".into(), expected.clone()),
            ("hit".into(), expected.clone()),
        ];
        assert_eq!(shown, both, "{who}");

        let form = format!("/form/{number}");
        let request = format!(
            "POST {form} HTTP/1.1\r\nHost: {CITY}\r\nConnection: close\r\n\
             Content-Length: 1\r\n{fields}\r\nx"
        );
        let stream = from(*address, plain(&edge)).await;
        let answer = Answer::read(&answered(stream, request.as_bytes()).await);
        assert_eq!(answer.field("seen-x-forwarded-for"), expected, "{who}");
        assert_eq!(line_of(&edge, &form).await["client"], expected, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_over_a_clouds_connection_has_its_own_reader() {
    let edge = behind_clouds("").await;
    let mut stream = from(OLD_CLOUD, plain(&edge)).await;
    for (number, reader) in ["198.51.100.1", "198.51.100.2", "", "198.51.100.3"]
        .iter()
        .enumerate()
    {
        let fields = if reader.is_empty() {
            String::new()
        } else {
            format!("X-Forwarded-For: {reader}\r\n")
        };
        let request = format!("HEAD /own/{number} HTTP/1.1\r\nHost: {CITY}\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let line = line_of(&edge, &format!("/own/{number}")).await;
        let own = text(OLD_CLOUD);
        let expected = if reader.is_empty() { &own } else { *reader };
        assert_eq!(line["client"], *expected);
    }
    // What cannot be read is nobody's but the connection's.
    stream.write_all(b"no request\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let refused = eventually("the refusal stands in the log", || async {
        let log = std::fs::read_to_string(edge.folder().join("access.jsonl")).ok()?;
        let mut lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.find(|line: &Value| line["status"] == 400)
    })
    .await;
    assert_eq!(refused["client"], text(OLD_CLOUD));
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_limits_and_allowed_networks_are_about_the_reader() {
    let limits = "[edge.limits]\nexempt = []\nconnections_per_network = 2\n\
                  requests_per_network = 1\nrequests_burst = 5\n";
    let edge = behind_clouds(limits).await;
    edge.change(
        "[[site]]\nname = \"rest\"",
        "[[site]]\nname = \"hall\"\nhosts = [\"hall.example\"]\norigin = \"http://127.0.0.1:1\"\n\
         http = \"serve\"\nallow_from = [\"198.51.100.0/24\"]\n[[site]]\nname = \"rest\"",
    );
    edge.told(&["reload"]);

    // Allowed networks.
    let hall = async |address: [u8; 4], reader: &str| {
        let stream = from(address, plain(&edge)).await;
        let request = format!(
            "GET / HTTP/1.1\r\nHost: hall.example\r\nConnection: close\r\n\
             X-Forwarded-For: {reader}\r\n\r\n"
        );
        Answer::read(&answered(stream, request.as_bytes()).await).status
    };
    assert_eq!(hall(STRANGER, "198.51.100.4").await, 403);
    assert_eq!(hall(OLD_CLOUD, "198.51.100.4, 203.0.113.1").await, 403);
    // Its origin is not there, and so he was let in.
    assert_eq!(hall(OLD_CLOUD, "198.51.100.4").await, 503);

    // Connections: more than two of the cloud, though one network has no more.
    let mut open = Vec::new();
    for _ in 0..6 {
        let mut stream = from(OLD_CLOUD, plain(&edge)).await;
        let request = format!("GET /warm?cc=max-age%3D60 HTTP/1.1\r\nHost: {CITY}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H');
        open.push(stream);
    }
    drop(open);

    // Requests: one reader asks too much, another may still ask.
    let reader = "X-Forwarded-For: 203.0.113.77\r\n";
    let mut refused = 0;
    for number in 0..20 {
        let answer = asked(&edge, OLD_CLOUD, &format!("/much/{number}"), reader).await;
        refused += u32::from(answer.status == 429);
    }
    assert!(refused >= 5, "{refused} refused");
    let other = "X-Forwarded-For: 203.0.114.1\r\n";
    assert_eq!(asked(&edge, OLD_CLOUD, "/other", other).await.status, 200);

    // Bans, of what is in memory too; the connection goes on for others.
    let whole = edge.yagura(&["ban", "add", "127.80.1.0/24"]);
    assert!(!whole.status.success());
    let told = String::from_utf8(whole.stderr).unwrap();
    assert!(told.contains("banned by their own addresses"), "{told}");
    edge.told(&["ban", "add", "192.0.2.0/24"]);
    let kept = "/warm?cc=max-age%3D60";
    let banned = "X-Forwarded-For: 192.0.2.66\r\n";
    assert_eq!(asked(&edge, OLD_CLOUD, kept, banned).await.status, 403);
    assert_eq!(asked(&edge, OLD_CLOUD, kept, other).await.status, 200);
    assert_eq!(asked(&edge, STRANGER, kept, banned).await.status, 200);
    let over = from(NEW_CLOUD, plain(&edge)).await;
    let request = [version_2("192.0.2.66"), get(kept, "")].concat();
    assert!(answered(over, &request).await.is_empty());
    let over = from(NEW_CLOUD, plain(&edge)).await;
    let request = [version_2("198.51.100.4"), get(kept, "")].concat();
    assert_eq!(Answer::read(&answered(over, &request).await).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_protocol_is_taken_from_its_cloud_alone() {
    let edge = behind_clouds("").await;
    let readers = [
        version_1("198.51.100.4"),
        version_2("198.51.100.4"),
        version_1("2001:db8::5"),
        version_2("2001:db8::5"),
    ];
    let forged = "X-Forwarded-For: 192.0.2.66\r\n";
    for (number, header) in readers.iter().enumerate() {
        let expected = if number < 2 {
            "198.51.100.4"
        } else {
            "2001:db8::5"
        };
        let target = format!("/proxied/{number}");
        let stream = from(NEW_CLOUD, plain(&edge)).await;
        let request = [&header[..], &get(&target, forged)].concat();
        let answer = Answer::read(&answered(stream, &request).await);
        assert_eq!(answer.field("seen-x-forwarded-for"), expected);
        assert_eq!(line_of(&edge, &target).await["client"], expected);
        // From others these bytes are no request.
        for stranger in [STRANGER, OLD_CLOUD] {
            let stream = from(stranger, plain(&edge)).await;
            let answer = answered(stream, &request).await;
            assert!(answer.starts_with(b"HTTP/1.1 400 "), "{number}");
        }
    }
    // Who speaks for itself is itself, and is not believed about others.
    let itself = [&b"PROXY UNKNOWN\r\n"[..], &get("/itself", forged)].concat();
    let stream = from(NEW_CLOUD, plain(&edge)).await;
    let answer = Answer::read(&answered(stream, &itself).await);
    assert_eq!(answer.field("seen-x-forwarded-for"), text(NEW_CLOUD));
    // Where PROXY names the older cloud, that one's field is read.
    let chained = [
        version_2(&text(OLD_CLOUD)),
        get("/chained", "X-Forwarded-For: 192.0.2.66, 198.51.100.9\r\n"),
    ];
    let stream = from(NEW_CLOUD, plain(&edge)).await;
    let answer = Answer::read(&answered(stream, &chained.concat()).await);
    assert_eq!(answer.field("seen-x-forwarded-for"), "198.51.100.9");

    // Without it nobody is let in from there, and that is counted.
    let refused = "yagura_refused_total{limit=\"proxy_protocol\"}";
    let before = edge.figure(refused).await.unwrap_or(0);
    let broken = b"PROXY TCP4 198.51.100.4 127.0.0.1 4711\r\n".to_vec();
    for request in [
        get("/", ""),
        broken,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(),
    ] {
        let stream = from(NEW_CLOUD, plain(&edge)).await;
        assert!(answered(stream, &request).await.is_empty());
    }
    assert_eq!(edge.figure(refused).await, Some(before + 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_too_slowly_before_tls_is_closed() {
    let edge = behind_clouds("[edge.limits]\nhead_timeout = \"1s\"\n").await;
    let stream = from(NEW_CLOUD, edge.tls_address()).await;
    assert!(answered(stream, b"PROXY TCP4 198.51").await.is_empty());
    let refused = "yagura_refused_total{limit=\"proxy_protocol\"}";
    assert_eq!(edge.figure(refused).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_the_same_over_tls_and_http2() {
    let edge = behind_clouds("").await;
    let cases = [
        (
            "proxied-1",
            NEW_CLOUD,
            version_1("198.51.100.4"),
            "198.51.100.4",
        ),
        (
            "proxied-2",
            NEW_CLOUD,
            version_2("2001:db8::5"),
            "2001:db8::5",
        ),
        ("in-fields", OLD_CLOUD, Vec::new(), "192.0.2.66"),
        ("stranger", STRANGER, Vec::new(), "127.80.9.9"),
    ];
    let forged = "X-Forwarded-For: 192.0.2.66\r\n";
    for (who, address, header, expected) in cases {
        let mut stream = from(address, edge.tls_address()).await;
        stream.write_all(&header).await.unwrap();
        let stream = over_tls(&edge, stream, b"http/1.1").await;
        let target = format!("/tls/{who}");
        let answer = Answer::read(&answered(stream, &get(&target, forged)).await);
        assert_eq!(answer.field("seen-x-forwarded-for"), expected, "{who}");
        assert_eq!(line_of(&edge, &target).await["client"], expected, "{who}");

        let mut stream = from(address, edge.tls_address()).await;
        stream.write_all(&header).await.unwrap();
        let stream = over_tls(&edge, stream, b"h2").await;
        let (mut sender, driver) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(driver);
        for (number, method) in ["GET", "GET", "POST"].iter().enumerate() {
            let target = format!("/http2/{who}?cc=max-age%3D60");
            let request = http::Request::builder()
                .method(*method)
                .uri(format!("https://{CITY}{target}"))
                .header("x-forwarded-for", "192.0.2.66")
                .body(())
                .unwrap();
            let (answer, _) = sender.send_request(request, true).unwrap();
            let answer = answer.await.unwrap();
            assert_eq!(
                answer.headers()["seen-x-forwarded-for"],
                expected,
                "{who} {number}"
            );
        }
        let clients = eventually("three lines stand in the log", || async {
            let log = std::fs::read_to_string(edge.folder().join("access.jsonl")).ok()?;
            let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
            let lines = lines.filter(|line: &Value| {
                let target = line["target"].as_str().unwrap_or_default();
                target.starts_with(&format!("/http2/{who}?"))
            });
            let clients: Vec<Value> = lines.map(|line| line["client"].clone()).collect();
            (clients.len() == 3).then_some(clients)
        })
        .await;
        assert_eq!(clients, vec![Value::from(expected); 3], "{who}");
    }

    // A ban reaches what is in memory, over a connection that goes on for others.
    edge.told(&["ban", "add", "192.0.2.0/24"]);
    let stream = from(OLD_CLOUD, edge.tls_address()).await;
    let stream = over_tls(&edge, stream, b"h2").await;
    let (mut sender, driver) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(driver);
    for (reader, status) in [("192.0.2.66", 403), ("198.51.100.4", 200)] {
        let request = http::Request::builder()
            .uri(format!("https://{CITY}/banned?cc=max-age%3D60"))
            .header("x-forwarded-for", reader)
            .body(())
            .unwrap();
        for _miss_and_hit in 0..2 {
            let (answer, _) = sender.send_request(request.clone(), true).unwrap();
            assert_eq!(answer.await.unwrap().status(), status, "{reader}");
        }
    }
    let request = http::Request::builder()
        .uri(format!("https://{CITY}/banned?cc=max-age%3D60"))
        .header("x-forwarded-for", "192.0.2.66");
    let (answer, _) = sender
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    assert_eq!(answer.await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_whom_the_edge_believes_on_open_connections_too() {
    let edge = behind_clouds("").await;
    let reader = "X-Forwarded-For: 198.51.100.4\r\n";
    let mut open = from(OLD_CLOUD, plain(&edge)).await;
    let request = format!("HEAD /first HTTP/1.1\r\nHost: {CITY}\r\n{reader}\r\n");
    open.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(line_of(&edge, "/first").await["client"], "198.51.100.4");
    edge.change("127.80.1.0/24", "127.80.4.0/24");
    let told = edge.told(&["reload"]);
    assert!(!told.contains("restart"), "{told}");
    let answer = answered(open, &get("/second", reader)).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert_eq!(line_of(&edge, "/second").await["client"], text(OLD_CLOUD));
    let answer = asked(&edge, [127, 80, 4, 1], "/third", reader).await;
    assert_eq!(answer.field("seen-x-forwarded-for"), "198.51.100.4");
}

#[tokio::test(flavor = "multi_thread")]
async fn haproxy_is_understood_in_both_versions() {
    let edge = behind_clouds("").await;
    let (to, to_tls) = (plain(&edge), edge.tls_address());
    let at = to.ip();
    let source = text(NEW_CLOUD);
    let mut frontends = String::new();
    for (port, to, send) in [
        (7001, to, "send-proxy"),
        (7002, to, "send-proxy-v2"),
        (7003, to_tls, "send-proxy-v2"),
    ] {
        frontends += &format!(
            "listen l{port}\n  bind {at}:{port}\n  server edge {to} source {source} {send}\n"
        );
    }
    let config = edge.file(
        "haproxy.cfg",
        format!(
            "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  \
             timeout server 60s\n{frontends}"
        ),
    );
    let log = edge.folder().join("haproxy.log");
    let mut haproxy = std::process::Command::new("/usr/sbin/haproxy");
    let _haproxy = Running::start_command(haproxy.args(["-db", "-f", &config]), &log);
    for port in [7001, 7002, 7003] {
        let address = SocketAddr::new(at, port);
        eventually("haproxy listens", || async {
            TcpStream::connect(address).await.ok()
        })
        .await;
        let stream = from(STRANGER, address).await;
        let target = format!("/haproxy/{port}");
        let answer = if port == 7003 {
            let stream = over_tls(&edge, stream, b"http/1.1").await;
            answered(stream, &get(&target, "")).await
        } else {
            answered(stream, &get(&target, "")).await
        };
        let answer = Answer::read(&answer);
        assert_eq!(answer.field("seen-x-forwarded-for"), text(STRANGER));
        assert_eq!(line_of(&edge, &target).await["client"], text(STRANGER));
    }
}
