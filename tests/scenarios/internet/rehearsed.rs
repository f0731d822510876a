//! A rehearsal beside the working city: the whole way, with the real DNS servers, on a name that nobody
//! reads; readers see nothing of it.

use serde_json::Value;

use super::{
    READERS, STRANGER, directly, more_read, nobody_failed_at_the_cloud, nobody_failed_at_the_edge,
};
use crate::town::YAGURA;
use crate::town::internet::{DRILL, HOST, Internet, Plan, SITE};

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_goes_the_whole_way_and_touches_no_reader() {
    let bypass = format!("drill_name = \"{DRILL}\"");
    let internet = Internet::start(Plan {
        bypass: &bypass,
        ..Plan::default()
    })
    .await;
    internet.until_ready().await;
    let crowd = internet.crowd(READERS);
    more_read(&crowd.visits, false, READERS).await;
    let held = internet.names.held(HOST, "A");

    let config = internet.folder().join("edge.toml");
    let mut rehearsing = tokio::process::Command::new(YAGURA)
        .args(["cloud", "rehearse", SITE, "--json", "--config"])
        .arg(config)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // While it lasts: the drill's name leads here, the city's does not, and the door is closed.
    let direct = internet.direct().ip().to_string();
    let mut led_here = false;
    while rehearsing.try_wait().unwrap().is_none() {
        led_here |= internet.names.held(DRILL, "A")[0] == [direct.as_str()];
        assert_eq!(internet.names.held(HOST, "A"), held);
        assert_eq!(directly(&internet, STRANGER).await, 403);
        assert_eq!(internet.stage(), "cloud");
    }
    let output = rehearsing.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(led_here, "the drill's name never led here");
    let cloud = internet.cloud_address().to_string();
    for held in internet.names.held(DRILL, "A") {
        assert_eq!(held, [cloud.as_str()]);
    }
    more_read(&crowd.visits, false, READERS).await;
    let visits = crowd.leave().await;
    nobody_failed_at_the_edge(&visits);
    nobody_failed_at_the_cloud(&visits);
    assert_eq!(visits.read().1, 0, "somebody was led past the cloud");

    // What was printed is what is kept, for programs and for people.
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let folder = internet.folder().join("edge/rehearsals");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let [json, text] = &files[..] else {
        panic!("{files:?}");
    };
    let kept = std::fs::read_to_string(json).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept, printed);
    assert_eq!(kept["passed"], true, "{kept}");
    assert_eq!(kept["name"], DRILL);
    let steps = kept["steps"].as_array().unwrap().iter();
    let stages: Vec<&str> = steps.map(|step| step["stage"].as_str().unwrap()).collect();
    let bypass = stages.iter().position(|stage| *stage == "bypass");
    let draining = stages.iter().position(|stage| *stage == "draining");
    assert!(bypass.is_some() && bypass < draining, "{stages:?}");
    assert_eq!(stages.last(), Some(&"cloud"));
    let text = std::fs::read_to_string(text).unwrap();
    assert!(text.contains(DRILL) && text.contains("draining"), "{text}");
}
