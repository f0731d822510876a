//! The store on the machine's own file system.

use std::fs;
use std::path::Path;
use std::time::Duration;

use yagura_control::clock::monotonic;
use yagura_control::{Clock, SystemClock, Timestamp};

use super::retention::Rules;
use super::{Kept, LastGood, TOUCH_EVERY, format};
use crate::cache::stored::tests::response;

const NOW: Timestamp = Timestamp(1);

fn rules(quota_bytes: u64) -> Rules {
    let keep = Duration::from_secs(86_400 * 400);
    Rules { quota_bytes, keep }
}

fn open(folder: &Path) -> LastGood {
    LastGood::open(folder, rules(1 << 20))
}

#[test]
fn copies_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let stored = response("town\n\n/a", "text", "page-1", NOW);
    assert_eq!(open(folder.path()).write(&stored), Kept::Yes);
    let again = open(folder.path());
    assert_eq!(again.read("town\n\n/a", NOW), Some(stored));
    again.take_stock();
    assert_eq!(again.status().entries, 1);
}

#[test]
fn a_damaged_copy_is_removed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.take_stock();
    store.write(&response("town\n\n/a", "text", "", NOW));
    let path = store.place("town\n\n/a").path;
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(store.read("town\n\n/a", NOW), None);
    assert!(!path.exists());
    assert_eq!(store.status().damaged, 1);
    assert_eq!(store.status().entries, 0);
}

#[test]
fn what_a_crash_left_half_written_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // Also of a process with the same number, as the first of a container always has.
    let partial = folder
        .path()
        .join(format!("00/abc.{}-1.partial", std::process::id()));
    fs::write(&partial, "half").unwrap();
    store.take_stock();
    assert!(!partial.exists());
}

#[test]
fn a_full_quota_takes_nothing_for_which_a_listed_page_would_have_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = LastGood::open(folder.path(), rules(700));
    store.take_stock();
    store.listings().begin("town");
    store.listings().replace("town", ["town\n\n/a"].into_iter());
    store.write(&response("town\n\n/a", "text", "", NOW));
    assert_eq!(
        store.write(&response("town\n\n/b", "text", "", NOW)),
        Kept::NoRoom
    );
    assert!(store.read("town\n\n/a", NOW).is_some());
    assert!(store.status().degraded.unwrap().contains("quota"));
    let later = Timestamp(60_000);
    store.write(&response("town\n\n/a", "newer", "", later));
    assert_eq!(store.read("town\n\n/a", NOW).unwrap().body, "newer");
    assert_eq!(store.status().degraded, None);
}

#[test]
fn a_full_quota_lets_go_what_nobody_lists_once_every_list_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let store = LastGood::open(folder.path(), rules(1100));
    store.take_stock();
    store.listings().begin("town");
    store.listings().add("town", "town\n\n/a");
    for key in ["town\n\n/old", "town\n\n/a"] {
        assert_eq!(store.write(&response(key, "text", "", NOW)), Kept::Yes);
    }
    let new = |at| response("town\n\n/new", "text", "", at);
    assert_eq!(
        store.write(&new(NOW)),
        Kept::NoRoom,
        "what is listed is not known yet"
    );
    store.listings().mark_whole("town");
    assert_eq!(store.write(&new(Timestamp(600_000))), Kept::Yes);
    assert!(!store.has("town\n\n/old"));
    assert!(store.has("town\n\n/a") && store.has("town\n\n/new"));
    assert_eq!(store.status().entries, 2);
}

#[test]
fn what_nobody_lists_or_reads_goes_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.listings().begin("town");
    let now = SystemClock.now();
    for key in ["town\n\n/listed", "town\n\n/read", "town\n\n/forgotten"] {
        store.write(&response(key, "text", "", now));
    }
    store.listings().add("town", "town\n\n/listed");
    let days = |days: u64| Timestamp(now.0 + days * 86_400_000);
    store.retire(days(500));
    assert!(store.has("town\n\n/forgotten"), "the list is not whole yet");
    store.listings().mark_whole("town");
    store.retire(days(399));
    assert!(store.has("town\n\n/forgotten"));
    assert!(store.read("town\n\n/read", days(399)).is_some());
    store.retire(days(401));
    assert!(!store.has("town\n\n/forgotten"));
    assert!(store.has("town\n\n/listed") && store.has("town\n\n/read"));
}

#[test]
fn a_read_is_noted_once_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(&response("town\n\n/a", "text", "", NOW));
    let path = store.place("town\n\n/a").path;
    let used_at = || fs::metadata(&path).unwrap().modified().unwrap();
    let written_at = used_at();
    let after = |wait: Duration| Timestamp::from(written_at + wait);
    store.read("town\n\n/a", after(TOUCH_EVERY / 2));
    assert_eq!(used_at(), written_at);
    store.read("town\n\n/a", after(TOUCH_EVERY * 2));
    assert!(used_at() > written_at + TOUCH_EVERY);
}

#[test]
fn a_sweep_removes_what_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write(&response("town\n\n/a", "text", "page-1", NOW));
    store.write(&response("town\n\n/b", "text", "page-2", NOW));
    store.sweep(|stored| stored.key.ends_with("/a"));
    assert!(!store.has("town\n\n/a") && store.has("town\n\n/b"));
}

/// `cargo test -p yagura-proxy opens_100_000 -- --ignored --nocapture`; see docs/measurements.md.
#[test]
#[ignore = "a measurement: it writes 100,000 files"]
fn opens_100_000_copies_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let body = "a page of the town's site. ".repeat(400);
    let key = |number: usize| format!("town\n\n/kurashi/{number}.html");
    for number in 0..100_000 {
        let mut stored = response(&key(number), "", "page-1", NOW);
        stored.body = body.clone().into();
        let path = store.place(&key(number)).path;
        fs::write(path, format::encode(&stored).unwrap()).unwrap();
    }
    drop(store);
    let began = monotonic();
    let store = open(folder.path());
    let opened = began.elapsed();
    let first = store.read(&key(77_777), NOW).unwrap();
    let answered = began.elapsed();
    assert_eq!(first.body, body);
    store.take_stock();
    let counted = began.elapsed();
    println!(
        "opened after {opened:?}, first copy after {answered:?}, all {} counted after {counted:?}",
        store.status().entries
    );
}

#[test]
fn nothing_is_changed_while_the_folder_is_another_processs() {
    let folder = tempfile::tempdir().unwrap();
    let (store, other) = (open(folder.path()), open(folder.path()));
    let stored = response("town\n\n/a", "text", "", NOW);
    assert_eq!(store.write(&stored), Kept::Yes);
    store.seal();
    let partial = folder.path().join("00/abc.1-1.partial");
    fs::write(&partial, "half").unwrap();
    store.take_stock();
    store.remove("town\n\n/a");
    let late = response("town\n\n/b", "text", "", NOW);
    assert_eq!(store.write(&late), Kept::HandedOver);
    assert!(partial.exists());
    assert_eq!(store.read("town\n\n/a", NOW), Some(stored));
    assert_eq!(other.write(&late), Kept::Yes);
    assert_eq!(store.status().degraded, None);
    store.unseal();
    store.remove("town\n\n/a");
    assert_eq!(store.read("town\n\n/a", NOW), None);
}
