//! The operations desk as a process: what ends with it.

use std::fs;
use std::process::Command;

use crate::town::{Town, eventually, succeed};

/// Processes that a process started, with this name.
fn children(of: u32, name: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        // proc(5): PID (NAME) STATE PARENT
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((begin, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        let parent = rest.split(' ').nth(1).and_then(|it| it.parse().ok());
        if parent == Some(of) && begin.ends_with(&format!("({name}")) {
            found.push(pid);
        }
    }
    found
}

/// Whether it still does something: one that nobody reaped does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    !matches!(state.flatten(), None | Some('Z' | 'X'))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rclone_does_not_outlive_the_desk_that_is_killed() {
    let mut town = Town::open().await;
    town.has_backups("every = \"1s\"\nevery_large = \"1s\"\nfiles_every = \"1s\"\n");
    let config = town.data().join("rclone.conf");
    fs::write(&config, "[shelf]\ntype = local\n").unwrap();
    let shelf = town.data().join("shelf");
    town.has_target(
        "shelf",
        &format!(
            "rclone = \"shelf:{}\"\nrclone_config = \"{}\"",
            shelf.display(),
            config.display()
        ),
    );
    town.start("ops");
    let desk = town.process("ops").pid();
    // One a repository; they go on while the threads that asked for them come and go.
    let started = eventually("rclone runs for both repositories", || async {
        let status = town.backed_up(&["status"]);
        let kept = |part: &str| status["targets"]["shelf"][part]["generations"].as_u64();
        let there = kept("database") >= Some(1) && kept("files") >= Some(1);
        let running = children(desk, "rclone");
        (there && running.len() == 2).then_some(running)
    })
    .await;
    let write = "INSERT INTO meta VALUES ('after', 'x')";
    succeed(
        Command::new("sqlite3")
            .arg(town.data().join("cms.db"))
            .args([".timeout 20000", write]),
    );
    eventually("the next generation goes the same way", || async {
        let status = town.backed_up(&["status"]);
        let kept = &status["targets"]["shelf"]["database"]["generations"];
        (kept.as_u64() >= Some(2)).then_some(())
    })
    .await;
    let mut again = children(desk, "rclone");
    again.sort_unstable();
    let mut first = started.clone();
    first.sort_unstable();
    assert_eq!(again, first, "they were not begun anew");

    town.kill("ops");
    eventually("rclone is gone too", || async {
        started.iter().all(|pid| !runs(*pid)).then_some(())
    })
    .await;
}
