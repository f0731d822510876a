//! The edge and the program that manages services, as systemd does: what it is told, and the sockets
//! that it holds while no edge runs.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::town::place::Place;
use crate::town::process::{Running, signal};
use crate::town::{PATIENCE, YAGURA};

fn configured(folder: &Path, place: Place) -> String {
    let text = format!(
        "[edge]\ndata = \"data\"\ncontrol_socket = \"edge.sock\"\n\
         [[edge.listen]]\naddress = \"{}\"\n\
         [[site]]\nname = \"city\"\nhosts = [\"*\"]\norigin = \"http://{}\"\n",
        place.http(),
        place.https()
    );
    let config = folder.join("edge.toml");
    std::fs::write(&config, text).unwrap();
    config.display().to_string()
}

/// Waits until the manager is told this, and gives the whole message.
fn told(manager: &UnixDatagram, word: &str) -> String {
    let mut heard = Vec::new();
    loop {
        let mut message = [0; 4096];
        let length = manager.recv(&mut message);
        let length = length.unwrap_or_else(|_| panic!("not told {word}, but {heard:?}"));
        let message = String::from_utf8(message[..length].to_vec()).unwrap();
        if message.lines().any(|line| line.starts_with(word)) {
            return message;
        }
        heard.push(message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manager_is_told_how_the_edge_stands_and_which_process_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path(), Place::claim());
    let path = folder.path().join("notify.sock");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let edge = Running::start_command(
        Command::new(YAGURA)
            .args(["edge", "--config", &config])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "200000"),
        &folder.path().join("log"),
    );
    told(&manager, "READY=1");
    told(&manager, "WATCHDOG=1");
    signal(edge.pid(), "HUP");
    let reloading = told(&manager, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    told(&manager, "READY=1");

    let upgraded = Command::new(YAGURA)
        .args(["upgrade", "--config", &config])
        .output()
        .unwrap();
    assert!(upgraded.status.success(), "{upgraded:?}");
    let main = told(&manager, "MAINPID=");
    let pid: u32 = main
        .trim()
        .strip_prefix("MAINPID=")
        .unwrap()
        .parse()
        .unwrap();
    assert_ne!(pid, edge.pid());
    // The new process answers itself, and is told to stop.
    told(&manager, "WATCHDOG=1");
    signal(pid, "TERM");
    told(&manager, "STOPPING=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_the_manager_holds_stay_open_while_no_edge_runs() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::claim();
    let config = configured(folder.path(), place);
    let held = TcpListener::bind(place.http()).unwrap();
    let start = || {
        let socket = Stdio::from(OwnedFd::from(held.try_clone().unwrap()));
        // The number of the process is known once it runs, and the sockets begin with number 3.
        let script =
            "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" edge --config \"$1\" 3<&0 </dev/null";
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(folder.path().join("log"))
            .unwrap();
        Command::new("sh")
            .args(["-c", script, YAGURA, &config])
            .stdin(socket)
            .stderr(log)
            .spawn()
            .unwrap()
    };
    let ask = async || {
        let mut stream = TcpStream::connect(place.http()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        stream
    };
    let answered = async |mut stream: TcpStream| {
        let mut answer = String::new();
        let reading = stream.read_to_string(&mut answer);
        tokio::time::timeout(PATIENCE, reading)
            .await
            .unwrap()
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    };
    let mut first = start();
    answered(ask().await).await;
    signal(first.id(), "TERM");
    assert!(first.wait().unwrap().success());
    let waiting = ask().await;
    let mut second = start();
    answered(waiting).await;
    signal(second.id(), "TERM");
    second.wait().unwrap();
}
