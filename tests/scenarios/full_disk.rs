//! The disk of the last-good copies runs full, then turns read-only: readers notice nothing, the
//! operator is told once, and when there is room again it is used again.
//!
//! The disk is a small tmpfs that is mounted in a namespace of the edge's own; the test reaches it
//! through the edge's entry in /proc.

use std::path::PathBuf;
use std::process::Command;

use crate::town::eventually;
use crate::town::museum::{Museum, version_of};
use crate::town::process::Running;
use crate::town::{YAGURA, succeed};

const PAGES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_read_only_disk_is_an_alarm_and_no_error_for_readers() {
    let mut museum = Museum::open(PAGES, "", "warm_rate = 1000").await;
    start_on_small_disk(&mut museum);
    museum.edge_is_ready().await;
    complete(&museum).await;
    let kept = museum.status().await.last_good.unwrap();
    assert_eq!((kept.entries, kept.degraded), (PAGES as u64, None));

    // Full: something else takes all the room, and every page changes.
    let filler = disk(&museum).join("filler");
    let filled = std::fs::write(&filler, vec![1; 16 << 20]).unwrap_err();
    assert_eq!(filled.kind(), std::io::ErrorKind::StorageFull);
    told(&museum, "No space left").await;
    let asked = museum.pages.asked(0);
    read_everything(&museum).await;
    let log = || std::fs::read_to_string(museum.log()).unwrap();
    assert_eq!(log().matches("last-good takes nothing new").count(), 1);
    assert!(
        museum.pages.asked(0) - asked < 5,
        "what cannot be kept is not fetched again and again"
    );
    std::fs::remove_file(&filler).unwrap();
    taken_again(&museum).await;
    complete(&museum).await;

    // Read-only.
    remount(&museum, "ro");
    told(&museum, "Read-only").await;
    read_everything(&museum).await;
    assert_eq!(log().matches("last-good takes nothing new").count(), 2);
    remount(&museum, "rw");
    taken_again(&museum).await;
    complete(&museum).await;
    assert_eq!(log().matches("last-good copies are taken again").count(), 2);
    let kept = museum.status().await.last_good.unwrap();
    assert_eq!((kept.entries, kept.damaged), (PAGES as u64, 0));
}

/// Changes every page, and waits until the operator is told why nothing new is taken.
async fn told(museum: &Museum, why: &str) {
    for number in 0..PAGES {
        museum.pages.change(number);
    }
    eventually("the alarm is up", || async {
        let degraded = museum.status().await.last_good?.degraded?;
        degraded.contains(why).then_some(())
    })
    .await;
    let output = Command::new(YAGURA)
        .args(["status", "--config"])
        .arg(museum.config())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("TAKES NOTHING NEW"), "{said}");
    assert!(said.contains(why), "{said}");
}

/// Readers get every page as it is now.
async fn read_everything(museum: &Museum) {
    for number in 0..PAGES {
        eventually("the page is read as it is now", || async {
            let answer = museum.read(number).await.unwrap();
            assert_eq!(answer.status, 200, "page {number}");
            let version = version_of(number, &answer.body).expect("the page is not whole");
            (version == museum.pages.version(number)).then_some(())
        })
        .await;
    }
}

async fn taken_again(museum: &Museum) {
    eventually("the alarm ends", || async {
        let kept = museum.status().await.last_good?;
        kept.degraded.is_none().then_some(())
    })
    .await;
}

async fn complete(museum: &Museum) {
    eventually("every page is held as it is now", || async {
        let warmer = museum.warmer().await;
        let held = warmer.complete && warmer.head == PAGES as u64;
        held.then_some(())
    })
    .await;
}

/// Starts the edge with a disk of 2 MiB for its copies.
fn start_on_small_disk(museum: &mut Museum) {
    let mount =
        "mount -t tmpfs -o size=2m,mode=700 tmpfs \"$1\" && exec \"$2\" edge --config \"$3\"";
    let folder = museum.data().join("last-good");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "sh", "-c", mount, "sh"])
        .arg(folder)
        .arg(YAGURA)
        .arg(museum.config());
    let edge = Running::start_command(&mut command, &museum.log());
    museum.run_as(edge);
}

/// The disk, as the edge sees it.
fn disk(museum: &Museum) -> PathBuf {
    let inside = museum.data().join("last-good");
    let root = PathBuf::from(format!("/proc/{}/root", museum.edge_pid()));
    root.join(inside.strip_prefix("/").unwrap())
}

fn remount(museum: &Museum, how: &str) {
    let pid = museum.edge_pid().to_string();
    let mut command = Command::new("nsenter");
    command.args(["--mount", "--target", &pid]);
    if !is_root() {
        command.args(["--user", "--preserve-credentials"]);
    }
    command
        .args(["mount", "-o", &format!("remount,{how}")])
        .arg(museum.data().join("last-good"));
    succeed(&mut command);
}

fn is_root() -> bool {
    let own = Command::new("id").arg("-u").output().unwrap();
    own.stdout == b"0\n"
}
