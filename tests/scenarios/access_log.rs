//! The access log: every request has its line, no line has what is a reader's own, and whatever
//! the disk or another program does to the file, readers notice nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::town::alone::Alone;
use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};
use crate::town::process::signal;
use crate::town::reader::Reader;

/// An edge whose log is the file `access/log.jsonl` of its folder.
async fn logging(keys: &str) -> LoneEdge {
    let mut edge = LoneEdge::start("").await;
    edge.change(
        "[[edge.listen]]",
        &format!("[edge.access_log]\nfile = \"access/log.jsonl\"\n{keys}\n[[edge.listen]]"),
    );
    edge.tell_figures().await;
    edge
}

fn log_file(edge: &LoneEdge) -> PathBuf {
    edge.folder().join("access/log.jsonl")
}

fn lines(text: &str) -> Vec<Value> {
    let whole = text.lines().map(|line| serde_json::from_str(line).unwrap());
    whole.collect()
}

/// So many lines, once they are there.
async fn written(edge: &LoneEdge, count: usize) -> Vec<Value> {
    eventually("the lines stand in the log", || async {
        let text = std::fs::read_to_string(log_file(edge)).ok()?;
        let lines = lines(&text);
        (lines.len() >= count).then_some(lines)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_its_line() {
    let edge = logging("query_values = [\"cc\"]\nhide_below = [\"/reset/\"]").await;
    let target = "/a?cc=max-age%3D60&q=tanaka";
    let fields = "User-Agent: reader\r\nReferer: https://x.example/from?secret=1\r\n\
                  X-Request-Id: forged\r\n";
    let miss = edge.ask("GET", CITY, target, fields).await;
    let hit = edge.ask("GET", CITY, target, fields).await;
    assert_eq!(hit.field("x-request-id"), "");
    edge.ask("REPORT", CITY, "/reset/abcdef", "").await;
    edge.ask("GET", CITY, "/a%2fb?TOKEN", "").await;
    edge.ask("POST", CITY, "/form", "Content-Length: 0\r\n")
        .await;
    let mut stream = edge.connected().await;
    stream
        .write_all(b"password=1 is no request\r\n\r\n")
        .await
        .unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let lines = written(&edge, 6).await;
    let told = |line: &Value| -> Value {
        [
            "site", "method", "target", "status", "cache", "outcome", "limit",
        ]
        .map(|key| line[key].clone())
        .into()
    };
    let expected = serde_json::json!([
        [
            "city",
            "GET",
            "/a?cc=max-age%3D60&q",
            200,
            "fwd=uri-miss",
            "miss",
            null
        ],
        [
            "city",
            "GET",
            "/a?cc=max-age%3D60&q",
            200,
            "hit",
            "hit",
            null
        ],
        [
            "city", "REPORT", "/reset/*", 405, null, "refused", "methods"
        ],
        ["city", "GET", "/a%2fb?*", 400, null, "refused", "path"],
        ["city", "POST", "/form", 200, "fwd=bypass", "none", null],
        [null, null, null, 400, null, "refused", null],
    ]);
    assert_eq!(
        Value::from(lines.iter().map(told).collect::<Vec<_>>()),
        expected
    );
    for line in &lines[..2] {
        assert_eq!(line["user_agent"], "reader");
        assert_eq!(line["referer"], "https://x.example/from");
        assert_eq!(line["protocol"], "HTTP/1.1");
        assert_eq!(line["bytes"], miss.body.len());
        assert!(
            line["first_byte_us"].as_u64() <= line["took_us"].as_u64(),
            "{line}"
        );
    }
    // Its network alone.
    let client = lines[0]["client"].as_str().unwrap();
    assert!(client.ends_with(".0/24"), "{client}");
    let ids: BTreeSet<&str> = lines
        .iter()
        .map(|line| line["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), lines.len());
    // The origin and the reader know it by the same name, which is not the reader's.
    assert_eq!(miss.field("x-request-id"), lines[0]["request_id"]);
    let text = std::fs::read_to_string(log_file(&edge)).unwrap();
    for secret in ["tanaka", "abcdef", "TOKEN", "secret", "password", "forged"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_over_http2_and_tls_have_theirs() {
    let alone = Alone::logging_over_tls("access.jsonl").await;
    let (address, authority) = alone.tls();
    let reader = Reader::new(address, "localhost", &authority);
    let mut sender = reader.http2().await;
    for (method, target, body) in [
        ("GET", "/a?cc=max-age%3D60", ""),
        ("GET", "/a?cc=max-age%3D60", ""),
        ("POST", "/form", "x"),
    ] {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://localhost{target}"))
            .body(())
            .unwrap();
        let (answer, mut stream) = sender.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(body.into(), true).unwrap();
        }
        let mut answer = answer.await.unwrap().into_body();
        while let Some(piece) = answer.data().await {
            let _window = answer.flow_control().release_capacity(piece.unwrap().len());
        }
    }
    let lines = eventually("the lines stand in the log", || async {
        let text = std::fs::read_to_string(alone.file("access.jsonl")).ok()?;
        let lines = lines(&text);
        (lines.len() >= 3).then_some(lines)
    })
    .await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["protocol"].as_str(),
                line["tls"].as_str(),
                line["outcome"].as_str(),
            )
        })
        .collect();
    let over = |outcome| (Some("HTTP/2"), Some("TLSv1.3"), Some(outcome));
    assert_eq!(told, [over("miss"), over("hit"), over("none")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_left_when_they_are_full_and_the_oldest_go() {
    let edge = logging("rotate_at = \"4KiB\"\nkeep_files = 2").await;
    let target = format!("/long/{}", "x".repeat(500));
    let folder = edge.folder().join("access");
    let files = || -> BTreeSet<String> {
        let entries = std::fs::read_dir(&folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let mut seen = BTreeSet::new();
    eventually("four files were left", || {
        let (edge, target) = (&edge, &target);
        seen.extend(files());
        let enough = seen.len() > 4;
        async move {
            edge.get(target).await;
            enough.then_some(())
        }
    })
    .await;
    assert!(files().len() <= 3, "{:?}", files());
    for file in files() {
        lines(&std::fs::read_to_string(folder.join(file)).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_may_take_the_file_away() {
    let edge = logging("rotate = false").await;
    edge.get("/before").await;
    written(&edge, 1).await;
    let taken = edge.folder().join("access/taken");
    std::fs::rename(log_file(&edge), &taken).unwrap();
    signal(edge.pid(), "HUP");
    eventually("a new file has begun", || async {
        edge.get("/after").await;
        log_file(&edge).exists().then_some(())
    })
    .await;
    assert_eq!(
        lines(&std::fs::read_to_string(taken).unwrap())[0]["target"],
        "/before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_is_told_of_and_stops_nobody() {
    let edge = logging("rotate = false").await;
    edge.get("/before").await;
    written(&edge, 1).await;
    // A device that is always full, in the place of the file.
    let away = edge.folder().join("access/away");
    std::fs::rename(log_file(&edge), away).unwrap();
    std::os::unix::fs::symlink("/dev/full", log_file(&edge)).unwrap();
    signal(edge.pid(), "HUP");
    let lost = "yagura_access_log_dropped_total{because=\"disk\"}";
    eventually("lines are lost", || async {
        assert_eq!(edge.get("/lost").await.status, 200);
        (edge.figure(lost).await? >= 1).then_some(())
    })
    .await;
    assert_eq!(edge.figure("yagura_access_log_failing").await, Some(1));
    let warnings = &edge.outcome(&["status"])["warnings"];
    assert!(
        warnings[0].as_str().unwrap().contains("access log"),
        "{warnings}"
    );
    std::fs::remove_file(log_file(&edge)).unwrap();
    signal(edge.pid(), "HUP");
    eventually("it is written again", || async {
        (edge.figure("yagura_access_log_failing").await? == 0).then_some(())
    })
    .await;
    let lines = written(&edge, 1).await;
    let missing = lines
        .iter()
        .find(|line| line["lines_lost"].is_u64())
        .unwrap();
    assert_eq!(missing["because"], "the disk took nothing");
    let log = std::fs::read_to_string(edge.folder().join("log")).unwrap_or_default();
    assert!(log.matches("cannot be written").count() <= 1, "{log}");
}
