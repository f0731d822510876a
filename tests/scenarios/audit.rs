//! The journal is evidence: whoever changes it, drops of it or puts something in is found by the
//! chain of its hashes, offline, with a head that was written down.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::town::YAGURA;
use crate::town::lone_edge::LoneEdge;

fn verify(data: &Path, more: &[&str]) -> Output {
    Command::new(YAGURA)
        .args(["audit", "verify"])
        .arg(data)
        .args(more)
        .output()
        .unwrap()
}

fn sound(data: &Path, more: &[&str]) -> String {
    let output = verify(data, more);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn broken(data: &Path, more: &[&str]) -> String {
    let output = verify(data, more);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn head(edge: &LoneEdge) -> String {
    let head = edge.outcome(&["status"])["journal"]["head"].clone();
    head.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_the_journal_is_found_also_without_the_edge() {
    let mut edge = LoneEdge::start("").await;
    for way in ["last-good", "notice", "auto"] {
        edge.told(&["route", "city", way, "--reason", "an exercise"]);
    }
    let noted = head(&edge);
    edge.told(&["route", "rest", "notice"]);
    let last = head(&edge);
    assert_ne!(noted, last);
    let data = edge.folder().join("edge");
    assert!(
        edge.told(&["status"])
            .contains(&format!("line 4 of file 1, head {last}"))
    );
    let told = sound(&data, &["--head", &noted]);
    assert!(told.contains("sound   4 lines in 1 files"), "{told}");
    assert!(told.contains("journal, line 3; nothing up to there was changed since, and 1 lines"));

    // A copy of it elsewhere is as good.
    let copy = tempfile::tempdir().unwrap();
    let journal = edge.journal();
    let write = |text: &str| std::fs::write(copy.path().join("journal"), text).unwrap();
    write(&journal.replacen("an exercise", "an emergency", 1));
    let told = broken(copy.path(), &[]);
    assert!(
        told.starts_with("BROKEN  journal, line 1: it was changed"),
        "{told}"
    );
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    write(&[lines[0], lines[2], lines[3]].concat());
    assert!(broken(copy.path(), &[]).contains("journal, line 2"));
    // Who cuts off the end is found by the head alone.
    write(&lines[..3].concat());
    assert!(sound(copy.path(), &[]).contains("--head"));
    assert!(
        broken(copy.path(), &["--head", &last]).contains(&format!("no line has the hash {last}"))
    );
    sound(copy.path(), &["--head", &noted]);
    // Who writes all of it anew makes another head.
    let mut forged = String::new();
    let mut former = yagura_control::hash::Hash::NONE;
    for line in &lines {
        let json = line
            .split_once(' ')
            .unwrap()
            .1
            .replace("an exercise", "an emergency");
        let record: Value = serde_json::from_str(&json).unwrap();
        let (line, next) = yagura_control::journal::chain::encode(former, &record).unwrap();
        forged.push_str(&String::from_utf8(line).unwrap());
        former = next;
    }
    write(&forged);
    sound(copy.path(), &[]);
    broken(copy.path(), &["--head", &noted]);

    // The edge itself does not start on what was changed.
    edge.restart_with(|| {}).await;
    assert_eq!(head(&edge), last);
    let told: Value = serde_json::from_str(&sound(&data, &["--json"])).unwrap();
    assert_eq!(told["sound"]["head"], *last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_an_older_edge_goes_on_and_full_files_are_kept_in_the_chain() {
    let mut edge = LoneEdge::start("").await;
    let data = edge.folder().join("edge");
    // So many lines that a start sums them up.
    let older = (0..2_001).flat_map(|at| {
        let change = json!({"before": "primary: it answers", "after": "notice: it is dead"});
        let record =
            json!({"record": "move", "at": at, "by": "health", "site": "city", "change": change});
        yagura_control::journal::encode(&record).unwrap()
    });
    let older: Vec<u8> = older.collect();
    edge.restart_with(|| std::fs::write(data.join("journal"), &older).unwrap())
        .await;
    edge.told(&["route", "city", "notice"]);
    let told = sound(&data, &["--head", &head(&edge)]);
    assert!(told.contains("sound   2004 lines in 2 files"), "{told}");
    assert!(
        told.contains("older   2001 lines are older than the chain"),
        "{told}"
    );
    assert_eq!(std::fs::read(data.join("journal.1")).unwrap(), older);
    let history = edge.outcome(&["history", "--last", "10000"]);
    assert_eq!(history["lines"].as_array().unwrap().len(), 2_002);

    let mut changed = older.clone();
    changed[1_000] ^= 1;
    std::fs::write(data.join("journal.1"), changed).unwrap();
    assert!(broken(&data, &[]).starts_with("BROKEN  journal.1, line "));
    std::fs::rename(data.join("journal.1"), data.join("elsewhere")).unwrap();
    let told = broken(&data, &[]);
    assert!(
        told.contains("journal.1 is missing: journal goes on from it"),
        "{told}"
    );
    // The edge needs no full file.
    edge.restart().await;
    assert_eq!(edge.site()["way"]["way"], "notice");
}
