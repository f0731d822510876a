//! One line in the configuration, and readers see stale pages instead of faults and waiting.

use crate::town::alone::{Alone, Answer};
use crate::town::eventually;
use crate::town::origin::Failure;

/// Waits until the page is no longer fresh: then the origin is asked, and fails in its way.
async fn once_stale(alone: &Alone, target: &str) -> Answer {
    eventually("the copy is stale", || async {
        let answer = alone.get(target).await;
        let fresh = answer.field("cache-status").contains("hit; ttl=")
            && !answer.field("cache-status").contains("detail=");
        (!fresh).then_some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_origin_is_not_seen_by_readers_of_what_is_stored() {
    // Without a line: on errors of every kind.
    let mut alone = Alone::with("stale_after = \"300ms\"\n").await;
    for (path, failure) in [
        ("/error", Failure::Status(503)),
        ("/close", Failure::Disconnect),
        ("/silence", Failure::Silence),
    ] {
        let target = format!("{path}?cc=max-age%3D1");
        let first = alone.get(&target).await;
        alone.origin().fail(Some(failure));
        let answer = once_stale(&alone, &target).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body),
            (200, &first.body),
            "{path}"
        );
        assert!(
            answer.field("cache-status").contains("detail=last-good"),
            "{path}"
        );
        assert!(answer.field("age").parse::<u64>().unwrap() >= 1, "{path}");
        alone.origin().fail(None);
    }
    let target = "/dead?cc=max-age%3D1";
    let first = alone.get(target).await;
    let forbidden = "/strict?cc=max-age%3D1%2C+must-revalidate";
    let _stored = alone.get(forbidden).await;
    alone.origin.take().unwrap().stop().await;
    let answer = once_stale(&alone, target).await;
    assert_eq!((answer.status.as_u16(), answer.body), (200, first.body));
    // What the origin forbids to show stale is not shown (RFC 9111, section 5.2.2.2).
    let answer = once_stale(&alone, forbidden).await;
    assert_eq!(answer.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_line_nobody_waits_for_what_is_only_a_little_stale() {
    let alone = Alone::with("stale_while_revalidate = \"60s\"\n").await;
    let target = "/page?cc=max-age%3D1";
    let first = alone.get(target).await;
    alone.origin().fail(Some(Failure::Silence));
    let stale = once_stale(&alone, target).await;
    assert_eq!(
        stale.body, first.body,
        "answered at once, with the origin silent"
    );
    assert!(
        stale.field("cache-status").contains("detail=revalidating"),
        "{stale:?}"
    );
    alone.origin().fail(None);
    // The origin's own word goes before the line.
    let target = "/own?cc=max-age%3D1%2C+stale-while-revalidate%3D0";
    let first = alone.get(target).await;
    let next = once_stale(&alone, target).await;
    assert_ne!(next.body, first.body);
}
