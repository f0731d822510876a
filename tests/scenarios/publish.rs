//! Story 1: a member of staff publishes a change, and readers get it from the edge.

use std::time::{Duration, Instant};

use crate::town::staff::Staff;
use crate::town::{Town, eventually};

/// Publications measured.
const PUBLICATIONS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_readers_and_the_editor_says_when() {
    let town = Town::open().await;
    let mut reader = town.reader();
    let site = crate::town::site::Site::read(&mut reader).await;
    let path = site.page(0).to_owned();
    let mut staff = Staff::sign_in(&town, "hanako").await;
    let mut page = staff.open(&path).await;

    let mut took = Vec::new();
    for number in 0..PUBLICATIONS {
        let words = format!("第{number}回のお知らせです。");
        let clicked = Instant::now();
        staff.publish_with(&mut page, &words).await;
        eventually("the edge serves the new text", || {
            let mut reader = reader.another();
            let (path, words) = (path.clone(), words.clone());
            async move {
                reader
                    .get(&path)
                    .await
                    .text()
                    .contains(&words)
                    .then_some(())
            }
        })
        .await;
        took.push(clicked.elapsed());
    }
    took.sort();
    let at = |percent: usize| took[(took.len() * percent).div_ceil(100) - 1];
    println!(
        "{PUBLICATIONS} publications from click to live at the edge: median {:?}, p99 {:?}, longest {:?}",
        at(50),
        at(99),
        at(100)
    );
    // Reported, not asserted closely; a minute would mean that only expiry brought it.
    assert!(at(100) < Duration::from_secs(20));

    staff.until_live(&page).await;
    // What was asked for in the millisecond of its purge counts as older, and is confirmed once.
    let _confirmed = reader.get(&path).await;
    let answer = reader.get(&path).await;
    assert!(
        answer.field("cache-status").starts_with("yagura; hit"),
        "{}",
        answer.field("cache-status")
    );
    assert_eq!(
        answer.field("cache-tag"),
        "",
        "tags are between CMS and edge"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_survives_the_death_of_edge_and_cms() {
    let mut town = Town::open().await;
    let site = crate::town::site::Site::read(&mut town.reader()).await;
    let path = site.page(1).to_owned();
    let mut staff = Staff::sign_in(&town, "hanako").await;
    let mut page = staff.open(&path).await;
    staff
        .publish_with(&mut page, "停電の直前に公開した文です。")
        .await;
    // Both die before anybody has read the page, and perhaps before the edge was told.
    town.kill("cms");
    town.kill("edge");
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    town.until_read(&path, "停電の直前に公開した文です。").await;
    Staff::sign_in(&town, "hanako")
        .await
        .until_live(&page)
        .await;
}
