//! `yagura top`: what an operator sees at a look, drawn on a real terminal, printed, and as JSON.

use std::process::{Command, Stdio};

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::town::YAGURA;
use crate::town::lone_edge::LoneEdge;

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_those_of_the_interval() {
    let edge = std::sync::Arc::new(LoneEdge::start("").await);
    let looking = {
        let edge = edge.clone();
        spawn_blocking(move || edge.told(&["top", "--once", "--json"]))
    };
    let mut asked = 0;
    while !looking.is_finished() {
        edge.get("/a?cc=max-age%3D60").await;
        asked += 1;
    }
    let told: Value = serde_json::from_str(&looking.await.unwrap()).unwrap();
    let site = &told["edges"][0]["sites"][0];
    assert_eq!(site["site"], "city");
    let rate = site["answers_per_s"].as_f64().unwrap();
    assert!(rate > 0.0 && rate <= f64::from(asked), "{told}");
    assert!(site["hit_percent"].as_f64().unwrap() > 50.0, "{told}");
    assert_eq!(
        (&site["upstreams_up"], &site["as_usual"]),
        (&1.into(), &true.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_origin_and_a_dead_edge_are_marked() {
    let mut edge = LoneEdge::start("").await;
    edge.stop_primary().await;
    assert_eq!(edge.get("/a").await.status, 503);
    let told = edge.told(&["top", "--once"]);
    assert!(told.contains("! city"), "{told}");
    let silent = edge.yagura(&["top", "--once", "--socket", "/nonexistent/socket"]);
    let text = String::from_utf8_lossy(&silent.stdout);
    assert!(
        !silent.status.success() && text.contains("DOES NOT ANSWER"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_draws_on_a_terminal_until_q_is_pressed() {
    let edge = LoneEdge::start("").await;
    let config = edge.folder().join("edge.toml");
    let drawn = spawn_blocking(move || {
        // A terminal of its own, which says what it shows.
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(format!(
                "stty cols 120 rows 30; exec {YAGURA} top --config {}",
                config.display()
            ))
            .arg("/dev/null")
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keys = script.stdin.take().unwrap();
        let mut out = script.stdout.take().unwrap();
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        let mut pressed = false;
        loop {
            match std::io::Read::read(&mut out, &mut piece).unwrap() {
                0 => break,
                length => seen.extend_from_slice(&piece[..length]),
            }
            let text = String::from_utf8_lossy(&seen);
            if !pressed && text.contains("origin err/s") && text.contains("city") {
                std::io::Write::write_all(&mut keys, b"q").unwrap();
                pressed = true;
            }
        }
        assert!(script.wait().unwrap().success());
        String::from_utf8_lossy(&seen).into_owned()
    });
    let drawn = drawn.await.unwrap();
    // The screen of before comes back.
    assert!(
        drawn.contains("\u{1b}[?1049h") && drawn.contains("\u{1b}[?1049l"),
        "{drawn}"
    );
    let nowhere = edge.yagura(&["top"]);
    let why = String::from_utf8_lossy(&nowhere.stderr);
    assert!(why.contains("--once"), "{why}");
}
