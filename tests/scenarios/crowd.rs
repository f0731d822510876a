//! Many readers at once: the origin is asked once for all of them, and nobody waits without bound
//! for another.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::town::alone::{Alone, Answer};
use crate::town::eventually;

/// So many readers ask for the same at once.
const CROWD: usize = 1000;

/// Starts readers of a target; each ends with what it was answered.
fn readers(
    alone: &std::sync::Arc<Alone>,
    count: usize,
    target: &str,
    fields: &str,
) -> JoinSet<Answer> {
    let mut readers = JoinSet::new();
    for _ in 0..count {
        let (alone, line, fields) = (alone.clone(), format!("GET {target}"), fields.to_owned());
        readers.spawn(async move { alone.ask(&line, &fields, "").await });
    }
    readers
}

async fn asked(alone: &Alone, path: &str) -> usize {
    let seen = alone.origin().seen();
    seen.iter().filter(|line| line.contains(path)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_readers_of_a_miss_are_one_request_at_the_origin() {
    let alone = std::sync::Arc::new(Alone::start().await);
    let crowd = readers(&alone, CROWD, "/crowd?cc=max-age%3D60&held", "");
    eventually("the first asks the origin", || async {
        (asked(&alone, "/crowd").await == 1).then_some(())
    })
    .await;
    alone.origin().open();
    let answers = crowd.join_all().await;
    assert_eq!(answers.len(), CROWD);
    let body = &answers[0].body;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 && answer.body == *body)
    );
    assert_eq!(asked(&alone, "/crowd").await, 1);
    let collapsed = |answer: &&Answer| answer.field("cache-status").contains("collapsed");
    assert!(
        answers.iter().any(|answer| collapsed(&answer)),
        "{:?}",
        answers[1].headers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_streams_to_everybody_while_it_comes() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let alone = Alone::start().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = tokio::net::TcpStream::connect(alone.place.http())
            .await
            .unwrap();
        let request = "GET /stream?cc=max-age%3D60&stalled HTTP/1.1\r\nHost: city.example\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    // Everybody has the first half before the origin has sent the second.
    let mut begun = Vec::new();
    for stream in &mut streams {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("answer 1") {
            assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "ended early");
        }
        begun.push(read);
    }
    alone.origin().open();
    for (mut stream, mut read) in streams.into_iter().zip(begun) {
        stream.read_to_end(&mut read).await.unwrap();
        let text = String::from_utf8(read).unwrap();
        assert!(text.ends_with("\r\n0\r\n\r\n"), "whole: {text}");
    }
    assert_eq!(asked(&alone, "/stream").await, 1);
    let after = alone.get("/stream?cc=max-age%3D60&stalled").await;
    assert!(
        after.field("cache-status").contains("hit"),
        "{:?}",
        after.headers
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_one_reader_is_given_to_nobody_else() {
    let alone = std::sync::Arc::new(Alone::start().await);
    let crowd = readers(&alone, 30, "/own?cc=private&held", "");
    eventually("the first asks the origin", || async {
        (asked(&alone, "/own").await >= 1).then_some(())
    })
    .await;
    alone.origin().open();
    let mut bodies: Vec<String> = crowd
        .join_all()
        .await
        .into_iter()
        .map(|answer| answer.body)
        .collect();
    bodies.sort();
    bodies.dedup();
    assert_eq!(bodies.len(), 30, "every reader got an answer of his own");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_variants_is_asked_for_once() {
    let alone = std::sync::Arc::new(Alone::start().await);
    let target = "/v?cc=max-age%3D60&vary=accept-language&held";
    let mut crowd = readers(&alone, 50, target, "Accept-Language: ja\r\n");
    for _ in 0..50 {
        let alone = alone.clone();
        crowd.spawn(async move {
            alone
                .ask(&format!("GET {target}"), "Accept-Language: en\r\n", "")
                .await
        });
    }
    eventually("the first asks the origin", || async {
        (asked(&alone, "/v?").await >= 1).then_some(())
    })
    .await;
    alone.origin().open();
    let answers = crowd.join_all().await;
    for language in ["ja", "en"] {
        let own = answers
            .iter()
            .filter(|answer| answer.field("seen-accept-language") == language);
        assert_eq!(own.count(), 50, "{language}");
    }
    assert_eq!(asked(&alone, "/v?").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_breaks_off_is_whole_for_nobody_and_not_kept() {
    let alone = std::sync::Arc::new(Alone::start().await);
    let target = "/half?cc=max-age%3D60&broken";
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: city.example\r\nConnection: close\r\n\r\n");
    for _ in 0..2 {
        let text = alone.raw(&request).await;
        assert!(!text.ends_with("0\r\n\r\n"), "{text}");
    }
    assert!(asked(&alone, "/half").await >= 2, "it was asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_with_a_copy_does_not_wait_for_a_slow_origin() {
    let alone = std::sync::Arc::new(Alone::with("stale_after = \"200ms\"\n").await);
    let target = "/slow?cc=max-age%3D1&held";
    alone.origin().open();
    let first = alone.get(target).await;
    alone.origin().close();
    eventually("it is stale and the copy is given", || {
        let alone = alone.clone();
        async move {
            let answer = alone.get(target).await;
            answer
                .field("cache-status")
                .contains("last-good")
                .then_some(answer)
        }
    })
    .await;
    let crowd = readers(&alone, 200, target, "").join_all().await;
    assert!(
        crowd
            .iter()
            .all(|answer| answer.status == 200 && answer.body == first.body)
    );
    assert_eq!(
        asked(&alone, "/slow").await,
        2,
        "one question for all of them"
    );
    // It goes on in the background, and the next readers have the new one.
    alone.origin().open();
    eventually("the new response is there", || {
        let (alone, old) = (alone.clone(), first.body.clone());
        async move { (alone.get(target).await.body != old).then_some(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origin_is_never_asked_more_at_a_time_than_it_can_bear() {
    let alone = std::sync::Arc::new(Alone::with("origin_requests = 8\n").await);
    alone.origin().open();
    let mut crowd = JoinSet::new();
    for number in 0..200 {
        let alone = alone.clone();
        crowd.spawn(async move { alone.get(&format!("/many/{number}?etag=slow")).await });
    }
    let answers = crowd.join_all().await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers
        .iter()
        .filter(|answer| answer.status == 503 && answer.headers.contains_key("retry-after"));
    assert_eq!(served + refused.count(), 200);
    assert!(served >= 8, "{served} served");
    assert!(
        alone.origin().most_under_way() <= 8,
        "{}",
        alone.origin().most_under_way()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_origin_is_an_answer_at_once_for_all() {
    let mut alone = Alone::start().await;
    alone.origin.take().unwrap().stop().await;
    let alone = std::sync::Arc::new(alone);
    let crowd = readers(&alone, 200, "/dead?cc=max-age%3D60", "");
    let answers = tokio::time::timeout(Duration::from_secs(30), crowd.join_all())
        .await
        .unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 503 && answer.headers.contains_key("retry-after"))
    );
}
