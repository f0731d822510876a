//! The edge alone, as a city tries it in front of the site it has: the example configuration, an
//! origin that knows nothing of Yagura, no CMS, no database.

use crate::town::alone::{Alone, Answer};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_origin_allows_is_kept_and_nothing_else() {
    let alone = Alone::start().await;
    for (target, kept) in [
        ("/a?cc=max-age%3D60", true),
        ("/a?cc=s-maxage%3D60%2C+max-age%3D0", true),
        ("/a?cc=no-store", false),
        ("/a?cc=private%2C+max-age%3D60", false),
        ("/a?cc=max-age%3D0", false),
        ("/a?cc=max-age%3D60&status=404", true),
        ("/a?cc=max-age%3D60&status=500", true),
        ("/a?status=500", false),
    ] {
        let (first, second) = (alone.get(target).await, alone.get(target).await);
        assert_eq!(
            first.body == second.body,
            kept,
            "{target}: {} / {}",
            first.body,
            second.body
        );
        assert_eq!(
            second.field("cache-status").contains("hit"),
            kept,
            "{target}"
        );
        if kept {
            assert!(second.headers.contains_key("age"), "{target}");
        }
    }
    let head = alone.ask("HEAD /a?cc=max-age%3D60", "", "").await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert!(head.field("cache-status").contains("hit"));

    // Each host has its own copies, and each variant.
    let one = alone.get("/v?cc=max-age%3D60&vary=accept-language").await;
    let japanese = alone
        .ask(
            "GET /v?cc=max-age%3D60&vary=accept-language",
            "Accept-Language: ja\r\n",
            "",
        )
        .await;
    assert_ne!(one.body, japanese.body);
    assert_eq!(japanese.field("seen-accept-language"), "ja");
    for (language, expected) in [
        ("", &one.body),
        ("Accept-Language: JA;q=1.0\r\n", &japanese.body),
        ("", &one.body),
    ] {
        let again = alone
            .ask("GET /v?cc=max-age%3D60&vary=accept-language", language, "")
            .await;
        assert_eq!(again.body, *expected, "both variants are kept");
    }

    // A reader who insists gets the origin's own answer (RFC 9111, section 5.2.1.4).
    let kept = alone.get("/r?cc=max-age%3D60").await;
    let fresh = alone
        .ask("GET /r?cc=max-age%3D60", "Cache-Control: no-cache\r\n", "")
        .await;
    assert_ne!(kept.body, fresh.body);
    let none = alone
        .ask("GET /never", "Cache-Control: only-if-cached\r\n", "")
        .await;
    assert_eq!(none.status, 504);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origin_confirms_once_for_everybody_who_asks() {
    let alone = Alone::start().await;
    let target = "/c?cc=no-cache&etag=one";
    let first = alone.get(target).await;
    let before = alone.origin().seen().len();
    let readers = (0..20).map(|_| alone.get(target));
    let answers = all_at_once(readers).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &first.body));
        assert!(
            answer
                .field("cache-status")
                .contains("fwd=stale; fwd-status=304"),
            "{}",
            answer.field("cache-status")
        );
        assert_eq!(
            answer.field("seen-if-none-match"),
            "\"one\"",
            "the confirmation's fields are passed on"
        );
    }
    let asked = alone.origin().seen().len() - before;
    assert!(asked < 10, "20 readers made {asked} requests");
    let own = alone
        .ask(&format!("GET {target}"), "If-None-Match: \"one\"\r\n", "")
        .await;
    assert_eq!((own.status.as_u16(), own.body.as_str()), (304, ""));
}

