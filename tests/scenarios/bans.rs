//! Networks that are not let in: by order, at once, also after a restart, until it is over.

use crate::town::lone_edge::LoneEdge;

const BANNED: [u8; 4] = [127, 66, 6, 6];
const NEIGHBOUR: [u8; 4] = [127, 66, 7, 6];

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_network_is_kept_out_until_it_is_let_in_again() {
    let mut edge = LoneEdge::start("").await;
    let exempt = edge.yagura(&["ban", "add", "127.66.6.0/24"]);
    assert!(!exempt.status.success());
    let told = String::from_utf8(exempt.stderr).unwrap();
    assert!(told.contains("127.0.0.0/8, which is exempt"), "{told}");

    // Limits are in force at once, without a restart.
    edge.change(
        "[[edge.listen]]",
        "[edge.limits]\nexempt = []\n[[edge.listen]]",
    );
    let reloaded = edge.told(&["reload"]);
    assert!(
        reloaded.contains("edge: reloaded (generation 2"),
        "{reloaded}"
    );

    let add = [
        "ban",
        "add",
        "127.66.6.0/24",
        "--until",
        "+1h",
        "--reason",
        "flood",
    ];
    let dry = edge.told(&[&add[..], &["--dry-run"]].concat());
    assert!(dry.contains("would be: 1 bans in force"), "{dry}");
    assert!(edge.lets_in(BANNED).await);
    edge.told(&add);
    assert!(!edge.lets_in(BANNED).await && edge.lets_in(NEIGHBOUR).await);
    let list = edge.told(&["ban", "list"]);
    assert!(
        list.contains("127.66.6.0/24") && list.contains("flood"),
        "{list}"
    );
    assert!(edge.journal().contains("127.66.6.0/24"));

    edge.restart().await;
    assert!(!edge.lets_in(BANNED).await && edge.lets_in(NEIGHBOUR).await);
    let wrong = edge.yagura(&["ban", "remove", "127.66.0.0/16"]);
    assert!(!wrong.status.success());
    edge.told(&["ban", "remove", "127.66.6.0/24"]);
    assert!(edge.lets_in(BANNED).await);
    edge.restart().await;
    assert!(edge.lets_in(BANNED).await);
    assert!(edge.told(&["ban", "list"]).contains("0 bans in force"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_ends_by_itself_and_no_slip_bans_half_the_world() {
    let edge = LoneEdge::start("").await;
    edge.change(
        "[[edge.listen]]",
        "[edge.limits]\nexempt = []\n[[edge.listen]]",
    );
    edge.told(&["reload"]);
    for (range, words) in [
        ("0.0.0.0/0", "too large a network"),
        ("127.66.6.6/24", "write 127.66.6.0/24"),
        ("everybody", "no network"),
    ] {
        let refused = edge.yagura(&["ban", "add", range]);
        assert!(!refused.status.success(), "{range}");
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(told.contains(words), "{range}: {told}");
    }
    let at = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
    let at = yagura_time(at);
    edge.told(&["ban", "add", "127.66.6.6", "--until", &at]);
    assert!(!edge.lets_in(BANNED).await);
    crate::town::eventually("the ban is over", || async {
        edge.lets_in(BANNED).await.then_some(())
    })
    .await;
}

fn yagura_time(at: std::time::SystemTime) -> String {
    let since = at.duration_since(std::time::UNIX_EPOCH).unwrap();
    let output = std::process::Command::new("date")
        .args([
            "-u",
            "+%Y-%m-%dT%H:%M:%SZ",
            "-d",
            &format!("@{}", since.as_secs()),
        ])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
