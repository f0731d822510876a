//! How often a printed code was used is known years later, whatever happens to the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::town::eventually;
use crate::town::lone_edge::LoneEdge;

const TABLE: &str = "from,to,status\n/q/a,/page,302\n/q/b,/page,302\n";

/// What the edge says a redirect was answered, and on how many days.
fn counted(lone: &LoneEdge, source: &str) -> (u64, usize) {
    let shown = lone.told(&["redirect", "show", source, "--site", "city", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let one = &shown["redirects"][0];
    let days = one["by_day"].as_array().map_or(0, Vec::len);
    (one["hits"].as_u64().unwrap(), days)
}

async fn with_table() -> LoneEdge {
    let lone = LoneEdge::start("").await;
    let file = lone.file("table.csv", TABLE);
    lone.told(&["redirect", "import", &file, "--site", "city"]);
    lone
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_edge_loses_only_what_was_not_yet_written() {
    let mut lone = with_table().await;
    let (answered, enough) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    for _ in 0..3 {
        let before_the_kill = {
            let reading = async {
                while !enough.load(Ordering::SeqCst) {
                    // Counted before it is asked: the edge may have counted what nobody was told.
                    answered.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(lone.get("/q/a").await.status, 302);
                }
            };
            let begin = lone.hits_on_disk("/q/a");
            let watching = async {
                let written = eventually("what was counted is written by itself", || async {
                    let written = lone.hits_on_disk("/q/a");
                    (written > begin).then_some(written)
                })
                .await;
                enough.store(true, Ordering::SeqCst);
                written
            };
            tokio::join!(reading, watching).1
        };
        enough.store(false, Ordering::SeqCst);
        lone.restart().await;
        let (after, _) = counted(&lone, "/q/a");
        let most = answered.load(Ordering::SeqCst);
        assert!(
            (before_the_kill..=most).contains(&after),
            "{before_the_kill} written, {after} known, {most} asked"
        );
        // What the kill lost is lost; from here on every one counts again.
        answered.store(after, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_and_an_orderly_stop_lose_nothing() {
    let mut lone = with_table().await;
    for round in 1..=3 {
        for _ in 0..7 {
            assert_eq!(lone.get("/q/a?utm_source=x").await.status, 302);
        }
        // A new table takes the old one's place, with what it counted.
        let file = lone.file(
            "table.csv",
            TABLE.replace("/page", &format!("/page{round}")),
        );
        lone.told(&["redirect", "import", &file, "--site", "city", "--replace"]);
        lone.get("/q/b").await;
        lone.restart_gently().await;
        assert_eq!(counted(&lone, "/q/a").0, 7 * round);
        assert_eq!(counted(&lone, "/q/b").0, round);
    }
    assert!(counted(&lone, "/q/a").1 >= 1, "told by day");
    assert_eq!(lone.hits_on_disk("/q/a"), 21);
}
