//! The DNS is another company's: the edge says word for word what is to be changed, a person changes
//! it, and the edge goes on when every server says so.

use super::{
    READERS, STRANGER, directly, more_read, nobody_failed_at_the_cloud, nobody_failed_at_the_edge,
};
use crate::town::eventually;
use crate::town::internet::{HOST, Internet, Plan, SITE, TTL_S};

/// The change request that `yagura cloud status` prints, once it does: removed and added lines.
async fn change_request(internet: &Internet) -> (Vec<String>, Vec<String>) {
    eventually("a change of the DNS is asked for", || async {
        let told = internet.told(&internet.hanako, &["cloud", "status", SITE]);
        // It is there twice, in two languages; who can read one of them knows all.
        let (japanese, english) = told.split_once("----")?;
        assert_eq!(lines(japanese, "  - "), lines(english, "  - "), "{told}");
        assert_eq!(lines(japanese, "  + "), lines(english, "  + "), "{told}");
        Some((lines(english, "  - "), lines(english, "  + ")))
    })
    .await
}

fn lines(text: &str, sign: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(sign));
    lines.map(str::to_owned).collect()
}

/// The vendor does exactly what was asked for.
async fn vendor_changes(internet: &Internet, from: &str, to: &str) {
    let (out, added) = change_request(internet).await;
    let record = |address: &str| format!("{HOST}. {TTL_S} IN A {address}");
    assert_eq!(
        (&out[..], &added[..]),
        (&[record(from)][..], &[record(to)][..])
    );
    let mut update = String::new();
    for record in out {
        // What is removed is named without its TTL.
        let record = record.replace(&format!(" {TTL_S} IN "), " ");
        update.push_str(&format!("update delete {record}\n"));
    }
    for record in added {
        update.push_str(&format!("update add {record}\n"));
    }
    internet.names.change_by_hand(&update);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_changes_the_dns_as_it_is_printed_and_the_report_says_who() {
    let internet = Internet::start(Plan {
        dns: "manual",
        ..Plan::default()
    })
    .await;
    internet.until_ready().await;
    let crowd = internet.crowd(READERS);
    more_read(&crowd.visits, false, READERS).await;
    let (cloud, direct) = (
        internet.cloud_address().to_string(),
        internet.direct().ip().to_string(),
    );

    let ask = ["cloud", "bypass", SITE, "--reason", "the cloud is slow"];
    let request = internet.ask(&internet.hanako, &ask);
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("dns_changing").await;
    let asked_for = change_request(&internet).await;
    assert_eq!(asked_for.0.len(), 1, "{asked_for:?}");
    // The vendor sleeps; the door is open, and the names are as they were.
    more_read(&crowd.visits, false, 2 * READERS).await;
    assert_eq!(internet.stage(), "dns_changing");
    assert_eq!(directly(&internet, STRANGER).await, 200);

    vendor_changes(&internet, &cloud, &direct).await;
    // It is seen by itself, perhaps before the vendor has said it on the telephone.
    internet.until_stage("bypass").await;
    let note = "vendor A, Mr Sato, ticket 5678";
    let confirm = ["cloud", "confirm-dns", SITE, "--note", note];
    internet.told(&internet.hanako, &confirm);
    assert_eq!(internet.stage(), "bypass");
    more_read(&crowd.visits, true, READERS).await;

    let back = ["cloud", "return", SITE, "--reason", "it is fast again"];
    let request = internet.ask(&internet.hanako, &back);
    internet.told(&internet.taro, &["approve", &request]);
    internet.until_stage("dns_returning").await;
    let note_back = "vendor A, Ms Ito, ticket 5679";
    let confirm = ["cloud", "confirm-dns", SITE, "--note", note_back];
    internet.told(&internet.hanako, &confirm);
    vendor_changes(&internet, &direct, &cloud).await;
    internet.until_stage("cloud").await;
    more_read(&crowd.visits, false, READERS).await;
    let visits = crowd.leave().await;
    nobody_failed_at_the_edge(&visits);
    nobody_failed_at_the_cloud(&visits);

    let report = internet.told(&internet.hanako, &["history", "--report", SITE]);
    for word in [note, note_back] {
        assert!(report.contains(word), "{word}\n{report}");
    }
}
