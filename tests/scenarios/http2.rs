//! Over HTTP/2 readers get the same answers as over HTTP/1.1, and nobody can get more out of it.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::task::JoinSet;

use crate::town::alone::Alone;
use crate::town::eventually;
use crate::town::origin::Failure;
use crate::town::reader::Reader;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn field(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn request(method: Method, target: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://localhost{target}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// Sends a request with a body and gives the answer, or why the stream was reset.
async fn exchanged(
    connection: &SendRequest<Bytes>,
    request: Request<()>,
    body: Vec<u8>,
) -> Result<Answer, h2::Error> {
    let mut connection = connection.clone().ready().await?;
    let (response, mut sending) = connection.send_request(request, body.is_empty())?;
    let mut rest = Bytes::from(body);
    while !rest.is_empty() {
        sending.reserve_capacity(rest.len());
        let room = std::future::poll_fn(|context| sending.poll_capacity(context)).await;
        let now = rest.split_to(room.unwrap()?.min(rest.len()));
        sending.send_data(now, rest.is_empty())?;
    }
    let (head, mut receiving) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = receiving.data().await {
        let piece = piece?;
        let _window_opens = receiving.flow_control().release_capacity(piece.len());
        body.extend_from_slice(&piece);
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body,
    })
}

async fn get(connection: &SendRequest<Bytes>, target: &str, fields: &[(&str, &str)]) -> Answer {
    let request = request(Method::GET, target, fields);
    exchanged(connection, request, Vec::new()).await.unwrap()
}

async fn connected(alone: &Alone) -> SendRequest<Bytes> {
    let (address, authority) = alone.tls();
    eventually("the edge speaks TLS", || async {
        let there = tokio::net::TcpStream::connect(address).await.is_ok();
        (there && authority.exists()).then_some(())
    })
    .await;
    Reader::new(address, "localhost", &authority).http2().await
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_answered_as_over_http1() {
    let alone = Alone::over_tls().await;
    let connection = connected(&alone).await;
    let target = "/page?cc=max-age%3D600&etag=one&type=text%2Fhtml&long";
    let first = get(&connection, target, &[]).await;
    assert_eq!(first.status, 200);
    assert!(
        first.field("cache-status").contains("stored"),
        "{:?}",
        first.headers
    );
    let hit = get(&connection, target, &[]).await;
    assert_eq!((hit.status.as_u16(), &hit.body), (200, &first.body));
    assert!(hit.field("cache-status").contains("hit"));
    assert_eq!(
        hit.field("date"),
        first.field("date"),
        "the date is the origin's"
    );
    assert!(hit.headers.contains_key("age"));

    let unchanged = get(&connection, target, &[("if-none-match", "\"one\"")]).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));
    assert_eq!(unchanged.field("etag"), "\"one\"");
    let head = request(Method::HEAD, target, &[]);
    let head = exchanged(&connection, head, Vec::new()).await.unwrap();
    assert_eq!(head.field("content-length"), first.body.len().to_string());
    assert!(head.body.is_empty());
    let part = get(&connection, target, &[("range", "bytes=0-3")]).await;
    assert_eq!(
        (part.status.as_u16(), &part.body[..]),
        (206, &first.body[..4])
    );
    let encoded = eventually("it is there in brotli", || async {
        let answer = get(&connection, target, &[("accept-encoding", "br")]).await;
        (answer.field("content-encoding") == "br").then_some(answer)
    })
    .await;
    assert!(encoded.body.len() < first.body.len());
    assert_eq!(alone.origin().seen().len(), 1);

    let missing = get(
        &connection,
        "/never",
        &[("cache-control", "only-if-cached")],
    )
    .await;
    assert_eq!(missing.status, 504);
    let failing = "/none?cc=max-age%3D60";
    alone.origin().fail(Some(Failure::Disconnect));
    let notice = get(&connection, failing, &[]).await;
    assert_eq!(
        (
            notice.status.as_u16(),
            notice.headers.contains_key("retry-after")
        ),
        (503, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_arrives_and_changes_what_is_stored() {
    let alone = Alone::limited_over_tls("", "max_body = \"8MiB\"\n").await;
    let connection = connected(&alone).await;
    let target = "/form?cc=max-age%3D600";
    let before = get(&connection, target, &[]).await;
    // More than any window, so that it flows at the origin's pace.
    let body = vec![b'x'; 3 << 20];
    let post = request(
        Method::POST,
        target,
        &[("cookie", "a=1"), ("cookie", "b=2")],
    );
    let posted = exchanged(&connection, post, body.clone()).await.unwrap();
    assert_eq!(posted.status, 200);
    assert!(
        posted
            .text()
            .contains(&format!("to POST with {} bytes", body.len()))
    );
    assert_eq!(posted.field("seen-x-forwarded-proto"), "https");
    assert_eq!(posted.field("seen-host"), "localhost");
    assert_eq!(posted.field("seen-cookie"), "a=1; b=2");
    for name in ["connection", "transfer-encoding", "keep-alive"] {
        assert!(!posted.headers.contains_key(name), "{name}");
    }
    let after = get(&connection, target, &[]).await;
    assert_ne!(
        after.text(),
        before.text(),
        "the post made the stored page stale"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_flow_beside_each_other() {
    let alone = Alone::over_tls().await;
    let connection = connected(&alone).await;
    let target = "/large?cc=max-age%3D600&type=image%2Fpng&long";
    let whole = get(&connection, target, &[]).await.body;
    let mut readers = JoinSet::new();
    for number in 0..400 {
        let connection = connection.clone();
        readers.spawn(async move {
            // Every fourth is a miss of its own.
            let target = if number % 4 == 0 {
                format!("/miss/{number}?cc=max-age%3D600")
            } else {
                target.to_owned()
            };
            get(&connection, &target, &[]).await
        });
    }
    let answers = readers.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(
        answers.iter().filter(|answer| answer.body == whole).count(),
        300
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_read_in_two_ways_is_refused_and_the_connection_goes_on() {
    let alone = Alone::over_tls().await;
    let connection = connected(&alone).await;
    for fields in [
        &[("content-length", "1"), ("content-length", "2")][..],
        &[("host", "one.example"), ("host", "two.example")],
    ] {
        let refused = exchanged(&connection, request(Method::GET, "/", fields), Vec::new()).await;
        let refused = refused.is_err_and(|error| error.is_reset());
        assert!(refused, "{fields:?}");
    }
    let disguised = request(Method::GET, "/", &[("host", "other.example")]);
    let disguised = exchanged(&connection, disguised, Vec::new()).await.unwrap();
    assert_eq!(disguised.status, 400);
    let connect = Request::builder()
        .method(Method::CONNECT)
        .uri("localhost:443");
    let refused = exchanged(&connection, connect.body(()).unwrap(), Vec::new()).await;
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status == 405));
    assert_eq!(get(&connection, "/after", &[]).await.status, 200);
    let seen = alone.origin().seen();
    assert_eq!(seen, ["GET /after"], "nothing of it reached the origin");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_holds_as_over_http1() {
    let limits = "head = \"4KiB\"\nfields = 20\nline = \"1KiB\"\n";
    let alone = Alone::limited_over_tls(limits, "").await;
    let connection = connected(&alone).await;
    let large = vec![b'x'; 1_200_000];
    let length = large.len().to_string();
    let many: Vec<String> = (0..21).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let long = format!("/{}", "a".repeat(1100));
    let wide = "y".repeat(4100);
    let report = Method::from_bytes(b"REPORT").unwrap();
    for (method, target, fields, body, status) in [
        (Method::GET, long.as_str(), &[][..], &[][..], 414),
        (Method::GET, "/", &many, &[], 431),
        (Method::GET, "/", &[("x", wide.as_str())], &[], 431),
        (report, "/", &[], &[], 405),
        (Method::TRACE, "/", &[], &[], 405),
        (Method::GET, "/a%2fb", &[], &[], 400),
        (Method::GET, "/a%00", &[], &[], 400),
        (
            Method::POST,
            "/",
            &[("content-length", length.as_str())],
            &large,
            413,
        ),
        (Method::POST, "/", &[], &large, 413),
        (Method::POST, "/", &[], &large[..1000], 200),
        (Method::GET, "/x/%2e%2e/last", &[], &[], 200),
    ] {
        let asked = request(method.clone(), target, fields);
        let answer = status_of(&connection, asked, body.to_vec()).await;
        assert_eq!(answer, Some(status), "{method} {target:.20}");
    }
    assert_eq!(alone.origin().seen().last().unwrap(), "GET /last");
}

/// The status, also where the stream ends before all of the body was taken.
async fn status_of(
    connection: &SendRequest<Bytes>,
    request: Request<()>,
    body: Vec<u8>,
) -> Option<u16> {
    let mut connection = connection.clone().ready().await.unwrap();
    let (response, mut sending) = connection.send_request(request, body.is_empty()).unwrap();
    let mut rest = Bytes::from(body);
    let upload = async move {
        while !rest.is_empty() {
            sending.reserve_capacity(rest.len());
            let room = std::future::poll_fn(|context| sending.poll_capacity(context)).await;
            let Some(Ok(room)) = room else { return };
            let now = rest.split_to(room.min(rest.len()));
            if sending.send_data(now, rest.is_empty()).is_err() {
                return;
            }
        }
    };
    let uploading = tokio::spawn(upload);
    let response = tokio::time::timeout(crate::town::PATIENCE, response).await;
    uploading.abort();
    Some(response.ok()?.ok()?.status().as_u16())
}
