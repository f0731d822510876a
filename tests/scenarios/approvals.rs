//! What moves a whole city's readers takes two persons: one asks, another approves. Where nobody can
//! be reached one acts alone, and is asked about it afterwards. Persons are known by tokens.

use serde_json::Value;

use crate::town::eventually;
use crate::town::persons::{self, Person, edge_for, now, post};

/// What is in the journal and in the log.
fn written(edge: &crate::town::lone_edge::LoneEdge) -> String {
    edge.journal() + &std::fs::read_to_string(edge.folder().join("log")).unwrap()
}

fn first_eight(digits: &str) -> &str {
    digits.split_at(8).0
}

fn id(request: &Value) -> String {
    request["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_until_another_person_approves_it() {
    let hanako = Person::new("hanako", &["operator"]);
    let jiro = Person::new("jiro", &["operator", "approver"]);
    let taro = Person::new("taro", &["approver"]);
    let mut edge = edge_for("east", &[&hanako, &jiro, &taro]).await;

    // Jiro may approve, but not what he asked for himself; hanako may not approve at all, and an
    // administrator neither.
    let own = id(&jiro.asks(&edge, now(), false).await);
    let words = jiro.refused(&[&edge], &["approve", &own]);
    assert!(
        words.contains(&format!("jiro asked for request {own}")),
        "{words}"
    );
    let words = hanako.refused(&[&edge], &["approve", &own]);
    assert!(words.contains("it needs the role \"approver\""), "{words}");
    let administrator = edge.yagura(&["approve", &own]);
    let words = String::from_utf8(administrator.stderr).unwrap();
    assert!(words.contains("it needs the role \"approver\""), "{words}");
    let refuse = ["refuse", &*own, "--reason", "the cloud is up again"];
    let told = taro.told(&[&edge], &refuse);
    assert!(told.contains("is refused: city: publish without"), "{told}");

    // Hanako asks. It waits, status says so, and nothing changed.
    let before = edge.outcome(&["status"]);
    let asked = hanako.asks(&edge, now(), false).await;
    let name = id(&asked);
    let status = edge.told(&["status"]);
    let warning = format!("request {name} of hanako waits for approval until ");
    assert!(status.contains(&warning), "{status}");
    let list = taro.told(&[&edge], &["request", "list"]);
    assert!(list.contains(&name) && !list.contains(&own), "{list}");
    assert!(
        taro.told(&[&edge], &["request", "list", "--all"])
            .contains(&own)
    );
    let shown = taro.told(&[&edge], &["request", "show", &name[..6]]);
    assert!(shown.contains("why          the cloud is down"), "{shown}");
    assert!(shown.contains("east: waiting"), "{shown}");

    // The edge is killed, and knows it all the same.
    edge.restart().await;
    let dry = taro.told(&[&edge], &["approve", &name, "--dry-run"]);
    assert!(dry.contains("waiting since"), "{dry}");
    let told = taro.told(&[&edge], &["approve", &name]);
    assert!(
        told.contains("is done (order 2): city: publish without"),
        "{told}"
    );
    let head = edge.outcome(&["status"])["journal"]["head"].clone();
    let head = head.as_str().unwrap();
    assert!(told.contains(&format!("journal head {head}")), "{told}");
    assert_ne!(before["journal"]["head"], head);

    // Killed again it stays done, and cannot be approved once more.
    edge.restart().await;
    let words = taro.refused(&[&edge], &["approve", &name]);
    assert!(words.contains("east: done"), "{words}");
    let lines = edge.outcome(&["history"])["lines"].clone();
    let story: Vec<String> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let who = line["who"].as_str().unwrap();
            let who = who.split(' ').next().unwrap();
            let what = line["what"]
                .as_str()
                .unwrap()
                .replace(&name, "ID")
                .replace(&own, "OWN");
            format!("{who}: {what}")
        })
        .collect();
    let bypass = "publish without the security cloud";
    assert!(
        story.starts_with(&[
            format!("jiro: request OWN: {bypass}"),
            format!("taro: request OWN refused: {bypass}"),
            format!("hanako: request ID: {bypass}"),
            format!("taro: request ID approved: {bypass}"),
            format!("hanako: {bypass}"),
        ]),
        "{story:?}"
    );
    let who = lines[3]["who"].as_str().unwrap();
    assert!(
        who.starts_with("taro (token ") && who.contains("by uid "),
        "{who}"
    );

    let written = written(&edge);
    for person in [&hanako, &jiro, &taro] {
        assert!(
            !written.contains(&person.token()),
            "a token of {}",
            person.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_name_at_every_edge_and_is_given_again_where_it_is_missing() {
    let hanako = Person::new("hanako", &["operator"]);
    let taro = Person::new("taro", &["approver"]);
    let east = edge_for("east", &[&hanako, &taro]).await;
    let west = edge_for("west", &[&hanako, &taro]).await;
    let name = id(&hanako.asks(&east, now(), false).await);

    // West did not get it: it is named, and who can mend it.
    let both = [&east, &west];
    let shown = taro.told(&both, &["request", "show", &name]);
    assert!(
        shown.contains("east: waiting, west: does not know it"),
        "{shown}"
    );
    let repeat = ["request", "repeat", &*name];
    let told = hanako.told(&both, &repeat);
    assert!(
        told.starts_with(&format!("west: request {name} waits for approval")),
        "{told}"
    );
    assert!(
        hanako
            .refused(&both, &repeat)
            .contains("every edge that answers has")
    );

    let told = taro.told(&both, &["approve", &name]);
    assert_eq!(told.matches("is done (order 2)").count(), 2, "{told}");

    // Somebody else's repetition would be another request.
    hanako.told(&both, &["cloud", "abort", "city"]);
    let second = id(&hanako.asks(&east, now(), false).await);
    let told = taro.refused(&both, &["approve", &second]);
    assert!(
        told.contains(&format!("west: does not know request {second}")),
        "{told}"
    );
    assert!(told.contains("hanako gives it again with"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_reach_nobody_acts_alone_and_is_asked_about_it_afterwards() {
    let hanako = Person::new("hanako", &["operator", "approver"]);
    let taro = Person::new("taro", &["approver"]);
    let mut edge = edge_for("east", &[&hanako, &taro]).await;
    let done = hanako.asks(&edge, now(), true).await;
    assert_eq!(
        (&done["state"], &done["number"]),
        (&Value::from("done"), &Value::from(2))
    );
    let name = id(&done);
    edge.restart().await;
    let status = edge.told(&["status"]);
    assert!(
        status.contains("hanako did without approval: city: publish without"),
        "{status}"
    );
    let list = taro.told(&[&edge], &["request", "list"]);
    assert!(list.contains("TO BE REVIEWED by "), "{list}");

    let review = [
        "review",
        &*name,
        "--finding",
        "the duty officer was ill; right",
    ];
    assert!(hanako.refused(&[&edge], &review).contains("hanako did it"));
    taro.told(&[&edge], &review);
    let status = edge.told(&["status"]);
    assert!(!status.contains("without approval"), "{status}");
    let shown = taro.told(&[&edge], &["request", "show", &name]);
    assert!(
        shown.contains("NO APPROVAL") && shown.contains("the duty officer was ill"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_taken_back_by_who_made_it_alone() {
    let hanako = Person::new("hanako", &["operator"]);
    let jiro = Person::new("jiro", &["operator", "approver"]);
    let edge = edge_for("east", &[&hanako, &jiro]).await;
    let name = id(&hanako.asks(&edge, now(), false).await);
    let withdraw = ["request", "withdraw", &*name];
    let words = jiro.refused(&[&edge], &withdraw);
    assert!(
        words.contains(&format!("request {name} is hanako's")),
        "{words}"
    );
    assert!(hanako.told(&[&edge], &withdraw).contains("is withdrawn"));
    assert!(
        jiro.refused(&[&edge], &["approve", &name])
            .contains("east: withdrawn")
    );

    // What was asked for too long ago, or in the future, is nothing to decide about.
    for (asked_at, words) in [
        (now() - 4 * 3_600_000, "its time was over"),
        (now() + 3_600_000, "it is said to be asked for at"),
    ] {
        let order = serde_json::json!({"kind": "bypass", "site": "city", "asked_at": asked_at});
        let reply = hanako.order(&edge, order, "why").await;
        let message = reply["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_who_gives_an_order_and_is_known_by_its_digest_alone() {
    use std::os::unix::fs::PermissionsExt;
    let hanako = Person::new("hanako", &["reader"]);
    let stranger = Person::new("stranger", &["administrator"]);
    let edge = edge_for("east", &[&hanako]).await;

    // The socket is this user's, who may do everything; the token makes the order a reader's.
    let words = hanako.refused(&[&edge], &["reload"]);
    assert!(
        words.contains("hanako may not give the order \"reload\""),
        "{words}"
    );
    assert!(edge.yagura(&["reload"]).status.success());
    let words = stranger.refused(&[&edge], &["status"]);
    assert!(
        words.contains("this token is nobody's at this edge"),
        "{words}"
    );
    let status = r#"{"order":{"kind":"status"},"who":""}"#;
    let socket = persons::socket(&edge);
    let token = hanako.token();
    for (fields, expected) in [
        (format!("Authorization: bearer {token}\r\n"), 200),
        (format!("Authorization: Basic {token}\r\n"), 403),
        (format!("Authorization: Bearer {token}x\r\n"), 403),
        ("Authorization: Bearer\r\n".to_owned(), 403),
        (
            format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
            403,
        ),
        (String::new(), 200),
    ] {
        let (code, answer) = post(&socket, &fields, status).await;
        assert_eq!(code, expected, "{fields:?} {answer}");
        assert!(!answer.to_string().contains(&token));
    }
    let config = std::fs::read_to_string(edge.folder().join("edge.toml")).unwrap();
    assert!(config.contains("token_digests = [\"sha256:") && !config.contains(&token));

    // A file that others can read is not used; there is one that its owner alone reads.
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    assert_eq!(
        std::fs::metadata(hanako.file())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    std::fs::set_permissions(hanako.file(), mode(0o644)).unwrap();
    assert!(
        hanako
            .refused(&[&edge], &["status"])
            .contains("others can read the token")
    );
    std::fs::set_permissions(hanako.file(), mode(0o600)).unwrap();

    // It is taken away without a restart.
    let digits = config.split_once("sha256:").unwrap().1;
    let (first, others) = digits.split_at(1);
    let other = if first == "0" { "1" } else { "0" };
    edge.change(
        first_eight(digits),
        &format!("{other}{}", first_eight(others).split_at(7).0),
    );
    edge.told(&["reload"]);
    eventually("the token is nobody's", || async {
        let output = hanako.at(&[&edge], &["status"]);
        let words = String::from_utf8(output.stderr).unwrap();
        words.contains("this token is nobody's").then_some(())
    })
    .await;
}
