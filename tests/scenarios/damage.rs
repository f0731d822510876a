//! Story 5: a disk that lies. A last-good copy whose bytes were flipped is detected, never shown,
//! and fetched anew.

use std::path::Path;

use crate::town::site::Site;
use crate::town::{Town, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_never_shown_and_is_replaced() {
    let mut town = Town::open().await;
    let site = Site::read(&mut town.reader()).await;
    let path = site.page(3).to_owned();
    town.kill("cms");
    town.kill("edge");
    let damaged = damage(&town.data().join("edge/last-good"), &site.pages[&path]);
    assert_eq!(damaged, 1, "the copy to damage was not found");

    // Nothing is better than something wrong.
    town.start("edge");
    town.edge_is_ready().await;
    let answer = town.reader().get(&path).await;
    assert_eq!(answer.status, 503);
    let status = town.status().unwrap();
    assert_eq!(status["last_good"]["damaged"], 1, "{status}");

    town.start("cms");
    eventually("the page is fetched anew", || {
        let mut reader = town.reader();
        let (path, expected) = (path.clone(), site.pages[&path].clone());
        async move { (reader.get(&path).await.body == expected).then_some(()) }
    })
    .await;
    eventually("the copy is whole again", || {
        let mut reader = town.reader();
        let path = path.clone();
        async move {
            let answer = reader.get(&path).await;
            answer.field("cache-status").contains("hit").then_some(())
        }
    })
    .await;
    town.kill("cms");
    town.kill("edge");
    town.start("edge");
    town.edge_is_ready().await;
    let answer = town.reader().get(&path).await;
    assert!(answer.status == 200 && answer.body == site.pages[&path]);
}

/// Flips a bit in the middle of every copy that holds these bytes; gives how many there were.
fn damage(folder: &Path, body: &[u8]) -> usize {
    let mut count = 0;
    for file in crate::withdraw::files(folder) {
        let mut bytes = std::fs::read(&file).unwrap();
        let Some(position) = bytes.windows(body.len()).position(|window| window == body) else {
            continue;
        };
        bytes[position + body.len() / 2] ^= 0x01;
        std::fs::write(&file, bytes).unwrap();
        count += 1;
    }
    count
}
