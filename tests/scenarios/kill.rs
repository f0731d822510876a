//! The edge is killed (SIGKILL) again and again, at instants that nobody chose, while the warmer
//! fills and readers read. Every answer is whole and right, and no copy is ever found damaged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::town::eventually;
use crate::town::museum::{self, Museum, Pages, unfinished, version_of};

const PAGES: usize = 60;
const KILLS: usize = 60;
const READERS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_the_edge_serves_whole_and_right_pages_when_it_is_back() {
    let mut museum = Museum::open(PAGES, "", "warm_rate = 1000").await;
    let mut chance = StdRng::seed_from_u64(20_261_123);
    let answers = Arc::new(AtomicUsize::new(0));
    for kill in 0..KILLS {
        match (museum.is_site_open(), chance.random_bool(0.7)) {
            (true, false) => museum.close_site().await,
            (false, true) => museum.open_site().await,
            _ => {}
        }
        museum.start_edge();
        museum.edge_is_ready().await;
        let killing = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let seed = kill as u64 * READERS + reader;
                tokio::spawn(read_on(
                    museum.place.http(),
                    museum.pages.clone(),
                    seed,
                    killing.clone(),
                    answers.clone(),
                ))
            })
            .collect();
        for _ in 0..chance.random_range(0..8) {
            museum.pages.change(chance.random_range(0..PAGES));
        }
        let wait_ms = chance.random_range(0..350);
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let damaged = museum.status().await.last_good.unwrap().damaged;
        assert_eq!(damaged, 0, "after {kill} kills");
        killing.store(true, Ordering::SeqCst);
        museum.kill_edge();
        for reader in readers {
            let wrong = reader.await.unwrap();
            assert!(wrong.is_empty(), "after {kill} kills: {wrong:?}");
        }
    }

    // Once it has time to finish, everything is there, and alone it serves all of it.
    if !museum.is_site_open() {
        museum.open_site().await;
    }
    museum.start_edge();
    museum.edge_is_ready().await;
    eventually("every page is held as it is now", || async {
        museum.warmer().await.complete.then_some(())
    })
    .await;
    museum.close_site().await;
    museum.kill_edge();
    museum.start_edge();
    museum.edge_is_ready().await;
    for number in 0..PAGES {
        let answer = museum.read(number).await.unwrap();
        assert_eq!(answer.status, 200, "page {number}");
        let version = museum.pages.version(number);
        assert_eq!(version_of(number, &answer.body), Some(version), "{number}");
    }
    assert_eq!(museum.status().await.last_good.unwrap().damaged, 0);
    eventually("nothing half-written is left", || async {
        (unfinished(&museum.data().join("last-good")) == 0).then_some(())
    })
    .await;
    println!(
        "{KILLS} kills, {} answers, all whole and right",
        answers.load(Ordering::Relaxed)
    );
}

/// Reads page after page until the edge is killed; gives what was wrong.
async fn read_on(
    address: std::net::SocketAddr,
    pages: Arc<Pages>,
    seed: u64,
    killing: Arc<AtomicBool>,
    answers: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut wrong = Vec::new();
    while !killing.load(Ordering::SeqCst) {
        let number = chance.random_range(0..PAGES);
        match museum::get(address, &museum::path(number)).await {
            Ok(answer) if answer.status == 200 => {
                answers.fetch_add(1, Ordering::Relaxed);
                let version = version_of(number, &answer.body);
                if version.is_none_or(|version| version > pages.version(number)) {
                    wrong.push(format!("page {number} is {version:?}"));
                }
            }
            // It was never fetched, and the origin is dead.
            Ok(answer) if answer.status == 503 => {}
            Ok(answer) => wrong.push(format!("page {number}: {}", answer.status)),
            Err(_) if killing.load(Ordering::SeqCst) => {}
            Err(error) => wrong.push(format!("page {number}: {error}")),
        }
    }
    wrong
}
