//! A faulty configuration is told whole, and never reaches a running edge.

use serde_json::Value;

use crate::town::process::signal;
use crate::town::{Town, eventually};

const TEN_FAULTS: &str = include_str!("../../config/tests/ten-faults.toml");

#[test]
fn ten_faults_give_ten_messages_and_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faulty.toml");
    std::fs::write(&file, TEN_FAULTS).unwrap();
    let file = file.display().to_string();

    let edge = std::process::Command::new(crate::town::YAGURA)
        .args(["edge", "--config", &file])
        .output()
        .unwrap();
    assert_eq!(edge.status.code(), Some(2));
    let told = String::from_utf8(edge.stderr).unwrap();
    for line in [2, 3, 4, 5, 8, 10, 11, 14, 15, 16] {
        assert!(
            told.contains(&format!("line {line}, ")),
            "nothing is told of line {line}:\n{told}"
        );
    }
    assert!(
        told.contains("edge.listen[1].adress") && told.contains("did you mean `address`?"),
        "{told}"
    );

    let check = std::process::Command::new(crate::town::YAGURA)
        .args(["check", "--json", "--config", &file])
        .output()
        .unwrap();
    assert_eq!(check.status.code(), Some(2));
    let faults: Vec<Value> = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(faults.len(), 10, "{faults:#?}");
    for fault in faults {
        assert!(fault["line"].as_u64() > Some(0), "{fault}");
        assert!(!fault["key"].as_str().unwrap().is_empty(), "{fault}");
        assert!(!fault["hint"].as_str().unwrap().is_empty(), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_edge_keeps_its_settings_when_the_new_ones_have_faults() {
    let mut town = Town::new();
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    let good = std::fs::read_to_string(town.config()).unwrap();
    let generation = |town: &Town| town.yagura(&["status", "--json"]).stdout;
    assert_eq!(town.reader().get("/").await.status, 200);

    std::fs::write(
        town.config(),
        good.replace("last_good = true", "last_good = \"yes\""),
    )
    .unwrap();
    let socket = town.data().join("run/edge.sock").display().to_string();
    let refused = std::process::Command::new(crate::town::YAGURA)
        .args(["reload", "--socket", &socket])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("site[0].last_good"), "{told}");
    assert_eq!(town.reader().get("/").await.status, 200);

    signal(town.process("edge").pid(), "HUP");
    let log = town.data().join("log/edge.log");
    eventually("the faults are in the log", || async {
        std::fs::read_to_string(&log)
            .ok()?
            .contains("site[0].last_good")
            .then_some(())
    })
    .await;
    assert_eq!(town.reader().get("/").await.status, 200);

    // The same edge takes a right file: the staff site now refuses this machine.
    std::fs::write(
        town.config(),
        good.replace("\"127.0.0.0/8\"", "\"192.0.2.0/24\""),
    )
    .unwrap();
    let before = generation(&town);
    assert_ne!(
        town.reader_of("staff.localhost")
            .get("/sign-in")
            .await
            .status,
        403
    );
    assert!(town.yagura(&["reload"]).status.success());
    assert_ne!(generation(&town), before);
    assert_eq!(town.reader_of("staff.localhost").get("/").await.status, 403);
}
