//! Inspection of requests, with Debian's library and rules: what is refused and what passes, what an
//! attacker can make it cost. What happens when workers die or rules are broken stands in
//! `waf_workers.rs`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use yagura_waf::set::{self, Sample};

use crate::town::alone::Answer;
use crate::town::eventually;
use crate::town::lone_edge::{CITY, LoneEdge};

/// An edge whose first site is inspected in a mode, with further keys of `[waf]`.
pub(crate) async fn inspecting(mode: &str, keys: &str) -> LoneEdge {
    let mut lone = LoneEdge::start("cache = true").await;
    lone.change(
        "cache = true\n",
        &format!("waf = \"{mode}\"\nmax_body = \"8MiB\"\n"),
    );
    lone.change("[edge]\n", &format!("[waf]\n{keys}\n[edge]\n"));
    lone.restart().await;
    until_ready(&lone).await;
    lone
}

pub(crate) async fn until_ready(lone: &LoneEdge) {
    eventually("the WAF is ready", || async {
        (status(lone)["ready"] == true).then_some(())
    })
    .await;
}

pub(crate) fn status(lone: &LoneEdge) -> Value {
    lone.outcome(&["status"])["waf"].clone()
}

pub(crate) fn number(status: &Value, name: &str) -> u64 {
    status[name].as_u64().unwrap()
}

/// Sends a sample as a browser would, and gives the answer.
pub(crate) async fn send(lone: &LoneEdge, sample: &Sample) -> Answer {
    let body = sample.body_bytes();
    let mut head = format!("{} {} HTTP/1.1\r\n", sample.method(), sample.target);
    for (name, value) in sample.fields() {
        let value = if name == "host" { CITY } else { &value };
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("connection: close\r\n\r\n");
    exchange(lone.connected().await, &[head.into_bytes(), body].concat()).await
}

async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Answer {
    // An edge that refuses need not read it all.
    let _closed_before = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
    let _reset_after_the_answer = read.expect("the edge left the connection open");
    Answer::read(&answer)
}

fn samples(name: &str) -> Vec<Sample> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/waf")
        .join(name);
    set::read(&std::fs::read_to_string(file).unwrap()).unwrap()
}

pub(crate) fn get(target: &str) -> Sample {
    Sample {
        target: target.to_owned(),
        ..Sample::default()
    }
}

