//! Story 2: the day of the earthquake. The CMS dies under load, then the edge too, and is started
//! with the CMS still dead: readers miss nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use yagura_control::redirect::parse_csv;

use crate::town::site::Site;
use crate::town::{PAGES, Town};

const CONNECTIONS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_miss_nothing_when_everything_behind_the_edge_is_dead() {
    let mut town = Town::open().await;
    let site = Arc::new(Site::read(&mut town.reader()).await);
    assert!(site.pages.len() >= PAGES, "{} pages", site.pages.len());
    assert!(site.files.len() >= 120, "{} files", site.files.len());

    // 50 connections read page after page while the CMS is killed.
    let over = Arc::new(AtomicBool::new(false));
    let reads = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            tokio::spawn(read_on(
                town.reader(),
                site.clone(),
                number,
                over.clone(),
                reads.clone(),
            ))
        })
        .collect();
    while reads.load(Ordering::Relaxed) < 2 * CONNECTIONS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    town.kill("cms");
    let at_death = reads.load(Ordering::Relaxed);
    while reads.load(Ordering::Relaxed) < at_death + 4 * site.pages.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    over.store(true, Ordering::Relaxed);
    let mut failed = Vec::new();
    for reader in readers {
        failed.extend(reader.await.unwrap());
    }
    let after = reads.load(Ordering::Relaxed) - at_death;
    println!(
        "{CONNECTIONS} connections, {after} reads after the CMS died, {} failed",
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:?}");

    // The edge dies as well, and comes back alone.
    town.kill("edge");
    town.start("edge");
    town.edge_is_ready().await;
    let mut reader = town.reader();
    for (path, expected) in site.all() {
        let answer = reader.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body == *expected, "{path} has other bytes");
    }
    println!(
        "{} pages, {} pictures and files read from the edge alone",
        site.pages.len(),
        site.files.len()
    );

    let table = std::fs::read_to_string(town.data().join("redirects.csv")).unwrap();
    let redirects = parse_csv(&table).unwrap();
    assert_eq!(redirects.len(), 5000);
    for redirect in &redirects {
        let answer = reader.get(&redirect.path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field("location")),
            (redirect.status, redirect.to.as_str()),
            "{}",
            redirect.path
        );
    }
    println!("{} redirects answered by the edge alone", redirects.len());

    // What was never there says so plainly, in two languages.
    let answer = reader.get("/kurashi/nai.html").await;
    assert_eq!(
        (answer.status.as_u16(), answer.field("cache-control")),
        (503, "no-store")
    );
    assert_eq!(answer.field("retry-after"), "30");
    assert!(
        answer.text().contains("ただいま表示できません") && answer.text().contains("lang=\"en\"")
    );
}

/// Reads page after page, beginning somewhere else than the others; gives what failed.
async fn read_on(
    mut reader: crate::town::reader::Reader,
    site: Arc<Site>,
    number: usize,
    over: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut failed = Vec::new();
    let begin = number * site.pages.len() / CONNECTIONS;
    for (path, expected) in site.pages.iter().cycle().skip(begin) {
        if over.load(Ordering::Relaxed) {
            break;
        }
        match reader.try_get(path).await {
            Ok(answer) if answer.status == 200 && answer.body == *expected => {}
            Ok(answer) => failed.push(format!("{path}: {}", answer.status)),
            Err(error) => failed.push(format!("{path}: {error}")),
        }
        reads.fetch_add(1, Ordering::Relaxed);
    }
    failed
}
