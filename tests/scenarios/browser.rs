//! The site and the staff's pages in a real browser: accessibility, reading without scripts,
//! writing, Japanese input, keyboard, the second factor. The tests are in `tests/browser`; here is their town.

use std::path::Path;
use std::process::Command;

use crate::town::lone_edge::LoneEdge;
use crate::town::outside::{self, Outside};
use crate::town::place::Place;
use crate::town::{Town, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_in_a_real_browser() {
    let mut town = Town::at(Place::for_browsers());
    let _outside = Outside::open(&town).await;
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
        .env("OUTSIDE_URL", format!("https://{}:{https}", outside::HOST))
        .env("STAFF_LOGIN", "hanako")
        .env("STAFF_PASSWORD", town.password("hanako"))
        .env("ADMIN_LOGIN", "kanri")
        .env("ADMIN_PASSWORD", town.password("kanri"))
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

/// The pages that the edge makes itself, with the origin dead.
#[tokio::test(flavor = "multi_thread")]
async fn the_edges_own_pages_work_in_a_real_browser() {
    let mut lone = LoneEdge::start("").await;
    lone.stop_primary().await;
    let japanese = "# 地震について\n\n**落ち着いて**ください。\n\n## 避難所\n\n| 所 | 状況 |\n|---|---|\n| 櫓小学校 | 開設 |\n\n[電話](tel:0120000000)\n";
    let text = lone.file("ja.md", japanese);
    let english = lone.file("en.md", "# About the earthquake\n\n- Stay calm\n");
    let english = format!("en={english}");
    let words = ["--text", &text, "--text", &english, "rest"];
    lone.told(&[&["disaster", "up"][..], &words].concat());
    for post in ["# 給水\n\n市役所で給水します。", "櫓橋は通行止めです。"] {
        lone.told(&["disaster", "post", "-m", post, "rest"]);
    }
    look(&lone, "200", "地震について");
    lone.told(&[&["notice", "up"][..], &words].concat());
    look(&lone, "503", "地震について");
    // Nothing goes before the door.
    let cloud = "[[cloud]]\nname = \"cloud\"\nranges = [\"192.0.2.0/24\"]\n[edge]\n";
    lone.change("[edge]\n", cloud);
    let rest = "name = \"rest\"\n";
    lone.change(rest, &format!("{rest}behind = [\"cloud\"]\n"));
    lone.told(&["reload"]);
    look(&lone, "403", "この経路では表示できません");
}

fn look(lone: &LoneEdge, status: &str, heading: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let run = Command::new("node")
        .args(["--test", "edge-pages.mjs"])
        .current_dir(folder)
        .env("EDGE_URL", lone.url())
        .env("EDGE_STATUS", status)
        .env("EDGE_HEADING", heading)
        .output()
        .expect("node is needed: https://nodejs.org");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(run.status.success(), "{told}");
}
