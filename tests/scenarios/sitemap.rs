//! A site of another CMS behind the edge: its sitemap makes last-good complete, so that a death of
//! the origin is no outage here either.

use std::time::Duration;

use crate::town::eventually;
use crate::town::museum::{Museum, version_of};

const PAGES: usize = 30;
const BROKEN: usize = 7;

#[tokio::test(flavor = "multi_thread")]
async fn every_listed_page_is_served_when_the_origin_is_dead_though_nobody_read_it() {
    let mut museum = Museum::open(PAGES, "", "").await;
    museum.pages.break_down(BROKEN);
    museum.start_edge();
    museum.edge_is_ready().await;
    eventually("all but the broken page are held", || async {
        let warmer = museum.warmer().await;
        (warmer.head == PAGES as u64 && warmer.position == warmer.head - 1 && warmer.failing == 1)
            .then_some(())
    })
    .await;
    assert!(!museum.warmer().await.complete);
    assert!(
        museum.pages.asked(BROKEN) < 10,
        "asked {} times",
        museum.pages.asked(BROKEN)
    );
    assert_eq!(museum.pages.asked(0), 1, "one fetch is enough");

    // What changed is fetched; what is listed no longer stays.
    let changed = museum.pages.change(3);
    museum.pages.unlist(4);
    eventually("the sitemap is read again", || async {
        let warmer = museum.warmer().await;
        (warmer.head == PAGES as u64 - 1 && museum.pages.asked(3) > 1).then_some(())
    })
    .await;
    eventually("the change is held", || async {
        let warmer = museum.warmer().await;
        (warmer.position == warmer.head - 1).then_some(())
    })
    .await;

    museum.close_site().await;
    museum.kill_edge();
    museum.start_edge();
    museum.edge_is_ready().await;
    for number in 0..PAGES {
        let answer = museum.read(number).await.unwrap();
        let expected = if number == BROKEN { 503 } else { 200 };
        assert_eq!(answer.status, expected, "page {number}");
        let version = if number == 3 { changed } else { 1 };
        if number != BROKEN {
            assert_eq!(version_of(number, &answer.body), Some(version), "{number}");
        }
    }

    // After a restart it is not fetched all over again.
    let asked = museum.pages.asked(0);
    museum.open_site().await;
    eventually("the sitemap is read", || async {
        let warmer = museum.warmer().await;
        (warmer.head == PAGES as u64 - 1).then_some(())
    })
    .await;
    assert_eq!(museum.pages.asked(0), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_no_list_names_goes_when_nobody_reads_it() {
    let mut museum = Museum::open(4, "last_good_keep = \"3s\"", "").await;
    museum.pages.unlist(2);
    museum.start_edge();
    museum.edge_is_ready().await;
    eventually("last-good is complete", || async {
        museum.warmer().await.complete.then_some(())
    })
    .await;
    assert_eq!(museum.read(2).await.unwrap().status, 200);
    let entries = || async { museum.status().await.last_good.unwrap().entries };
    eventually("what was read is held", || async {
        (entries().await == 4).then_some(())
    })
    .await;
    eventually("it is let go", || async {
        (entries().await == 3).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(entries().await, 3, "what is listed stays");
}
