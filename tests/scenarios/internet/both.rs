//! The city has two edges. Both let readers in before the DNS leads to either, and the one that changes
//! the DNS waits for the other: until it has the approval, and while it is dead.

use super::{
    READERS, STRANGER, directly, directly_at, more_read, nobody_failed_at_the_cloud,
    nobody_failed_at_the_edge,
};
use crate::town::eventually;
use crate::town::internet::{HOST, Internet, Plan, SITE};

fn still_lead_to_the_cloud(internet: &Internet) {
    internet.names.assert_lead_to(internet.cloud_address());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dns_waits_for_the_second_edge_and_no_reader_fails_at_either() {
    let mut internet = Internet::start(Plan {
        two_edges: true,
        ..Plan::default()
    })
    .await;
    internet.until_ready().await;
    let crowd = internet.crowd(READERS);
    more_read(&crowd.visits, false, READERS).await;

    // Both know the request; one of them does not hear of the approval.
    let ask = ["cloud", "bypass", SITE, "--reason", "the cloud moves house"];
    let request = internet.ask_both(&internet.hanako, &ask);
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("open").await;
    assert_eq!(internet.shown_at_second().unwrap()["stage"], "cloud");
    assert_eq!(directly(&internet, STRANGER).await, 200);
    eventually("it is told whose door is waited for", || async {
        let missing = internet.cloud_shown()["missing"].to_string();
        let waits = format!(
            "the DNS waits for the door of second at {}",
            internet.second()
        );
        missing.contains(&waits).then_some(())
    })
    .await;
    let second = internet.second();
    assert_eq!(directly_at(&internet, second, STRANGER).await, 403);
    more_read(&crowd.visits, false, 2 * READERS).await;
    assert_eq!(internet.stage(), "open");
    still_lead_to_the_cloud(&internet);

    // Now it is dead: that is told, and the names stay.
    internet.kill_second();
    let address = second.to_string();
    eventually("it is told that the second is dead", || async {
        let missing = internet.cloud_shown()["missing"].to_string();
        missing.contains(&address).then_some(())
    })
    .await;
    more_read(&crowd.visits, false, 2 * READERS).await;
    assert_eq!(internet.stage(), "open");
    still_lead_to_the_cloud(&internet);

    // It lives, and is given the approval that it missed.
    internet.start_second().await;
    let given = internet.at_both(&internet.taro, &["approve", &request]);
    let told = String::from_utf8_lossy(&given.stdout);
    assert!(told.contains("second: "), "{given:?}");
    internet.until_stage("bypass").await;
    internet.until_second_stage("bypass").await;
    let both = [internet.direct().ip(), second.ip()];
    for mut held in internet.names.held(HOST, "A") {
        let mut expected = both.map(|address| address.to_string());
        held.sort();
        expected.sort();
        assert_eq!(held, expected);
    }
    eventually("readers come to both", || async {
        let came = both.map(|address| crowd.visits.read_at(address));
        came.iter().all(|came| *came >= READERS).then_some(())
    })
    .await;

    let back = ["cloud", "return", SITE, "--reason", "it has moved"];
    let request = internet.ask_both(&internet.hanako, &back);
    let given = internet.at_both(&internet.taro, &["approve", &request]);
    assert!(given.status.success(), "{given:?}");
    internet.until_stage("cloud").await;
    internet.until_second_stage("cloud").await;
    assert_eq!(directly(&internet, STRANGER).await, 403);
    assert_eq!(directly_at(&internet, second, STRANGER).await, 403);
    more_read(&crowd.visits, false, READERS).await;
    let visits = crowd.leave().await;
    nobody_failed_at_the_edge(&visits);
    nobody_failed_at_the_cloud(&visits);
    let came = both.map(|address| visits.read_at(address));
    println!(
        "read through the cloud {:?}, at each edge {came:?}",
        visits.read().0
    );
}
