//! Story 5: a disk that lies. A last-good copy whose bytes were flipped is detected, never shown,
//! and fetched anew.

use std::path::{Path, PathBuf};

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
    let folder = town.data().join("edge/last-good");
    eventually("the copy is whole again", || async {
        (copies(&folder, &site.pages[&path]).len() == 1).then_some(())
    })
    .await;
    town.kill("cms");
    town.kill("edge");
    town.start("edge");
    town.edge_is_ready().await;
    let answer = town.reader().get(&path).await;
    assert!(answer.status == 200 && answer.body == site.pages[&path]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_lost_is_fetched_at_the_next_start_though_nobody_reads_it() {
    let mut town = Town::open().await;
    let site = Site::read(&mut town.reader()).await;
    let path = site.page(5).to_owned();
    town.kill("edge");
    let folder = town.data().join("edge/last-good");
    let lost = copies(&folder, &site.pages[&path]);
    assert_eq!(lost.len(), 1, "the copy to lose was not found");
    std::fs::remove_file(&lost[0].0).unwrap();
    town.start("edge");
    town.edge_is_ready().await;
    eventually("the copy is back", || async {
        (copies(&folder, &site.pages[&path]).len() == 1).then_some(())
    })
    .await;
}

/// Flips a bit in the middle of every copy that holds these bytes; gives how many there were.
fn damage(folder: &Path, body: &[u8]) -> usize {
    let copies = copies(folder, body);
    for (file, position) in &copies {
        let mut bytes = std::fs::read(file).unwrap();
        bytes[position + body.len() / 2] ^= 0x01;
        std::fs::write(file, bytes).unwrap();
    }
    copies.len()
}

/// Files that hold these bytes, and where in them.
fn copies(folder: &Path, body: &[u8]) -> Vec<(PathBuf, usize)> {
    let position = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(body.len()).position(|window| window == body)
    };
    let files = crate::withdraw::files(folder).into_iter();
    files
        .filter(|file| file.extension().is_none())
        .filter_map(|file| Some((position(&file)?, file)))
        .map(|(at, file)| (file, at))
        .collect()
}
