//! The security cloud fails, the city publishes without it, and goes back: seen by 200 readers of a
//! whole little internet (`tests/town/internet/`), while strangers knock and parts are killed.
//!
//! What a reader may suffer: the cloud is dead and the name still leads to it. What he may not: any
//! failure at the edge, and any at a cloud that lives.

mod alone;
mod both;
mod by_hand;
mod proposed;
mod rehearsed;

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::town::callers::{answered, from};
use crate::town::eventually;
use crate::town::internet::crowd::Visits;
use crate::town::internet::{HOST, Internet, PORT, Plan, SITE};
use crate::town::reader::Reader;

const STRANGER: [u8; 4] = [127, 91, 0, 9];
const READERS: usize = 200;

/// What the edge answers to somebody at this address who comes directly.
async fn directly(internet: &Internet, address: [u8; 4]) -> u16 {
    directly_at(internet, internet.direct(), address).await
}

/// The same of the edge at `edge`.
async fn directly_at(internet: &Internet, edge: SocketAddr, address: [u8; 4]) -> u16 {
    let stream = from(address, edge).await;
    let tls = Reader::new(edge, HOST, &internet.roots()).tls();
    let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
    let stream = tokio_rustls::TlsConnector::from(tls)
        .connect(name, stream)
        .await
        .unwrap();
    let forged = "X-Forwarded-For: 127.90.0.7\r\nForwarded: for=127.0.0.1\r\n";
    let request = format!(
        "GET /page/1?cc=max-age%3D2 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{forged}\r\n"
    );
    let bytes = answered(stream, request.as_bytes()).await;
    let head = String::from_utf8_lossy(&bytes);
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn nobody_failed_at_the_edge(visits: &Visits) {
    let failed = visits.failed_directly.lock().unwrap();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );
}

fn nobody_failed_at_the_cloud(visits: &Visits) {
    let failed = visits.failed_at_cloud.lock().unwrap();
    assert!(
        failed.is_empty(),
        "{} failed: {:?}",
        failed.len(),
        failed.first()
    );
}

