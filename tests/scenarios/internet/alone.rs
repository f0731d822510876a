//! Nobody can be reached who could approve: one acts alone, everybody hears of it, and somebody looks
//! at it afterwards. What nobody looks at the edge takes back, but never into a dead cloud.

use std::path::Path;

use serde_json::Value;
use yagura_control::{Clock, SystemClock, Timestamp};

use super::{
    READERS, STRANGER, directly, more_read, nobody_failed_at_the_cloud, nobody_failed_at_the_edge,
};
use crate::town::eventually;
use crate::town::internet::{Internet, Plan, SITE};

const ALONE: [&str; 6] = [
    "cloud",
    "bypass",
    SITE,
    "--break-glass",
    "--reason",
    "called Taro at 02:15 and 02:20",
];

/// A table with a command that writes down what it is told, a line each.
fn hook(file: &Path) -> String {
    let file = file.display();
    format!(
        "[[hook]]\nname = \"pager\"\n\
         command = [\"/bin/sh\", \"-c\", \"cat >> '{file}'; echo >> '{file}'\"]\n"
    )
}

/// What it was told of that, so far.
fn heard(file: &Path, kind: &str) -> Option<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let all = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.into_iter().find(|told| told["kind"] == kind)
}

/// What was done without approval: its id.
fn done_alone(internet: &Internet) -> String {
    let told = internet.told(&internet.taro, &["request", "list", "--all", "--json"]);
    let requests: Vec<Value> = serde_json::from_str(&told).unwrap();
    let alone = requests.iter().find(|it| !it["break_glass"].is_null());
    alone.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Until when it stands.
fn stands_until(internet: &Internet, request: &str) -> Timestamp {
    let told = internet.told(&internet.taro, &["request", "list", "--all", "--json"]);
    let requests: Vec<Value> = serde_json::from_str(&told).unwrap();
    let it = requests.iter().find(|it| it["id"] == request).unwrap();
    serde_json::from_value(it["break_glass"]["until"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_acts_alone_everybody_is_told_and_it_stays_once_it_is_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    let pager = folder.path().join("heard");
    let tables = hook(&pager);
    let internet = Internet::start(Plan {
        ingress: "break_glass_limit = \"12s\"",
        tables: &tables,
        ..Plan::default()
    })
    .await;
    internet.until_ready().await;
    let crowd = internet.crowd(READERS);
    more_read(&crowd.visits, false, READERS).await;

    // An approver may not, who is no operator: nobody else acts alone.
    let not = internet.as_person(&internet.taro, &ALONE);
    assert!(!not.status.success(), "{not:?}");
    let told = internet.told(&internet.hanako, &ALONE);
    assert!(told.contains("DONE WITHOUT APPROVAL"), "{told}");
    let request = done_alone(&internet);
    let told = eventually("the pager rings", || async { heard(&pager, "break_glass") }).await;
    assert_eq!(told["who"], "hanako", "{told}");
    assert_eq!(told["request"], request.as_str());
    assert!(told["text"].as_str().unwrap().contains("02:15"), "{told}");

    internet.until_stage("bypass").await;
    let warning = format!("`yagura review {request}`");
    let status = internet.told(&internet.hanako, &["status"]);
    assert!(status.contains("hanako did without approval"), "{status}");
    assert!(status.contains(&warning), "{status}");
    more_read(&crowd.visits, true, READERS).await;

    // Who did it does not review it.
    let review = [
        "review",
        &*request,
        "--finding",
        "right: see the list of calls",
    ];
    let own = internet.as_person(&internet.hanako, &review);
    assert!(!own.status.success(), "{own:?}");
    internet.told(&internet.taro, &review);
    let status = internet.told(&internet.hanako, &["status"]);
    assert!(!status.contains(&warning), "{status}");
    eventually("the pager tells of the review", || async {
        heard(&pager, "review")
    })
    .await;

    // The cloud is sound and the time passes; what was reviewed stays.
    let until = stands_until(&internet, &request);
    eventually("the time is over", || async {
        (SystemClock.now() > until).then_some(())
    })
    .await;
    more_read(&crowd.visits, true, 2 * READERS).await;
    assert_eq!(internet.stage(), "bypass");
    let visits = crowd.leave().await;
    nobody_failed_at_the_edge(&visits);
    nobody_failed_at_the_cloud(&visits);

    let report = internet.told(&internet.hanako, &["history", "--report", SITE]);
    for word in ["hanako", "02:15", "taro", "see the list of calls"] {
        assert!(report.contains(word), "{word}\n{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_reviewed_goes_back_when_the_cloud_lives_and_not_before() {
    let mut internet = Internet::start(Plan {
        ingress: "break_glass_limit = \"9s\"\npropose_after = \"1h\"\nreturn_after = \"2s\"",
        ..Plan::default()
    })
    .await;
    internet.until_ready().await;
    let crowd = internet.crowd(READERS);
    more_read(&crowd.visits, false, READERS).await;
    nobody_failed_at_the_cloud(&crowd.visits);

    internet.kill_cloud();
    internet.told(&internet.hanako, &ALONE);
    internet.until_stage("bypass").await;

    // The time is over, and the cloud is dead: readers stay where they are served, and it is told.
    eventually("somebody is called", || async {
        let missing = internet.cloud_shown()["missing"].to_string();
        missing.contains("the cloud is not sound").then_some(())
    })
    .await;
    more_read(&crowd.visits, true, 2 * READERS).await;
    assert_eq!(internet.stage(), "bypass");
    internet.names.assert_lead_to(internet.direct().ip());

    // It lives, and nobody orders anything. A stubborn resolver led to it until now.
    internet.start_cloud().await;
    more_read(&crowd.visits, true, READERS).await;
    crowd.visits.forgive_cloud();
    internet.until_stage("draining").await;
    assert_eq!(directly(&internet, STRANGER).await, 200);
    internet.until_stage("cloud").await;
    assert_eq!(directly(&internet, STRANGER).await, 403);
    more_read(&crowd.visits, false, READERS).await;
    let visits = crowd.leave().await;
    nobody_failed_at_the_edge(&visits);
    nobody_failed_at_the_cloud(&visits);

    // Going back does not review it.
    let status = internet.told(&internet.hanako, &["status"]);
    let warning = format!("`yagura review {}`", done_alone(&internet));
    assert!(status.contains(&warning), "{status}");
}