/// All of them at the same time.
async fn all_at_once(asking: impl Iterator<Item = impl Future<Output = Answer>>) -> Vec<Answer> {
    let mut asking: Vec<_> = asking.map(|one| Some(Box::pin(one))).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        for slot in &mut asking {
            if let Some(one) = slot
                && let std::task::Poll::Ready(answer) = one.as_mut().poll(context)
            {
                answers.push(answer);
                *slot = None;
            }
        }
        if asking.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_what_is_kept_is_cut_from_it() {
    let alone = Alone::start().await;
    let whole = alone.get("/r?cc=max-age%3D60").await.body;
    for (range, status, expected) in [
        ("bytes=0-5", 206, &whole[..6]),
        ("bytes=-4", 206, &whole[whole.len() - 4..]),
        ("bytes=7-", 206, &whole[7..]),
        ("bytes=900-", 416, ""),
        ("bytes=0-1,3-4", 200, whole.as_str()),
    ] {
        let part = alone
            .ask("GET /r?cc=max-age%3D60", &format!("Range: {range}\r\n"), "")
            .await;
        assert_eq!(
            (part.status.as_u16(), part.body.as_str()),
            (status, expected),
            "{range}"
        );
        assert_eq!(
            part.headers.contains_key("content-range"),
            status != 200,
            "{range}"
        );
    }
    let other = alone
        .ask(
            "GET /r?cc=max-age%3D60",
            "Range: bytes=0-5\r\nIf-Range: \"another\"\r\n",
            "",
        )
        .await;
    assert_eq!((other.status.as_u16(), other.body), (200, whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_that_is_let_through_passes_and_a_change_makes_copies_old() {
    let methods = [
        "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT",
    ];
    let alone = Alone::with(&format!(
        "methods = {:?}\n",
        [&methods[..], &["GET"]].concat()
    ))
    .await;
    for method in methods {
        let answer = alone
            .ask(&format!("{method} /x"), "Content-Length: 5\r\n", "hello")
            .await;
        assert!(
            answer
                .body
                .contains(&format!("to {method} with 5 bytes: hello")),
            "{method}: {}",
            answer.body
        );
    }
    let chunked = alone
        .ask(
            "POST /x",
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        )
        .await;
    assert!(
        chunked.body.contains("with 7 bytes: abcdefg"),
        "{}",
        chunked.body
    );
    let continued = alone
        .ask(
            "POST /x",
            "Content-Length: 2\r\nExpect: 100-continue\r\n",
            "ok",
        )
        .await;
    assert!(
        continued.status == 100 || continued.status == 200,
        "{}",
        continued.status
    );

    let target = "/p?cc=max-age%3D60";
    let before = alone.get(target).await.body;
    assert_eq!(alone.get(target).await.body, before);
    alone
        .ask(&format!("POST {target}"), "Content-Length: 0\r\n", "")
        .await;
    assert_ne!(alone.get(target).await.body, before);

    // What a reader could forge does not reach the origin as sent; what names a connection ends here.
    let forged = alone
        .ask(
            "GET /f",
            "X-Forwarded-For: 6.6.6.6\r\nConnection: x-evil\r\nX-Evil: 1\r\n",
            "",
        )
        .await;
    assert_ne!(forged.field("seen-x-forwarded-for"), "6.6.6.6");
    assert_eq!(forged.field("seen-x-evil"), "");
    assert_eq!(forged.field("seen-host"), "city.example");
    assert_eq!(forged.field("seen-x-forwarded-proto"), "http");
    let absolute = alone.ask("GET http://other.example/f", "", "").await;
    assert_eq!(absolute.field("seen-host"), "other.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_read_in_two_ways_goes_no_further() {
    let alone = Alone::start().await;
    let before = alone.origin().seen().len();
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let answer = alone.raw(request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{request:?}: {answer}"
        );
    }
    assert_eq!(alone.origin().seen().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_in_one_go_are_answered_in_their_order() {
    let alone = Alone::start().await;
    alone.get("/hit?cc=max-age%3D60").await;
    let requests: String = [
        "/hit?cc=max-age%3D60",
        "/miss1",
        "/hit?cc=max-age%3D60",
        "/miss2",
    ]
    .iter()
    .map(|target| format!("GET {target} HTTP/1.1\r\nHost: city.example\r\n\r\n"))
    .collect();
    let post = "POST /body HTTP/1.1\r\nHost: city.example\r\nContent-Length: 4\r\n\r\nbody";
    let last = "GET /last HTTP/1.1\r\nHost: city.example\r\nConnection: close\r\n\r\n";
    let text = alone.raw(&format!("{requests}{post}{last}")).await;
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 6, "{text}");
    let order: Vec<&str> = text
        .split("answer ")
        .skip(1)
        .map(|rest| rest.split(' ').next().unwrap())
        .collect();
    assert_eq!(order, ["1", "2", "1", "3", "4", "5"], "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_origin_is_told_plainly_and_copies_are_still_served() {
    let mut alone = Alone::start().await;
    alone.get("/kept?cc=max-age%3D60").await;
    alone
        .get("/old?cc=max-age%3D1%2C+stale-if-error%3D600")
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    alone.origin.take().unwrap().stop().await;
    assert_eq!(alone.get("/kept?cc=max-age%3D60").await.status, 200);
    let stale = alone
        .get("/old?cc=max-age%3D1%2C+stale-if-error%3D600")
        .await;
    assert_eq!(stale.status, 200);
    assert!(
        stale.field("cache-status").contains("last-good"),
        "{}",
        stale.field("cache-status")
    );
    let none = alone.get("/none").await;
    assert_eq!(
        (none.status.as_u16(), none.field("cache-control")),
        (503, "no-store")
    );
}
