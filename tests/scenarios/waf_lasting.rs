//! What inspection found is told after every kind of end of the edge, and as figures.

use serde_json::Value;

use crate::town::eventually;
use crate::town::lone_edge::LoneEdge;
use crate::town::process::signal;
use crate::waf::{ATTACK, get, inspecting, send, until_ready};

/// The file of findings that is written to.
fn newest(lone: &LoneEdge) -> Option<std::path::PathBuf> {
    let files = std::fs::read_dir(lone.folder().join("edge/waf")).ok()?;
    files.map(|file| file.unwrap().path()).max()
}

/// Has something refused, and waits until that is on the disk.
async fn refused(lone: &LoneEdge) -> String {
    let refused = send(lone, &get(ATTACK)).await;
    assert_eq!(refused.status, 403);
    let id = refused.field("x-request-id").to_owned();
    eventually("the finding is on the disk", || async {
        let text = std::fs::read_to_string(newest(lone)?).ok()?;
        text.contains(&id).then_some(())
    })
    .await;
    id
}

fn explained(lone: &LoneEdge, id: &str) {
    let told = lone.told(&["waf", "explain", id]);
    assert!(told.contains("GET /item of city"), "{told}");
    assert!(told.contains("rule 942100  ARGS:id"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_outlives_a_kill_a_restart_an_upgrade_and_a_full_disk() {
    let mut lone = inspecting("on", "").await;
    let first = refused(&lone).await;
    explained(&lone, &first);

    lone.restart().await;
    explained(&lone, &first);
    until_ready(&lone).await;
    let second = refused(&lone).await;

    // A line that a power cut has torn hides no other.
    use std::io::Write;
    let file = newest(&lone).unwrap();
    let mut torn = std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .unwrap();
    torn.write_all(b"{\"request\":\"01").unwrap();
    lone.restart_gently().await;
    until_ready(&lone).await;
    let third = refused(&lone).await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("%27") && !text.contains("OR"), "{text}");

    // The disk is full for a while: readers are answered as ever, and it is told.
    let folder = lone.folder().join("edge/waf");
    let aside = lone.folder().join("aside");
    lone.restart_with(|| {
        std::fs::rename(&folder, &aside).unwrap();
        std::fs::create_dir(&folder).unwrap();
        let now = file.file_name().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.join(now)).unwrap();
    })
    .await;
    until_ready(&lone).await;
    let lost = send(&lone, &get(ATTACK)).await;
    assert_eq!(lost.status, 403);
    eventually("it is told", || async {
        let told = lone.told(&["status"]);
        told.contains("findings are not written").then_some(())
    })
    .await;
    explained(&lone, lost.field("x-request-id"));
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    refused(&lone).await;
    assert!(!lone.told(&["status"]).contains("findings are not written"));

    let before = lone.pid();
    lone.told(&["upgrade"]);
    let after = lone.outcome(&["status"])["pid"].as_u64().unwrap();
    assert_ne!(u64::from(before), after);
    for id in [&first, &second, &third] {
        explained(&lone, id);
    }
    let report = lone.told(&["waf", "report"]);
    assert!(
        report.contains("4 requests to city were refused"),
        "{report}"
    );
    let none = lone.told(&["waf", "report", "--since", "2999-01-01"]);
    assert!(none.contains("nothing was refused"), "{none}");
    signal(u32::try_from(after).unwrap(), "KILL");
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_figures_and_seen_in_top() {
    let mut lone = inspecting("on", "").await;
    lone.tell_figures().await;
    until_ready(&lone).await;
    let found = |found: &str, done: &str| {
        format!(
            "yagura_waf_requests_total{{site=\"city\",mode=\"on\",found=\"{found}\",done=\"{done}\"}}"
        )
    };
    let text = lone.told(&["top", "--once"]);
    assert!(text.contains("waf on for city"), "{text}");
    let lone = std::sync::Arc::new(lone);
    let looking = {
        let lone = lone.clone();
        tokio::task::spawn_blocking(move || lone.told(&["top", "--once", "--json"]))
    };
    let (mut attacks, mut clean) = (0, 0);
    while !looking.is_finished() {
        assert_eq!(send(&lone, &get(ATTACK)).await.status, 403);
        assert_eq!(send(&lone, &get("/list?page=2")).await.status, 200);
        attacks += 1;
        clean += 1;
    }
    let told: Value = serde_json::from_str(&looking.await.unwrap()).unwrap();
    let waf = &told["edges"][0]["waf"];
    assert_eq!(waf["ready"], true, "{told}");
    assert!(waf["refused_per_s"].as_f64().unwrap() > 0.0, "{told}");
    assert!(waf["verdicts_per_s"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(lone.figure(&found("attack", "refuse")).await, Some(attacks));
    assert_eq!(lone.figure(&found("clean", "pass")).await, Some(clean));
    assert_eq!(lone.figure("yagura_waf_ready").await, Some(1));
    let verdicts = crate::waf::number(&crate::waf::status(&lone), "verdicts");
    assert!(verdicts >= attacks + clean);
    for because in ["deadline", "forbidden", "lost"] {
        let name = format!("yagura_waf_worker_ends_total{{because=\"{because}\"}}");
        assert_eq!(lone.figure(&name).await, Some(0), "{because}");
    }
}
