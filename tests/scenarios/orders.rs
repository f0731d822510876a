//! An operator at 3 a.m. gives orders to a running edge, over its Unix socket.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use serde_json::Value;

use crate::town::site::Site;
use crate::town::{Town, eventually};

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn generation(town: &Town) -> u64 {
    let answers: Value =
        serde_json::from_slice(&town.yagura(&["status", "--json"]).stdout).unwrap();
    answers[0]["reply"]["generation"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_asked_anew_or_taken_off() {
    let mut town = Town::open().await;
    let site = Site::read(&mut town.reader()).await;
    let (refreshed, withdrawn) = (site.page(5).to_owned(), site.page(6).to_owned());
    let status = said(&town.yagura(&["status"]));
    for word in [
        "edge",
        "generation",
        "last-good",
        "redirects  5000",
        "origin     answers",
        "complete",
    ] {
        assert!(status.contains(word), "{word} is not in {status}");
    }

    // A dry run tells and changes nothing.
    let before = generation(&town);
    assert!(said(&town.yagura(&["purge", &refreshed, "--dry-run"])).contains("1"));
    assert_eq!(generation(&town), before);
    assert!(
        town.reader()
            .get(&refreshed)
            .await
            .field("cache-status")
            .contains("hit")
    );

    said(&town.yagura(&["purge", &refreshed, "--reason", "a wrong date"]));
    assert_eq!(generation(&town), before + 1);
    let answer = town.reader().get(&refreshed).await;
    assert!(
        answer.field("cache-status").contains("fwd=stale"),
        "{}",
        answer.field("cache-status")
    );
    assert!(
        town.reader()
            .get(&refreshed)
            .await
            .field("cache-status")
            .contains("hit")
    );

    // A takedown at the edge holds while the CMS is dead, also after a restart.
    town.kill("cms");
    said(&town.yagura(&[
        "purge",
        "--withdraw",
        &withdrawn,
        "--reason",
        "a wrong telephone number",
    ]));
    assert_eq!(town.reader().get(&withdrawn).await.status, 410);
    town.kill("edge");
    town.start("edge");
    town.edge_is_ready().await;
    assert_eq!(town.reader().get(&withdrawn).await.status, 410);
    assert_eq!(town.reader().get(&refreshed).await.status, 200);
    assert_eq!(
        generation(&town),
        before + 2,
        "orders are counted across restarts"
    );

    let journal = std::fs::read_to_string(town.data().join("edge/journal")).unwrap();
    assert!(
        journal.contains("a wrong telephone number") && journal.contains("uid "),
        "{journal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_order_changes_nothing_and_says_what_to_do() {
    let mut town = Town::new();
    town.start("cms");
    town.start("edge");
    town.edge_is_ready().await;
    let before = generation(&town);

    let table = town.data().join("faulty.csv");
    std::fs::write(
        &table,
        "from,to,status\n/a,/b,301\nnot a path,/c,301\n/d,/e,200\n/f,//evil.example/,301\n/g,/h,301\n/h,/g,301\n/i,https://evil.example/,301\n",
    )
    .unwrap();
    let told = refused(&town.yagura(&["redirect", "import", &table.display().to_string()]));
    assert!(
        told.contains("6 faults") && (3..=8).all(|line| told.contains(&format!("line {line}"))),
        "{told}"
    );

    let told = refused(&town.yagura(&["purge", "/x", "--site", "twon"]));
    assert!(
        told.contains("there is no site \"twon\"") && told.contains("town"),
        "{told}"
    );
    let told = refused(&town.yagura(&["purge", "no tag!"]));
    assert!(told.contains("neither a path nor a cache tag"), "{told}");
    assert_eq!(generation(&town), before);

    // Nobody but this user reaches the sockets.
    for socket in ["run/edge.sock", "run/cms-feed.sock", "run/cms-public.sock"] {
        let mode = std::fs::metadata(town.data().join(socket))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{socket} is open to others");
    }

    town.kill("edge");
    let told = refused(&town.yagura(&["status"]));
    assert!(told.contains("edge.sock"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_redirects_is_added_to_or_replaced() {
    let mut town = Town::open().await;
    let table = town.data().join("new.csv");
    let host = "https://localhost";
    std::fs::write(&table, format!("from,to,status,note\n{host}/q/zzzz,/bosai/,302,poster\n{host}/old?id=1,/kurashi/,301,\n")).unwrap();
    let file = table.display().to_string();
    let told = said(&town.yagura(&["redirect", "import", &file, "--dry-run"]));
    assert!(told.contains("5002"), "{told}");
    assert_ne!(town.reader().get("/q/zzzz").await.status, 302);

    said(&town.yagura(&["redirect", "import", &file]));
    let answer = town.reader().get("/q/zzzz").await;
    assert_eq!(
        (answer.status.as_u16(), answer.field("location")),
        (302, "/bosai/")
    );
    assert_eq!(town.reader().get("/old?id=1").await.status, 301);
    assert_ne!(
        town.reader().get("/old?id=2").await.status,
        301,
        "the query is part of the source"
    );
    let replaced = said(&town.yagura(&["redirect", "import", &file, "--replace", "--json"]));
    let replaced: Value = serde_json::from_str(&replaced).unwrap();
    let outcome = &replaced[0]["reply"]["outcome"];
    assert_eq!(
        (&outcome["removed"], &outcome["total"]),
        (&Value::from(5000), &Value::from(2)),
        "{outcome}"
    );

    town.kill("cms");
    town.kill("edge");
    town.start("edge");
    town.edge_is_ready().await;
    let mut reader = town.reader();
    assert_eq!(reader.get("/q/zzzz").await.status, 302);
    eventually("the status knows", || async {
        (town.site_status()?["redirects"] == 2).then_some(())
    })
    .await;
}
