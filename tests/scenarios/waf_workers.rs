//! Inspection when its workers are killed, its rules are broken or its library is gone.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::town::eventually;
use crate::waf::{
    ATTACK, FORM, from_elsewhere, get, inspecting, number, post, send, status, until_ready,
};

/// Where Debian's package puts the rules.
const RULES: &str = "/usr/share/modsecurity-crs/rules";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_workers_are_killed_and_no_clean_request_is_lost() {
    // Slow enough for a worker to answer a few times before it is killed.
    killed_under_load(1_000, Some(Duration::from_millis(15))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_killed_as_fast_as_a_loop_can_and_no_clean_request_is_lost() {
    // Hardly one lives long enough to answer. As long as this lasts, whoever asks waits.
    killed_under_load(200, None).await;
}

async fn killed_under_load(kills: usize, pause: Option<Duration>) {
    let lone = Arc::new(inspecting("on", "workers = 3\n").await);
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let readers: Vec<_> = (0..6)
        .map(|reader| {
            let (lone, stop, answered) = (lone.clone(), stop.clone(), answered.clone());
            tokio::spawn(async move {
                let mut turn = 0_usize;
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    let form = format!("name=reader+{reader}&body=turn+{turn}");
                    let sample = match turn % 3 {
                        0 => post("/inquiry/", FORM, &form),
                        _ => get(&format!("/list?reader={reader}&turn={turn}")),
                    };
                    // One of them is another network's.
                    let answer = match reader {
                        0 => from_elsewhere(&lone, &format!("/kurashi?turn={turn}")).await,
                        _ => send(&lone, &sample).await,
                    };
                    assert_eq!(answer.status, 200, "{} of {reader}", sample.target);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // Each once: one that is dead can be killed again until his mother has seen it.
    let mut killed = HashSet::new();
    while killed.len() < kills {
        for worker in workers(lone.pid()) {
            let pid = rustix::process::Pid::from_raw(worker).unwrap();
            let signal = rustix::process::Signal::KILL;
            if rustix::process::kill_process(pid, signal).is_ok() {
                killed.insert(worker);
            }
        }
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => tokio::task::yield_now().await,
        }
    }
    // And those who are still asking get their answers.
    let before = answered.load(Ordering::Relaxed);
    eventually("more are answered", || async {
        (answered.load(Ordering::Relaxed) > before + 20).then_some(())
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    let status = status(&lone);
    println!(
        "{} kills, {} requests answered, {} workers lost in the middle of one or between two",
        killed.len(),
        answered.load(Ordering::Relaxed),
        number(&status, "lost")
    );
    assert_eq!(number(&status, "refused") + number(&status, "postponed"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_tries_a_forbidden_call_is_ended_and_that_is_told() {
    let lone = inspecting("on", "").await;
    // A rule that starts a program, as an attacker would who has taken over a worker.
    let starts = "SecRule ARGS:start \"@inspectFile /bin/true\" \"id:1,phase:2,deny,status:403\"\n";
    lone.file("starts.conf", starts);
    lone.change("[waf]\n", "[waf]\noverrides = [\"starts.conf\"]\n");
    let before = status(&lone)["says"].clone();
    lone.told(&["reload"]);
    eventually("the other rules are in force", || async {
        (status(&lone)["says"] != before).then_some(())
    })
    .await;
    let refused = send(&lone, &get("/list?start=1")).await;
    assert_eq!(refused.status, 403);
    let told = lone.told(&["waf", "explain", refused.field("x-request-id")]);
    assert!(told.contains("worker after worker died of it"), "{told}");
    let status = status(&lone);
    assert!(number(&status, "forbidden") >= 3, "{status}");
    assert_eq!(status["ready"], true);
    assert_eq!(status.get("warnings"), None, "all of the cage is there");
    let log = std::fs::read_to_string(lone.folder().join("log")).unwrap();
    assert!(log.contains("ended because of a forbidden call"), "{log}");
    assert_eq!(send(&lone, &get("/list?page=2")).await.status, 200);
}

/// The workers of an edge: children of the child that is their mother.
fn workers(edge: u32) -> Vec<i32> {
    let mothers = children(edge);
    let workers = mothers.into_iter().flat_map(children);
    workers.filter_map(|pid| i32::try_from(pid).ok()).collect()
}

fn children(of: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{of}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let text: Vec<String> = lists.collect();
    text.iter()
        .flat_map(|list| list.split_whitespace())
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_workers_plain_pages_are_served_and_nothing_else() {
    let lone = inspecting("on", "").await;
    assert_eq!(lone.get("/kept?cc=max-age=1").await.status, 200);

    // Rules that cannot be read, rules that are others, rules that find nothing, no library: each is
    // seen before it is in force, and what was in force stays.
    let folder = lone.folder().join("rules");
    copy(Path::new(RULES), &folder);
    lone.change("[waf]\n", "[waf]\nrules = \"rules\"\n");
    lone.told(&["reload"]);
    let broken = folder.join("REQUEST-942-APPLICATION-ATTACK-SQLI.conf");
    let sound = std::fs::read_to_string(&broken).unwrap();
    for (what, contents, says) in [
        ("broken", "SecNonsense On\n", "is not understood"),
        ("empty", "", "the rules are loaded and do not work"),
    ] {
        std::fs::write(&broken, contents).unwrap();
        eventually(&format!("{what} rules are noticed"), || async {
            let warnings = status(&lone)["warnings"].to_string();
            warnings.contains(says).then_some(())
        })
        .await;
        assert_eq!(status(&lone)["ready"], true);
        assert_eq!(send(&lone, &get(ATTACK)).await.status, 403);
    }
    std::fs::write(&broken, sound).unwrap();
    let digest = format!("blake3:{}", "0".repeat(64));
    lone.change("[waf]\n", &format!("[waf]\nrules_digest = \"{digest}\"\n"));
    lone.told(&["reload"]);
    eventually("another digest is noticed", || async {
        let warnings = status(&lone)["warnings"].to_string();
        warnings
            .contains("are not those of the configuration")
            .then_some(())
    })
    .await;
    lone.change(&format!("rules_digest = \"{digest}\"\n"), "");

    // At a start there is nothing in force.
    let mut lone = lone;
    lone.change("[waf]\n", "[waf]\nlibrary = \"gone/libmodsecurity.so.3\"\n");
    lone.restart().await;
    eventually("the missing library is noticed", || async {
        let status = status(&lone);
        let says = status["says"].as_str().unwrap().to_owned();
        (status["ready"] == false && says.contains("cannot be loaded")).then_some(())
    })
    .await;
    assert!(
        lone.told(&["status"])
            .contains("only plain pages of city go to the origin")
    );
    assert_eq!(lone.get("/plain").await.status, 200);
    assert_eq!(
        lone.get("/kept?cc=max-age=1").await.status,
        200,
        "there is a copy"
    );
    assert_eq!(send(&lone, &get("/list?page=2")).await.status, 503);
    let form = post("/inquiry/", FORM, "name=a");
    let later = send(&lone, &form).await;
    assert_eq!(later.status, 503);
    assert_eq!(later.field("retry-after"), "30");
    let seen = lone.seen();
    assert!(
        !seen.iter().any(|request| request.contains("inquiry")),
        "{seen:?}"
    );

    // And it comes back by itself.
    lone.change("library = \"gone/libmodsecurity.so.3\"\n", "");
    lone.told(&["reload"]);
    until_ready(&lone).await;
    assert_eq!(send(&lone, &form).await.status, 200);
}

fn copy(from: &Path, to: &PathBuf) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_installed_and_tried_without_an_edge() {
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(crate::town::YAGURA)
            .args(arguments)
            .args(["--config", "/nowhere/yagura.toml"])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, told) = run(&["waf", "install"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("canaries are judged as they must be")
            && told.contains("rules_digest = \"blake3:"),
        "{told}"
    );
    let (code, told) = run(&["waf", "install", "--rules", "/nowhere"]);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("apt-get install --no-install-recommends modsecurity-crs"),
        "{told}"
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/waf/attacks.jsonl");
    let (code, told) = run(&["waf", "test", file.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(
        told.contains("REFUSED") && told.contains("us of CPU time each"),
        "{told}"
    );
}
