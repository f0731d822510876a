//! A city with two edges, one of which is away: the editor says so, and the purge arrives when it is
//! back.

use std::time::Duration;

use crate::town::process::Running;
use crate::town::site::Site;
use crate::town::staff::Staff;
use crate::town::{Town, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_is_given_again_until_every_edge_has_it() {
    let town = Town::new();
    let text = std::fs::read_to_string(town.config()).unwrap();
    let both = "edges = [\"run/edge.sock\", \"run/edge-2.sock\"]";
    let text = text.replace("edges = [\"run/edge.sock\"]", both);
    std::fs::write(town.config(), &text).unwrap();
    // The second edge: the same sites, its own folder, socket and addresses.
    let second = text
        .replace("data = \"edge\"", "data = \"edge-2\"")
        .replace(
            "control_socket = \"run/edge.sock\"",
            "control_socket = \"run/edge-2.sock\"",
        )
        .replace("access_log = \"log/access.jsonl\"\n", "")
        .replace(
            &format!("{}:", town.place.address),
            &format!("{}:1", town.place.address),
        );
    let config = town.data().join("second.toml");
    std::fs::write(&config, second).unwrap();
    let mut town = town;
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    town.warm().await;

    let site = Site::read(&mut town.reader()).await;
    let path = site.page(7).to_owned();
    let mut staff = Staff::sign_in(&town, "hanako").await;
    let mut page = staff.open(&path).await;
    staff
        .publish_with(&mut page, "二台目のエッジが留守の間の文です。")
        .await;
    let told = wait_for(&mut staff, &page, |told| told["done"] == 1).await;
    assert_eq!(
        (told["state"].as_str(), told["of"].as_u64()),
        (Some("under_way"), Some(2)),
        "{told}"
    );
    // The edge that is there does not wait for the other.
    eventually("the first edge serves it", || {
        let mut reader = town.reader();
        let path = path.clone();
        async move {
            reader
                .get(&path)
                .await
                .text()
                .contains("留守の間の文です。")
                .then_some(())
        }
    })
    .await;

    let log = town.data().join("log/edge-2.log");
    let _second = Running::start(&["edge", "--config", &config.display().to_string()], &log);
    wait_for(&mut staff, &page, |told| told["state"] == "live").await;
}

async fn wait_for(
    staff: &mut Staff,
    page: &crate::town::staff::Opened,
    enough: impl Fn(&serde_json::Value) -> bool,
) -> serde_json::Value {
    for _ in 0..1500 {
        let told = staff.delivery(page).await;
        if enough(&told) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("in vain: {}", staff.delivery(page).await);
}
