//! What readers may ask: every limit is told in its own words, and none of them is met by a reader
//! who asks for what is in memory.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::alone::Alone;

/// Limits small enough to be met.
const SMALL: &str = "head_timeout = \"1s\"\nhead = \"4KiB\"\nfields = 20\nline = \"1KiB\"\n";

/// What comes back until the edge closes the connection.
async fn answered(mut stream: TcpStream, bytes: &[u8]) -> String {
    let mut answer = Vec::new();
    let exchanging = async {
        // An edge that refuses need not read it all.
        let _closed_before = stream.write_all(bytes).await;
        stream.read_to_end(&mut answer).await
    };
    let read = tokio::time::timeout(Duration::from_secs(20), exchanging).await;
    assert!(read.is_ok(), "the edge left the connection open");
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(line: &str, fields: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: city.example\r\nConnection: close\r\n{fields}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_is_told_in_its_own_words() {
    let rule = "[[site.body]]\npath = \"/form/\"\nlimit = \"2MiB\"\n";
    let alone = Alone::limited(SMALL, rule).await;
    let large = "x".repeat(1_200_000);
    let long = large.len();
    let chunk = format!("{long:x}\r\n{large}\r\n0\r\n\r\n");
    let (known, chunked) = (
        format!("Content-Length: {long}\r\n"),
        "Transfer-Encoding: chunked\r\n",
    );
    let many: String = (0..21).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (what, request, status) in [
        (
            "a long line",
            request(&format!("GET /{}", "a".repeat(1100)), ""),
            414,
        ),
        (
            "a line without an end",
            "GET /".to_owned() + &"a".repeat(5000),
            414,
        ),
        (
            "a long head",
            request("GET /", &format!("X: {}\r\n", "y".repeat(4100))),
            431,
        ),
        (
            "a head without an end",
            request("GET /", "").replace("\r\n\r\n", "\r\n") + &"X: y\r\n".repeat(1000),
            431,
        ),
        ("many fields", request("GET /", &many), 431),
        (
            "a large body that says so",
            request("POST /", &known) + &large,
            413,
        ),
        (
            "a large body in chunks",
            request("POST /", chunked) + &chunk,
            413,
        ),
        (
            "a large body nobody has to send",
            request("POST /", &format!("{known}Expect: 100-continue\r\n")),
            413,
        ),
        (
            "a large form",
            request("POST /form/x", &known) + &large,
            200,
        ),
        (
            "a large form in chunks",
            request("POST /form/x", chunked) + &chunk,
            200,
        ),
        (
            "a form that only looks like one",
            request("POST /form/../x", &known) + &large,
            413,
        ),
        ("a method of others", request("REPORT /", ""), 405),
        ("TRACE", request("TRACE /", ""), 405),
        ("CONNECT", request("CONNECT city.example:443", ""), 405),
        ("an encoded slash", request("GET /a%2fb", ""), 400),
        ("a backslash", request("GET /a\\b", ""), 400),
        ("a NUL", request("GET /a%00", ""), 400),
        ("a line end", request("GET /a%0d%0aSet-Cookie:x", ""), 400),
        ("half an encoding", request("GET /a%4", ""), 400),
        (
            "half a head",
            "GET / HTTP/1.1\r\nHost: city.example\r\n".to_owned(),
            408,
        ),
        ("a plain request", request("GET /", ""), 200),
    ] {
        let stream = TcpStream::connect(alone.place.http()).await.unwrap();
        let answer = answered(stream, request.as_bytes()).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(
            answer.starts_with(&expected),
            "{what}: {status}, not {answer:.300}"
        );
        let allow = answer
            .to_ascii_lowercase()
            .contains("allow: get, head, options, post, put, patch, delete, m-search\r\n");
        assert_eq!(allow, status == 405, "{what}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{what}: {answer:.300}"
        );
    }
    let mut seen = alone.origin().seen();
    seen.dedup();
    let passed = ["POST /form/x", "GET /"];
    // The body that was too large in chunks had begun to pass.
    seen.retain(|line| line != "POST /");
    assert_eq!(seen, passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_one_spelling_for_the_cache_and_the_origin() {
    let alone = Alone::start().await;
    let query = "?cc=max-age%3D60";
    let first = alone.get(&format!("/a-b/%E3%81%82.html{query}")).await;
    for path in [
        "/%61%2Db/%e3%81%82.html",
        "/x/../a-b/%E3%81%82.html",
        "/./a-b/./%E3%81%82%2ehtml",
        "/../a-b/%e3%81%82.html",
        "http://city.example/%61-b/%E3%81%82.html",
    ] {
        let again = alone.get(&format!("{path}{query}")).await;
        assert_eq!(again.body, first.body, "{path}");
    }
    assert_eq!(
        alone.origin().seen(),
        ["GET /a-b/%E3%81%82.html?cc=max-age%3D60"]
    );
    alone.get("/never/%2e%2e/up?%2e%2e/x").await;
    assert_eq!(alone.origin().seen().last().unwrap(), "GET /up?%2e%2e/x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_has_so_many_connections_and_others_have_theirs() {
    let alone = Alone::limited("connections_per_network = 3\n", "").await;
    let get = request("GET /", "");
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(alone.visitor_of(1).await);
    }
    // Accepting is not yet being counted: the third one is answered before the fourth comes.
    for stream in &mut held {
        let line = "GET /held HTTP/1.1\r\nHost: city.example\r\n\r\n";
        stream.write_all(line.as_bytes()).await.unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
    }
    assert_eq!(
        answered(alone.visitor_of(1).await, get.as_bytes()).await,
        ""
    );
    let other = answered(alone.visitor_of(2).await, get.as_bytes()).await;
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
    drop(held.pop());
    crate::town::eventually("there is room again", || async {
        let again = answered(alone.visitor_of(1).await, get.as_bytes()).await;
        again.starts_with("HTTP/1.1 200 ").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_much_of_the_origin_still_gets_what_is_in_memory() {
    let limits = "requests_per_network = 1\nrequests_burst = 5\n";
    let alone = Alone::limited(limits, "").await;
    let kept = alone.get("/kept?cc=max-age%3D60").await;
    let mut refused = 0;
    for number in 0..20 {
        let answer = alone.get(&format!("/miss/{number}")).await;
        if answer.status == 429 {
            refused += 1;
            let after: u64 = answer.field("retry-after").parse().unwrap();
            assert!((1..=10).contains(&after), "{after}");
            assert_eq!(answer.field("cache-control"), "no-store");
        }
        // As often as he likes.
        for _ in 0..5 {
            let hit = alone.get("/kept?cc=max-age%3D60").await;
            assert_eq!((hit.status.as_u16(), &hit.body), (200, &kept.body));
        }
    }
    assert!(refused >= 5, "{refused} refused");
    assert!(
        alone.origin().seen().len() <= 16,
        "{:?}",
        alone.origin().seen()
    );
    // What is stale is better than a refusal.
    let posted = alone.ask("POST /x", "Content-Length: 1\r\n", "x").await;
    assert_eq!(posted.status, 429);
    let other = answered(
        alone.visitor_of(1).await,
        request("GET /miss", "").as_bytes(),
    )
    .await;
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_readers_make_room_when_there_is_little_left() {
    let limits = "connections = 10\nconnections_per_network = 10\n";
    let alone = Alone::limited(limits, "").await;
    let mut silent = Vec::new();
    for _ in 0..9 {
        silent.push(TcpStream::connect(alone.place.http()).await.unwrap());
    }
    // Long before the minute that a silent connection has otherwise.
    let mut reading = tokio::task::JoinSet::new();
    for mut stream in silent {
        reading.spawn(async move { stream.read(&mut [0; 1]).await });
    }
    let first = tokio::time::timeout(Duration::from_secs(40), reading.join_next()).await;
    let ended = first.expect("no silent connection was let go").unwrap();
    assert_eq!(ended.unwrap().unwrap(), 0);
    assert_eq!(alone.get("/").await.status, 200);
}
