//! Attacks that hold connections (slowhttptest, of Debian), while normal readers go on unharmed.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::town::alone::Alone;

/// How long an attack goes on, in seconds.
const LONG_S: u32 = 7;
/// Connections of the attacker.
const ATTACKERS: u32 = 600;

/// Limits as they are by default, but for the time that is given: an attack of a minute would be
/// stopped by those of the default, and no test is to take so long.
const LIMITS: &str = "head_timeout = \"3s\"\nslowest_over = \"3s\"\n";

/// Runs the attack to its end; what the tool printed last.
async fn attack(alone: &Alone, arguments: &[&str], path: &str) -> String {
    let url = format!("http://{}{path}", alone.place.http());
    let (count, long) = (ATTACKERS.to_string(), LONG_S.to_string());
    let mut command = Command::new("slowhttptest");
    command
        .args(arguments)
        .args(["-c", &count, "-r", "300", "-l", &long, "-u", &url])
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output
        .unwrap()
        .expect("the package slowhttptest is missing");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let tail: Vec<&str> = text.lines().rev().take(25).collect();
    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// A reader of another network, who asks until it is over: hits and misses, on kept and on new
/// connections. Gives how often he was answered.
async fn reader(alone: Arc<Alone>, number: u8, over: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    let mut kept = alone.visitor_of(number).await;
    while !over.load(Ordering::Relaxed) {
        for path in [
            "/hit?cc=max-age%3D600".to_owned(),
            format!("/miss/{number}/{answered}"),
        ] {
            get(&mut kept, &path, "").await;
            let mut fresh = alone.visitor_of(number).await;
            get(&mut fresh, &path, "Connection: close\r\n").await;
            answered += 2;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    answered
}

/// One request, which must be answered with 200 within five seconds.
async fn get(stream: &mut tokio::net::TcpStream, path: &str, fields: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: city.example\r\n{fields}\r\n");
    let asking = async {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        // The origin's answers end with the line they begin with.
        while !String::from_utf8_lossy(&read).contains("with 0 bytes") {
            assert_ne!(
                stream.read_buf(&mut read).await.unwrap(),
                0,
                "{path}: closed"
            );
        }
        assert!(
            read.starts_with(b"HTTP/1.1 200 "),
            "{path}: {}",
            String::from_utf8_lossy(&read)
        );
    };
    let asked = tokio::time::timeout(Duration::from_secs(5), asking).await;
    assert!(asked.is_ok(), "{path}: no answer");
}

async fn normal_readers_go_on(limits: &str, arguments: &[&str], path: &str) {
    let alone = Arc::new(Alone::limited(&format!("{LIMITS}{limits}"), "").await);
    alone.get("/large?cc=max-age%3D600&long").await;
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for number in 1..=8 {
        readers.spawn(reader(alone.clone(), number, over.clone()));
    }
    let told = attack(&alone, arguments, path).await;
    over.store(true, Ordering::Relaxed);
    let answered: usize = readers.join_all().await.into_iter().sum();
    println!("{arguments:?} {limits:?}: {answered} answers to normal readers\n{told}");
    assert!(answered > 500, "{answered} answers: {told}");
    // Nobody who is slow has a connection to the origin.
    assert!(
        alone.origin().most_under_way() < 50,
        "{}",
        alone.origin().most_under_way()
    );
}

/// The attacker's network has its share of the connections, and no more.
const ONE_NETWORK: &str = "connections_per_network = 100";
/// The attacker has as many networks as he wants: time alone stands against him.
const MANY_NETWORKS: &str = "connections_per_network = 10000\nrequests_burst = 100000";

#[tokio::test(flavor = "multi_thread")]
async fn heads_drop_by_drop_harm_nobody() {
    for limits in [ONE_NETWORK, MANY_NETWORKS] {
        normal_readers_go_on(limits, &["-H", "-i", "1", "-x", "24", "-t", "GET"], "/").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_drop_by_drop_harm_nobody() {
    for limits in [ONE_NETWORK, MANY_NETWORKS] {
        let arguments = ["-B", "-i", "1", "-s", "8192", "-x", "10", "-t", "POST"];
        normal_readers_go_on(limits, &arguments, "/form").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_taken_drop_by_drop_harm_nobody() {
    for limits in [ONE_NETWORK, MANY_NETWORKS] {
        let arguments = ["-X", "-w", "1", "-y", "8", "-n", "1", "-z", "8", "-k", "3"];
        normal_readers_go_on(limits, &arguments, "/large?cc=max-age%3D600&long").await;
    }
}
