//! The cloud dies and both edges of the city see it. Each proposes the bypass for itself, and a person
//! decides once. And where only one of them sees it, it opens its door and says for whose it waits.

use serde_json::Value;

use crate::town::eventually;
use crate::town::internet::{Internet, Plan, SITE};

const SOON: &str = "propose_after = \"1s\"\nreturn_after = \"1s\"";

/// What waits for a person at each edge.
fn waiting(internet: &Internet) -> [Vec<Value>; 2] {
    let status = ["cloud", "status", "--json"];
    let told = internet.at_both(&internet.hanako, &status);
    let edges: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
    [0, 1].map(|edge| edges[edge]["requests"].as_array().unwrap().clone())
}

fn id(request: &Value) -> String {
    request["id"].as_str().unwrap().to_owned()
}

/// Waits until both propose, and gives what the first asks for.
async fn both_propose(internet: &Internet) -> String {
    let asked = eventually("both edges propose", || async {
        let asked = waiting(internet);
        asked.iter().all(|at| !at.is_empty()).then_some(asked)
    })
    .await;
    for at in &asked {
        assert_eq!(at.len(), 1, "{asked:?}");
        assert_eq!(at[0]["who"], "edge (any)");
    }
    id(&asked[0][0])
}

/// Taro decides about one request; what is the same elsewhere is decided with it.
fn approved(internet: &Internet, request: &str) {
    let given = internet.at_both(&internet.taro, &["approve", request]);
    assert!(given.status.success(), "{given:?}");
    let asked = waiting(internet);
    assert!(asked.iter().all(Vec::is_empty), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edges_propose_and_one_approval_opens_both_and_one_closes_both() {
    let mut internet = Internet::start(Plan {
        ingress: SOON,
        two_edges: true,
        ..Plan::default()
    })
    .await;
    internet.until_ready().await;
    internet.kill_cloud();
    let request = both_propose(&internet).await;
    approved(&internet, &request);
    internet.until_stage("bypass").await;
    internet.until_second_stage("bypass").await;

    internet.start_cloud().await;
    let request = both_propose(&internet).await;
    approved(&internet, &request);
    internet.until_stage("cloud").await;
    internet.until_second_stage("cloud").await;
    internet.names.assert_lead_to(internet.cloud_address());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_edge_alone_proposes_it_waits_for_the_other_and_says_so() {
    let mut internet = Internet::start(Plan {
        ingress: SOON,
        two_edges: true,
        ..Plan::default()
    })
    .await;
    // The second is of another opinion about when it is time.
    internet.kill_second();
    let file = internet.folder().join("second.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("propose_after = \"1s\"", "propose_after = \"2h\""),
    )
    .unwrap();
    internet.start_second().await;
    internet.until_ready().await;
    internet.kill_cloud();
    let request = eventually("the first proposes", || async {
        waiting(&internet)[0].first().map(id)
    })
    .await;
    let given = internet.at_both(&internet.taro, &["approve", &request]);
    let words = String::from_utf8_lossy(&given.stderr).into_owned();
    assert!(words.contains("an operator asks all edges"), "{given:?}");
    internet.until_stage("open").await;
    let waits = format!(
        "the DNS waits for the door of second at {}: closed, cloud",
        internet.second()
    );
    eventually("it is told whose door is waited for", || async {
        let missing = internet.cloud_shown()["missing"].to_string();
        missing.contains(&waits).then_some(())
    })
    .await;
    internet.names.assert_lead_to(internet.cloud_address());

    // An operator asks all of them; the first is on its way, the second takes the request.
    let ask = [
        "cloud",
        "bypass",
        SITE,
        "--reason",
        "the cloud is dead",
        "--json",
    ];
    let asked = internet.at_both(&internet.hanako, &ask);
    let answers: Vec<Value> = serde_json::from_slice(&asked.stdout).unwrap();
    assert!(answers[0].to_string().contains("under way"), "{answers:?}");
    let request = id(&answers[1]["reply"]["outcome"]["request"]);
    internet.at_both(&internet.taro, &["approve", &request]);
    internet.until_stage("bypass").await;
    internet.until_second_stage("bypass").await;
}
