//! `yagura up` keeps the town open: whichever process dies is back within two seconds, and the
//! log says so. What it needs and does not get is named.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::town::process::signal;
use crate::town::{Town, YAGURA, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn whichever_process_dies_is_back_within_two_seconds() {
    let mut town = Town::new();
    town.up();
    let log = town.data().join("log/up.log");
    eventually("the table is printed", || async {
        fs::read_to_string(town.data().join("log/terminal.log"))
            .ok()?
            .contains("Public site")
            .then_some(())
    })
    .await;
    assert_eq!(town.reader().get("/").await.status, 200);

    for name in ["edge", "cms", "ops"] {
        let pid = pid_of(&log, name);
        signal(pid, "KILL");
        let killed = Instant::now();
        let again = eventually("the process is started again", || async {
            Some(pid_of(&log, name)).filter(|now| *now != pid)
        })
        .await;
        let away = killed.elapsed();
        assert!(
            away < Duration::from_secs(2),
            "{name} was away for {away:?}"
        );
        println!("{name} (pid {pid}) was killed and started again (pid {again}) after {away:?}");
        let said = fs::read_to_string(&log).unwrap();
        assert!(
            said.contains(&format!("{name} (pid {pid}) died: signal: 9")),
            "{said}"
        );
        assert!(
            said.contains(&format!("{name} started again (pid {again})")),
            "{said}"
        );
    }
    town.edge_is_ready().await;
    // The CMS needs a moment until it answers.
    eventually("the site is there again", || {
        let mut reader = town.reader();
        async move { (reader.try_get("/").await.ok()?.status == 200).then_some(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_edge_is_followed_and_started_again_when_it_dies() {
    let mut town = Town::new();
    town.up();
    town.edge_is_ready().await;
    let log = town.data().join("log/up.log");
    let first = pid_of(&log, "edge");
    let (mut last, mut before) = (first, Vec::new());
    for _ in 0..2 {
        before.push(last);
        let upgraded = town.yagura(&["upgrade"]);
        assert!(upgraded.status.success(), "{upgraded:?}");
        let told = format!("edge (pid {last}) was upgraded (pid ");
        last = eventually("the supervisor follows", || async {
            let said = fs::read_to_string(&log).unwrap();
            let (_, rest) = said.split_once(&told)?;
            rest.split(')').next()?.parse().ok()
        })
        .await;
    }
    for pid in before {
        eventually("the process before it ends", || async {
            (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
        })
        .await;
    }
    assert_eq!(pid_of(&log, "edge"), first, "nothing was started meanwhile");
    signal(last, "KILL");
    let again = eventually("the edge is started again", || async {
        Some(pid_of(&log, "edge")).filter(|now| *now != first)
    })
    .await;
    let said = fs::read_to_string(&log).unwrap();
    assert!(
        said.contains(&format!("edge (pid {last}) died: signal: 9")),
        "{said}"
    );
    town.edge_is_ready().await;
    assert_eq!(town.reader().get("/").await.status, 200);

    // What took over ends with the supervisor, however that ends.
    let upgraded = town.yagura(&["upgrade"]);
    assert!(upgraded.status.success(), "{upgraded:?}");
    eventually("the process before it is gone", || async {
        (!Path::new(&format!("/proc/{again}")).exists()).then_some(())
    })
    .await;
    let pid = town.status().unwrap()["pid"].as_u64().unwrap();
    town.kill("up");
    eventually("everything ends", || async {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        stat.is_none_or(|stat| stat.contains(") Z ")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_everything_in_order() {
    let mut town = Town::new();
    town.up();
    town.edge_is_ready().await;
    let log = town.data().join("log/up.log");
    let pids = ["edge", "cms", "ops"].map(|name| pid_of(&log, name));
    let status = town.take("up").stop().await;
    assert!(status.success(), "{status}");
    let said = fs::read_to_string(&log).unwrap();
    assert!(
        said.contains("stopping") && said.trim_end().ends_with("stopped"),
        "{said}"
    );
    for pid in pids {
        assert!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "process {pid} is left"
        );
    }
}

/// The newest process number that the supervisor's log gives for a process.
fn pid_of(log: &Path, name: &str) -> u32 {
    let said = fs::read_to_string(log).unwrap();
    let started = [
        format!("{name} started (pid "),
        format!("{name} started again (pid "),
    ];
    let number = said
        .lines()
        .rev()
        .find_map(|line| {
            started
                .iter()
                .find_map(|start| line.split_once(start.as_str()))
        })
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    number
        .unwrap_or_else(|| panic!("{name} is not in the log:\n{said}"))
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_uses_the_same_city_and_another_at_once_is_refused() {
    let mut town = Town::new();
    town.up();
    town.edge_is_ready().await;
    let data = town.data().display().to_string();
    let second = Command::new(YAGURA)
        .args(["up", "--data", &data])
        .output()
        .unwrap();
    assert!(!second.status.success());
    let told = String::from_utf8(second.stderr).unwrap();
    let holder = town.process("up").pid();
    assert!(
        told.contains(&format!(
            "already served by another `yagura up` (pid {holder})"
        )),
        "{told}"
    );
}

#[test]
fn a_port_in_use_is_named_with_who_holds_it() {
    let town = Town::new();
    let _holder = TcpListener::bind(town.place.http()).unwrap();
    let data = town.data().display().to_string();
    let up = Command::new(YAGURA)
        .args(["up", "--data", &data])
        .output()
        .unwrap();
    assert_eq!(up.status.code(), Some(1));
    let told = String::from_utf8(up.stderr).unwrap();
    let expected = format!("(pid {})", std::process::id());
    assert!(
        told.contains("is held by") && told.contains(&expected) && told.contains("--http"),
        "{told}"
    );
}

#[test]
fn a_new_town_keeps_generations_of_itself() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("town");
    let made = Command::new(YAGURA)
        .args(["demo", "--pages", "5", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let password = fs::metadata(data.join("backup-password")).unwrap();
    assert_eq!(password.permissions().mode() & 0o777, 0o600);
    let backup = |arguments: &[&str]| {
        let output = Command::new(YAGURA)
            .arg("backup")
            .args(arguments)
            .arg("--config")
            .arg(data.join("yagura.toml"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        said
    };
    backup(&["now"]);
    let to = place.path().join("restored").display().to_string();
    let said = backup(&["restore", "latest", "--to", &to]);
    assert_eq!(said.matches("identical").count(), 2, "{said}");
}
