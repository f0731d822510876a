//! What the public listeners let in, and where they send the rest.

use http::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::{Town, eventually};

/// One request over plain HTTP.
async fn plain(town: &Town, request: &str) -> String {
    let mut stream = TcpStream::connect(town.place.http()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_lifted_to_https() {
    let mut town = Town::new();
    town.start("edge");
    town.edge_is_ready().await;
    let https = town.place.https;
    for (line, expected) in [
        (
            "GET /kurashi/?page=2&kind=faq",
            format!("https://localhost:{https}/kurashi/?page=2&kind=faq"),
        ),
        (
            "POST /sign-in",
            format!("https://localhost:{https}/sign-in"),
        ),
        ("HEAD /", format!("https://localhost:{https}/")),
    ] {
        let answer = plain(
            &town,
            &format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{line}: {answer}");
        assert!(
            answer
                .to_ascii_lowercase()
                .contains(&format!("location: {expected}\r\n")),
            "{line}: {answer}"
        );
    }
    let stranger = plain(
        &town,
        "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(stranger.starts_with("HTTP/1.1 421 "), "{stranger}");
    let gone = plain(&town, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(gone.starts_with("HTTP/1.1 4"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_feed_and_the_staffs_pages_are_nobody_elses() {
    let mut town = Town::new();
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    eventually("the CMS answers", || {
        let mut reader = town.reader();
        async move { (reader.get("/").await.status == 200).then_some(()) }
    })
    .await;
    for host in ["localhost", "staff.localhost"] {
        for path in ["/feed", "/feed?since=0", "/orders", "/../feed", "/%66eed"] {
            let answer = town.reader_of(host).get(path).await;
            assert!(
                answer.status.is_client_error(),
                "{host}{path}: {}",
                answer.status
            );
            assert!(!answer.text().contains("\"entries\""), "{host}{path}");
        }
    }
    // Without a session every page of the staff's leads to the sign-in, and nothing can be done.
    let mut stranger = town.reader_of("staff.localhost");
    for path in [
        "/pages/",
        "/pages/1/",
        "/pages/1/preview",
        "/library",
        "/page-search?q=a",
    ] {
        let answer = stranger.get(path).await;
        assert!(
            answer.status == 303 && answer.field("location").starts_with("/sign-in"),
            "{path}: {}",
            answer.status
        );
        assert_eq!(answer.field("cache-control"), "no-store");
    }
    for path in [
        "/pages/1/draft",
        "/pages/1/publish",
        "/pages/1/withdraw",
        "/library",
        "/pages/",
        "/sign-out",
    ] {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .body("{}".into())
            .unwrap();
        let answer = stranger.send(request).await.unwrap();
        assert_eq!(answer.status, 401, "{path}");
    }
    // A form of another site cannot sign anybody in.
    let request = Request::builder()
        .method(Method::POST)
        .uri("/sign-in")
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("login=hanako&password=x".into())
        .unwrap();
    assert_eq!(stranger.send(request).await.unwrap().status, 403);
}
