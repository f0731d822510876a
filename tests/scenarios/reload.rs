//! Settings are read again while readers are answered: on order and on SIGHUP. Who was there before
//! is answered as it was then.

use crate::town::eventually;
use crate::town::lone_edge::LoneEdge;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_ends_on_the_plan_it_began_on_and_what_needs_a_restart_is_named() {
    let lone = LoneEdge::start("").await;
    let asking = lone.get("/page?held&cc=no-store");
    let changing = async {
        eventually("the request is at the origin", || async {
            let seen = lone.seen();
            seen.iter().any(|line| line.contains("/page")).then_some(())
        })
        .await;
        // From now on the site refuses everybody who is not from a network of documentation.
        lone.change(
            "last_good = true",
            "last_good = true\nallow_from = [\"192.0.2.0/24\"]",
        );
        lone.change("[edge]\n", "[edge]\nthreads = 1\n");
        let told = lone.told(&["reload"]);
        assert!(
            told.contains("takes effect at a restart only: edge"),
            "{told}"
        );
        assert_eq!(lone.get("/page?cc=no-store").await.status, 403);
        lone.origin.as_ref().unwrap().open();
    };
    let (answer, ()) = tokio::join!(asking, changing);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("answer 1 to GET"), "{}", answer.body);
    assert_eq!(lone.get("/page?cc=no-store").await.status, 403);
}
