//! The edge is replaced by another process while readers ask, and none of them notices; when the
//! new process is no good, the old one goes on as if nothing had been.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::alone::Alone;
use crate::town::load::Load;
use crate::town::process::signal;
use crate::town::reader::Reader;
use crate::town::{YAGURA, eventually};

/// Upgrades in a row under load.
const UPGRADES: usize = 20;
/// A page that stays in memory and on the disk.
const PAGE: &str = "/page?cc=max-age%3D3600";

const ORDERS: &str = "control_socket = \"edge.sock\"";

fn pid(alone: &Alone) -> u32 {
    let status = alone.status().expect("the edge takes orders");
    u32::try_from(status["pid"].as_u64().unwrap()).unwrap()
}

fn upgraded(alone: &Alone) -> u32 {
    let before = pid(alone);
    let output = alone.yagura(&["upgrade"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}\n{}", alone.log());
    let after = pid(alone);
    assert_ne!(before, after);
    assert!(
        told.contains(&format!("(pid {after}) took over from"))
            && told.contains(&format!("(pid {before})")),
        "{told}"
    );
    after
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn gone(pid: u32) {
    eventually("the old process ends", || async move {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        // A process that nobody waited for is over all the same.
        stat.is_none_or(|stat| stat.contains(") Z ")).then_some(())
    })
    .await;
}

/// A program of this text in the edge's folder.
fn program(alone: &Alone, name: &str, text: &str) -> String {
    let path = alone.folder().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// A program that reads configurations as the real one does, and then does this instead of it.
fn bad_program(alone: &Alone, name: &str, instead: &str) -> String {
    let text = format!("case \"$1\" in edge) {instead};; *) exec {YAGURA} \"$@\";; esac");
    program(alone, name, &text)
}

/// The first bytes of an answer whose rest the origin holds back.
async fn begun(address: std::net::SocketAddr, request: &str) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_buf(&mut bytes).await.unwrap();
    (stream, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_upgrades_in_a_row_lose_no_request() {
    let alone = Alone::with_orders(ORDERS, "").await;
    let (tls, authority) = alone.tls();
    let reader = Reader::new(tls, "localhost", &authority);
    assert_eq!(alone.get(PAGE).await.status, 200);
    let mut load = Load::new();
    load.keep_alive(4, alone.place.http(), PAGE);
    load.keep_alive(2, alone.place.http(), "/other?cc=no-store");
    load.anew(2, alone.place.http(), PAGE);
    load.http2(2, &reader, PAGE);

    // A download and a form are under way across the first upgrades.
    let download = "GET /big?stalled&long=20000&cc=no-store HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let (mut download, mut downloaded) = begun(alone.place.http(), download).await;
    let form = "POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\nConnection: close\r\n\r\nhello";
    let mut posting = TcpStream::connect(alone.place.http()).await.unwrap();
    posting.write_all(form.as_bytes()).await.unwrap();

    let mut pids = vec![pid(&alone)];
    for number in 1..=UPGRADES {
        let asked = load.tally.answered();
        pids.push(upgraded(&alone));
        eventually("readers ask on", || async {
            (load.tally.answered() > asked + 20).then_some(())
        })
        .await;
        if number == 3 {
            alone.origin().open();
            download.read_to_end(&mut downloaded).await.unwrap();
            posting.write_all(b" world").await.unwrap();
            let mut answer = String::new();
            posting.read_to_string(&mut answer).await.unwrap();
            assert!(
                answer.contains("POST with 11 bytes: hello world"),
                "{answer}"
            );
        }
    }
    let head = downloaded.windows(4).position(|four| four == b"\r\n\r\n");
    assert!(downloaded.len() - head.unwrap() > 20_000 * 30, "cut off");
    let tally = load.finish().await;
    let failed = std::mem::take(&mut *tally.failed.lock().unwrap());
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        &failed[..failed.len().min(5)]
    );
    let again = tally.again.load(Ordering::Relaxed);
    println!(
        "{UPGRADES} upgrades, {} requests answered, 0 failed; sent again: {again} over HTTP/1.1, {} over HTTP/2",
        tally.answered(),
        tally.not_looked_at.load(Ordering::Relaxed)
    );
    assert_eq!(
        again, 0,
        "requests met a connection that was closed under them"
    );
    for old in &pids[..UPGRADES] {
        gone(*old).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_that_is_no_good_changes_nothing() {
    let alone = Alone::with_orders(ORDERS, "").await;
    assert_eq!(alone.get(PAGE).await.status, 200);
    let before = pid(&alone);
    let mut load = Load::new();
    load.keep_alive(2, alone.place.http(), PAGE);
    load.anew(1, alone.place.http(), PAGE);

    let crashes = bad_program(&alone, "crashes", "exit 7");
    let told = refused(&alone.yagura(&["upgrade", "--binary", &crashes]));
    assert!(
        told.contains("exit status: 7") && told.contains("goes on as it was"),
        "{told}"
    );

    let other = program(&alone, "other", "echo something else");
    let told = refused(&alone.yagura(&["upgrade", "--binary", &other]));
    assert!(told.contains("is no yagura"), "{told}");

    // It dies with the sockets in its hands: the old process takes orders again.
    let dies = bad_program(
        &alone,
        "dies",
        "printf '{\"say\":\"hello\",\"protocol\":1,\"version\":\"9\"}\\n' >&0; read sockets; exit 3",
    );
    let told = refused(&alone.yagura(&["upgrade", "--binary", &dies]));
    assert!(told.contains("exit status: 3"), "{told}");
    let purged = alone.yagura(&["purge", "/nothing", "--site", "plain"]);
    assert!(purged.status.success(), "{purged:?}");

    // A configuration that the new program does not take is told before anything is started.
    let config = std::fs::read_to_string(alone.config()).unwrap();
    std::fs::write(
        alone.config(),
        config.replace("[edge]", "[edge]\nnonsense = 1"),
    )
    .unwrap();
    let socket = alone.folder().join("edge.sock").display().to_string();
    let upgrade = std::process::Command::new(YAGURA)
        .args(["upgrade", "--socket", &socket])
        .output()
        .unwrap();
    let told = refused(&upgrade);
    assert!(told.contains("nonsense"), "{told}");
    std::fs::write(alone.config(), config).unwrap();

    assert_eq!(pid(&alone), before);
    let tally = load.finish().await;
    assert!(tally.failed.lock().unwrap().is_empty(), "{tally:?}");
    assert_ne!(upgraded(&alone), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_that_is_killed_in_between_costs_nobody_an_order_or_an_answer() {
    let alone = Alone::with_orders(ORDERS, "").await;
    assert_eq!(alone.get(PAGE).await.status, 200);
    let mut load = Load::new();
    load.keep_alive(2, alone.place.http(), PAGE);
    load.anew(1, alone.place.http(), PAGE);
    let mut accepted = Vec::new();
    let mut stopped = 0;
    let mut handed_over = 0;
    for number in 0..12_u64 {
        // It writes down who it is, and becomes the real one, which is killed some time later.
        let note = alone.folder().join(format!("pid-{number}"));
        let written = note.display();
        let killed =
            format!("echo $$ >{written}.new; mv {written}.new {written}; exec {YAGURA} \"$@\"");
        let binary = bad_program(&alone, &format!("killed-{number}"), &killed);
        let before = pid(&alone);
        let upgrading = tokio::task::spawn_blocking({
            let arguments = alone.arguments(&["upgrade", "--binary", &binary]);
            move || {
                std::process::Command::new(YAGURA)
                    .args(arguments)
                    .output()
                    .unwrap()
            }
        });
        eventually("the new process is started", || async {
            note.exists().then_some(())
        })
        .await;
        let new: u32 = std::fs::read_to_string(&note)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        // Anywhere between its start and its readiness, which take some tens of milliseconds.
        let path = format!("/killed/{number}");
        let order = tokio::task::spawn_blocking({
            let arguments = alone.arguments(&["purge", &path, "--site", "plain"]);
            move || {
                std::process::Command::new(YAGURA)
                    .args(arguments)
                    .output()
                    .unwrap()
            }
        });
        tokio::time::sleep(std::time::Duration::from_millis(number * 12)).await;
        // Held still, so that it takes nothing over between the look and the kill. One that took
        // over before does not stay stopped: its parent ends (setpgid(2), orphaned process groups).
        signal(new, "STOP");
        let has_taken_over = || alone.log().matches(HANDED_OVER).count() > handed_over;
        eventually("it stands still, or took over", || async {
            (stands_still(new) || has_taken_over()).then_some(())
        })
        .await;
        let took_over = has_taken_over();
        handed_over += usize::from(took_over);
        signal(new, if took_over { "CONT" } else { "KILL" });
        let upgrade = upgrading.await.unwrap();
        if order.await.unwrap().status.success() {
            accepted.push(path);
        }
        let after = eventually("somebody takes orders", || async { pid_if_told(&alone) }).await;
        assert_eq!(upgrade.status.success(), took_over, "{upgrade:?}");
        assert_eq!(after, if took_over { new } else { before });
        stopped += usize::from(!took_over);
    }
    println!(
        "killed before it was ready: {stopped} of 12; orders accepted meanwhile: {}",
        accepted.len()
    );
    assert!(stopped > 0);
    let tally = load.finish().await;
    assert!(tally.failed.lock().unwrap().is_empty(), "{tally:?}");
    let journal = std::fs::read_to_string(alone.folder().join("data/journal")).unwrap();
    for path in &accepted {
        assert_eq!(
            journal.matches(&format!("\"{path}\"")).count(),
            1,
            "{path}: {journal}"
        );
    }
}

/// What the log says when a new process has everything.
const HANDED_OVER: &str = "everything was handed over to this process";

/// Whether a process and all its threads are stopped, or gone.
fn stands_still(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return true;
    };
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat"));
        stat.is_ok_and(|stat| stat.contains(") T ") || stat.contains(") Z "))
    })
}

fn pid_if_told(alone: &Alone) -> Option<u32> {
    u32::try_from(alone.status()?["pid"].as_u64()?).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_given_during_upgrades_are_carried_out_once() {
    let alone = Alone::with_orders(ORDERS, "").await;
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let giving = tokio::task::spawn_blocking({
        let over = over.clone();
        let arguments: Vec<_> = (0..10_000)
            .map(|number| {
                alone.arguments(&["purge", &format!("/order/{number}/"), "--site", "plain"])
            })
            .collect();
        move || {
            let going_on = arguments
                .iter()
                .take_while(|_| !over.load(Ordering::Relaxed));
            let given = going_on.map(|arguments| {
                let output = std::process::Command::new(YAGURA).args(arguments).output();
                output.unwrap()
            });
            given.collect::<Vec<_>>()
        }
    });
    for _ in 0..4 {
        upgraded(&alone);
    }
    over.store(true, Ordering::Relaxed);
    let given = giving.await.unwrap();
    let journal = std::fs::read_to_string(alone.folder().join("data/journal")).unwrap();
    println!("{} orders were given during 4 upgrades", given.len());
    for (number, output) in given.iter().enumerate() {
        assert!(output.status.success(), "{output:?}");
        let path = format!("\"/order/{number}/\"");
        assert_eq!(journal.matches(&path).count(), 1, "{path}");
    }
    // The generations of all processes are one row.
    let status = alone.yagura(&["status", "--json"]);
    let answers: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let generation = answers[0]["reply"]["generation"].as_u64().unwrap();
    assert_eq!(generation, given.len() as u64 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_upgrades_too_and_addresses_may_change_with_it() {
    let alone = Alone::with_orders(ORDERS, "").await;
    let before = pid(&alone);
    let config = std::fs::read_to_string(alone.config()).unwrap();
    let (old, new) = (alone.place.http(), format!("{}:8099", alone.place.address));
    std::fs::write(alone.config(), config.replace(&old.to_string(), &new)).unwrap();
    signal(before, "USR2");
    eventually("another process takes orders", || async {
        pid_if_told(&alone).filter(|now| *now != before)
    })
    .await;
    assert!(TcpStream::connect(&new).await.is_ok());
    gone(before).await;
    assert!(
        TcpStream::connect(old).await.is_err(),
        "nobody listens where nobody should"
    );
    assert!(Path::new(&alone.folder().join("data/lock")).exists());
}