pub(crate) fn post(target: &str, kind: &str, body: &str) -> Sample {
    Sample {
        target: target.to_owned(),
        headers: [("content-type".to_owned(), kind.to_owned())].into(),
        body: Some(body.to_owned()),
        ..Sample::default()
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const ATTACK: &str = "/item?id=1%27%20OR%20%271%27%3D%271";

/// The attacks of a set that were not refused.
async fn missed(lone: &LoneEdge, attacks: &[Sample]) -> Vec<String> {
    let mut missed = Vec::new();
    for attack in attacks {
        // What cannot be read in one way only is refused before any rule is asked.
        if !matches!(send(lone, attack).await.status.as_u16(), 400 | 403) {
            missed.push(attack.name.clone());
        }
    }
    missed
}

/// The ordinary requests of a set that were refused, with the status.
async fn refused(lone: &LoneEdge, ordinary: &[Sample]) -> Vec<(String, u16)> {
    let mut refused = Vec::new();
    for request in ordinary {
        let status = send(lone, request).await.status.as_u16();
        if matches!(status, 400 | 403 | 405 | 413 | 414 | 429 | 431) || status >= 500 {
            refused.push((request.name.clone(), status));
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_refused_and_what_a_town_is_asked_passes() {
    let lone = inspecting("on", "").await;
    let share = |part: usize, whole: usize| 100.0 * part as f64 / whole as f64;
    let mut below = Vec::new();
    for pair in ["", "blind-", "second-"] {
        let attacks = samples(&format!("{pair}attacks.jsonl"));
        let ordinary = samples(&format!("{pair}ordinary.jsonl"));
        assert!(attacks.len() >= 80 && ordinary.len() >= 150);
        let missed = missed(&lone, &attacks).await;
        let refused = refused(&lone, &ordinary).await;
        let caught = share(attacks.len() - missed.len(), attacks.len());
        let wrong = share(refused.len(), ordinary.len());
        println!(
            "{pair}: {caught:.1} % of {} attacks refused; missed {missed:?}",
            attacks.len()
        );
        println!(
            "{pair}: {wrong:.1} % of {} ordinary requests refused: {refused:?}",
            ordinary.len()
        );
        if caught < 95.0 || wrong > 3.0 {
            below.push(pair);
        }
    }
    assert!(below.is_empty(), "{below:?}");
    let status = status(&lone);
    println!(
        "{} us of CPU time a verdict",
        number(&status, "cpu_us") / number(&status, "verdicts")
    );
    assert_eq!(
        (number(&status, "lost"), number(&status, "deadlines")),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origin_gets_bodies_as_they_came() {
    let lone = inspecting("on", "").await;
    let line = "ごみの分別について教えてください。\r\n";
    for length in [
        10,
        900,
        16 << 10,
        60_000,
        70_000,
        130_000,
        140_000,
        600_000,
        3_000_000,
    ] {
        let text: String = line.chars().cycle().take(length / 3).collect();
        let part = "Content-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain";
        let upload = format!("--b\r\n{part}\r\n\r\n{text}\r\n--b--\r\n");
        for (kind, body) in [
            ("text/plain; charset=utf-8", text.clone()),
            (FORM, format!("q={}", "%e3%81%82".repeat(length / 9))),
            ("multipart/form-data; boundary=b", upload),
        ] {
            for chunked in [false, true] {
                for expects in [false, true] {
                    let expected = format!("with {} bytes: {body}", body.len());
                    let answer = upload_slowly(&lone, kind, &body, chunked, expects).await;
                    let what = format!("{kind}, {length}, chunked {chunked}, expects {expects}");
                    assert_eq!(answer.status, 200, "{what}");
                    assert!(
                        answer.body.ends_with(&expected),
                        "{what}: {:.200}",
                        answer.body
                    );
                }
            }
        }
    }
}

/// Sends a body in pieces of odd sizes.
async fn upload_slowly(
    lone: &LoneEdge,
    kind: &str,
    body: &str,
    chunked: bool,
    expects: bool,
) -> Answer {
    let framing = match chunked {
        true => "transfer-encoding: chunked".to_owned(),
        false => format!("content-length: {}", body.len()),
    };
    let expect = if expects {
        "expect: 100-continue\r\n"
    } else {
        ""
    };
    let head = format!(
        "POST /upload HTTP/1.1\r\nhost: {CITY}\r\nuser-agent: Mozilla/5.0\r\naccept: */*\r\ncontent-type: {kind}\r\n{framing}\r\n{expect}connection: close\r\n\r\n"
    );
    let stream = lone.connected().await;
    let (mut read, mut write) = stream.into_split();
    write.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    if expects {
        let mut interim = [0; 25];
        read.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    let body = body.as_bytes().to_vec();
    let writing = async move {
        for piece in body.chunks(7_919) {
            if chunked {
                let begin = format!("{:x}\r\n", piece.len());
                write.write_all(begin.as_bytes()).await.unwrap();
            }
            write.write_all(piece).await.unwrap();
            if chunked {
                write.write_all(b"\r\n").await.unwrap();
            }
        }
        if chunked {
            write.write_all(b"0\r\n\r\n").await.unwrap();
        }
        write
    };
    let (_open, read) = tokio::join!(writing, read.read_to_end(&mut answer));
    read.unwrap();
    Answer::read(&answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_costs_nothing_and_what_shadow_finds_is_told() {
    let lone = inspecting("on", "").await;
    assert_eq!(lone.get("/page?cc=max-age=600").await.status, 200);
    let once = number(&status(&lone), "verdicts");
    for _ in 0..20 {
        assert_eq!(lone.get("/page?cc=max-age=600").await.status, 200);
    }
    assert_eq!(
        number(&status(&lone), "verdicts"),
        once,
        "hits were inspected"
    );

    lone.change("waf = \"on\"", "waf = \"shadow\"");
    lone.change("[waf]\n", "[waf]\nshadow = \"100%\"\n");
    lone.told(&["reload"]);
    // Nothing is refused, and the finding is there soon after.
    let form = post(
        "/inquiry/",
        FORM,
        "name=%E5%B1%B1%E7%94%B0&honbun=x%27+or+1%3D1--+",
    );
    for (found, sample) in [(1, get(ATTACK)), (2, form)] {
        assert_eq!(send(&lone, &sample).await.status, 200);
        eventually("it is found", || async {
            (number(&status(&lone), "shadow_findings") == found).then_some(())
        })
        .await;
    }
    let report = lone.told(&["waf", "report"]);
    assert!(
        report.contains("942100  SQL Injection Attack Detected via libinjection"),
        "{report}"
    );
    assert!(
        report.contains("2 requests to city would have been refused"),
        "{report}"
    );
    assert!(
        report.contains("GET /item") && !report.contains("OR"),
        "{report}"
    );
    let metrics_of_rules = lone.outcome(&["waf", "report"]);
    let findings = metrics_of_rules["findings"].as_array().unwrap();
    let text = serde_json::to_string(findings).unwrap();
    assert!(text.contains("ARGS:honbun") && !text.contains("%E5%B1%B1") && !text.contains("山田"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_can_be_explained_and_excluded() {
    let lone = inspecting("on", "exclusions = \"exclusions.toml\"\n").await;
    let form = post("/inquiry/", FORM, "name=a&honbun=x%27+or+1%3D1--+");
    let refused = send(&lone, &form).await;
    assert_eq!(refused.status, 403);
    let id = refused.field("x-request-id").to_owned();
    assert!(refused.body.contains(&id) && refused.body.contains("市役所"));
    let told = lone.told(&["waf", "explain", &id]);
    assert!(
        told.contains("POST /inquiry/ of city, with the WAF on"),
        "{told}"
    );
    assert!(told.contains("argument = \"honbun\""), "{told}");
    let (_, exclusion) = told.split_once("[[exclusion]]").unwrap();
    let exclusion = format!("[[exclusion]]{exclusion}")
        .replace(
            "reason = \"\"",
            "reason = \"letters ask about SQL courses\"",
        )
        .replace("expires = \"\"", "expires = \"2999-12-31\"");
    lone.file("exclusions.toml", &exclusion);
    eventually("the exclusion counts", || async {
        (send(&lone, &form).await.status == 200).then_some(())
    })
    .await;
    // There, for that argument, and nowhere else.
    let elsewhere = post("/apply/", FORM, "honbun=x%27+or+1%3D1--+");
    assert_eq!(send(&lone, &elsewhere).await.status, 403);
    let another = post("/inquiry/", FORM, "name=x%27+or+1%3D1--+");
    assert_eq!(send(&lone, &another).await.status, 403);

    // One that is over counts no more, and that is said.
    lone.file(
        "exclusions.toml",
        exclusion.replace("2999-12-31", "2026-01-01"),
    );
    eventually("it is over", || async {
        (send(&lone, &form).await.status == 403).then_some(())
    })
    .await;
    let warnings = status(&lone)["warnings"].to_string();
    assert!(warnings.contains("1 exclusions are over"), "{warnings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_costs_its_deadline_at_most_and_another_reader_nothing() {
    let lone = inspecting("on", "workers = 2\n").await;
    let blanks = post("/f", FORM, &format!("q={}", "%0d%0a".repeat(1_600)));
    let numbers = vec!["1"; 60_000].join(",");
    let numbers = post("/f", "application/json", &format!("[{numbers}]"));
    // Runs that no shortening sees: a letter between the blanks, over and over.
    let near = post("/f", FORM, &format!("q={}", "%0d%0ax%20%0d".repeat(1_200)));
    for (what, sample) in [("blanks", &blanks), ("numbers", &numbers), ("near", &near)] {
        let began = Instant::now();
        let answer = send(&lone, sample).await;
        let took = began.elapsed();
        println!("{what}: {} in {took:?}", answer.status);
        assert!(took < Duration::from_secs(2), "{what} took {took:?}");
    }

    // A rule that takes for ever for a certain text stands for all those nobody knows yet.
    let slow: String = (1..=400)
        .map(|id| format!("SecRule ARGS:slow \"@rx ^(?:a+)+$\" \"id:{id},phase:2,pass,nolog\"\n"))
        .collect();
    lone.file("slow.conf", slow);
    lone.change("[waf]\n", "[waf]\noverrides = [\"slow.conf\"]\n");
    let before = status(&lone)["says"].clone();
    lone.told(&["reload"]);
    eventually("the other rules are in force", || async {
        (status(&lone)["says"] != before).then_some(())
    })
    .await;
    let bomb = format!("/f?slow={}b", "a".repeat(2_000));
    let stop = Arc::new(AtomicBool::new(false));
    let lone = Arc::new(lone);
    let attackers: Vec<_> = (0..4)
        .map(|_| {
            let (lone, stop, bomb) = (lone.clone(), stop.clone(), bomb.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let answer = send(&lone, &get(&bomb)).await;
                    took.push((answer.status.as_u16(), began.elapsed()));
                }
                took
            })
        })
        .collect();
    // Another network's reader meanwhile.
    let mut waited = Vec::new();
    for turn in 0..40 {
        let began = Instant::now();
        let answer = from_elsewhere(&lone, &format!("/kurashi?turn={turn}")).await;
        assert_eq!(answer.status, 200);
        waited.push(began.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    let mut bombs = Vec::new();
    for attacker in attackers {
        bombs.extend(attacker.await.unwrap());
    }
    waited.sort();
    println!(
        "another reader waited {:?} in the middle, {:?} at most, beside {} bombs",
        waited[20],
        waited[39],
        bombs.len()
    );
    assert!(bombs.iter().any(|(status, _)| *status == 403));
    assert!(
        bombs.iter().all(|(status, _)| matches!(status, 403 | 503)),
        "{bombs:?}"
    );
    assert!(waited[20] < Duration::from_millis(80), "{waited:?}");
    assert!(number(&status(&lone), "deadlines") > 0);
}

/// A request from another network than all the others of a test.
pub(crate) async fn from_elsewhere(lone: &LoneEdge, target: &str) -> Answer {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 99, 99, 99], 0).into()).unwrap();
    let stream = socket.connect(lone.connected().await.peer_addr().unwrap());
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: {CITY}\r\nuser-agent: Mozilla/5.0\r\naccept: */*\r\nconnection: close\r\n\r\n"
    );
    exchange(stream.await.unwrap(), head.as_bytes()).await
}