/// Waits until so many more pages were read in this way.
async fn more_read(visits: &Arc<Visits>, directly: bool, more: usize) {
    let count = || match directly {
        true => visits.read().1,
        false => visits.read().0,
    };
    let before = count();
    eventually("readers read", || async {
        (count() >= before + more).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_way_around_the_cloud_and_back_costs_no_reader_anything() {
    let internet = Internet::start(Plan::default()).await;
    internet.until_ready().await;
    let crowd = internet.crowd(READERS);
    more_read(&crowd.visits, false, READERS).await;

    // Strangers stay out, whatever they write; city hall is let in.
    assert_eq!(directly(&internet, STRANGER).await, 403);
    assert_eq!(directly(&internet, [127, 90, 0, 7]).await, 200);

    // Who asks does not approve, and whoever asks changes nothing.
    let ask = ["cloud", "bypass", SITE, "--reason", "the cloud moves house"];
    let request = internet.ask(&internet.saburo, &ask);
    let own = internet.as_person(&internet.saburo, &["approve", &request]);
    assert!(!own.status.success(), "{own:?}");
    assert_eq!(internet.stage(), "cloud");
    assert_eq!(directly(&internet, STRANGER).await, 403);

    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("bypass").await;
    internet.names.assert_lead_to(internet.direct().ip());
    assert_eq!(directly(&internet, STRANGER).await, 200);
    more_read(&crowd.visits, true, 2 * READERS).await;

    let back = ["cloud", "return", SITE, "--reason", "it has moved"];
    let request = internet.ask(&internet.hanako, &back);
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("draining").await;
    // Nobody is shut out who still comes directly.
    assert_eq!(directly(&internet, STRANGER).await, 200);
    internet.until_stage("cloud").await;
    assert_eq!(directly(&internet, STRANGER).await, 403);
    more_read(&crowd.visits, false, READERS).await;

    let visits = crowd.leave().await;
    nobody_failed_at_the_edge(&visits);
    nobody_failed_at_the_cloud(&visits);
    println!("read through the cloud and directly: {:?}", visits.read());

    let report = internet.told(&internet.hanako, &["history", "--report", SITE]);
    for word in ["saburo", "hanako", "taro", "the cloud moves house"] {
        assert!(report.contains(word), "{word}\n{report}");
    }
    let data = internet.folder().join("edge").display().to_string();
    let audit = std::process::Command::new(crate::town::YAGURA)
        .args(["audit", "verify", &data])
        .output()
        .unwrap();
    assert!(audit.status.success(), "{audit:?}");
}

/// Waits for a request that the edge makes by itself; gives its id.
async fn proposed(internet: &Internet, what: &str) -> String {
    eventually(what, || async {
        let told = internet.told(&internet.taro, &["request", "list", "--json"]);
        let requests: Vec<Value> = serde_json::from_str(&told).unwrap();
        let waiting = requests.iter().find(|it| it["state"] == "waiting")?;
        assert_eq!(waiting["who"], "edge (any)", "{waiting}");
        Some(waiting["id"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_cloud_dies_the_edge_proposes_and_people_decide() {
    let ingress = "propose_after = \"2s\"\nreturn_after = \"2s\"";
    let plan = Plan {
        ingress,
        ..Plan::default()
    };
    let mut internet = Internet::start(plan).await;
    internet.until_ready().await;
    let crowd = internet.crowd(READERS);
    more_read(&crowd.visits, false, READERS).await;
    nobody_failed_at_the_cloud(&crowd.visits);

    internet.kill_cloud();
    let request = proposed(&internet, "the edge proposes the bypass").await;
    // It never switches on its own.
    assert_eq!(internet.stage(), "cloud");
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("bypass").await;
    more_read(&crowd.visits, true, 2 * READERS).await;
    nobody_failed_at_the_edge(&crowd.visits);

    internet.start_cloud().await;
    // Some ask a stubborn resolver, which leads to the dead cloud until now.
    more_read(&crowd.visits, true, READERS).await;
    let suffered = crowd.visits.forgive_cloud();
    let request = proposed(&internet, "the edge proposes the return").await;
    assert_eq!(internet.stage(), "bypass");
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("cloud").await;
    more_read(&crowd.visits, false, READERS).await;
    let visits = crowd.leave().await;
    nobody_failed_at_the_edge(&visits);
    // A visit may have begun at the dead cloud and be told of only now; none came after its return.
    nobody_failed_at_the_cloud(&visits);
    println!(
        "{suffered} visits failed at the dead cloud; read: {:?}",
        visits.read()
    );
    assert_eq!(directly(&internet, STRANGER).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_at_whatever_step_it_goes_on_and_nobody_is_led_to_a_closed_door() {
    let mut internet = Internet::start(Plan::default()).await;
    internet.until_ready().await;
    let crowd = internet.crowd(40);
    more_read(&crowd.visits, false, 40).await;

    // The edge dies with the request waiting.
    let ask = ["cloud", "bypass", SITE, "--reason", "everything at once"];
    let request = internet.ask(&internet.hanako, &ask);
    internet.kill_edge();
    internet.start_edge().await;

    // One of the servers has lost the other, and does not follow.
    internet.names.lose_secondary().await;
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("verifying").await;
    internet.kill_edge();
    internet.start_edge().await;
    assert_eq!(internet.stage(), "verifying");
    // Names lead to both ways now, and both are open.
    assert_eq!(directly(&internet, STRANGER).await, 200);
    internet.names.find_secondary().await;
    internet.until_stage("bypass").await;
    internet.kill_edge();
    internet.start_edge().await;
    assert_eq!(internet.stage(), "bypass");
    assert_eq!(directly(&internet, STRANGER).await, 200);

    // On the way back the primary dies before it is asked.
    internet.names.kill_primary();
    let back = ["cloud", "return", SITE, "--reason", "it lives again"];
    let request = internet.ask(&internet.hanako, &back);
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("dns_returning").await;
    internet.kill_edge();
    internet.start_edge().await;
    assert_eq!(directly(&internet, STRANGER).await, 200);
    internet.names.start_primary().await;
    internet.until_stage("draining").await;
    internet.kill_edge();
    internet.start_edge().await;
    assert_eq!(internet.stage(), "draining");
    assert_eq!(directly(&internet, STRANGER).await, 200);
    internet.until_stage("cloud").await;
    assert_eq!(directly(&internet, STRANGER).await, 403);
    internet.names.assert_lead_to(internet.cloud_address());
    // Readers lost what they asked of an edge that was dead, and nothing else: nobody got a refusal.
    let visits = crowd.leave().await;
    let failed = visits.failed_directly.lock().unwrap();
    let refused = failed.iter().find(|why| why.contains("403"));
    assert!(refused.is_none(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changed_in_the_dns_is_left_as_it_is() {
    let internet = Internet::start(Plan::default()).await;
    internet.until_ready().await;
    let ask = ["cloud", "bypass", SITE, "--reason", "the cloud is slow"];
    let request = internet.ask(&internet.hanako, &ask);
    internet.names.change_by_hand(&format!(
        "update delete {HOST} A\nupdate add {HOST} 2 A 192.0.2.77"
    ));
    internet.told(&internet.taro, &["approve", &request]);
    let told = eventually("it is told", || async {
        let shown = internet.cloud_shown();
        let missing = shown["missing"].to_string();
        missing.contains("192.0.2.77").then_some(shown)
    })
    .await;
    assert_ne!(told["stage"], "bypass");
    assert_eq!(internet.names.held(HOST, "A")[0], ["192.0.2.77"]);
    // Once it is put back, the edge goes on.
    let cloud = internet.cloud_address();
    internet.names.change_by_hand(&format!(
        "update delete {HOST} A\nupdate add {HOST} 2 A {cloud}"
    ));
    internet.until_stage("bypass").await;
    assert_eq!(PORT, internet.direct().port());
}
