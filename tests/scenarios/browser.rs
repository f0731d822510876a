//! The site and the staff's pages in a real browser: accessibility, reading without scripts,
//! writing, Japanese input, keyboard. The tests are in `tests/browser`; here is their town.

use std::path::Path;
use std::process::Command;

use crate::town::place::Place;
use crate::town::{Town, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_in_a_real_browser() {
    let mut town = Town::at(Place::for_browsers());
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    eventually("the site is there", || {
        let mut reader = town.reader();
        async move { (reader.try_get("/").await.ok()?.status == 200).then_some(()) }
    })
    .await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no tests in {}", folder.display());
    let https = town.place.https;
    let run = Command::new("node")
        .args(["--test", "--test-concurrency=1"])
        .args(&files)
        .current_dir(&folder)
        .env("PUBLIC_URL", format!("https://localhost:{https}"))
        .env("STAFF_URL", format!("https://staff.localhost:{https}"))
        .env("STAFF_LOGIN", "hanako")
        .env("STAFF_PASSWORD", town.password("hanako"))
        .output()
        .expect("node is needed: https://nodejs.org");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    println!("{told}");
    assert!(run.status.success(), "{told}");
}
