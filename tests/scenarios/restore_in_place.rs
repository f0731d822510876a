//! A restore in place: never without a database, with a way back, and in the edges' journals who gave
//! it and why.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::town::persons::Person;
use crate::town::postgres::{PostgresTown, psql};
use crate::town::{Town, YAGURA, succeed};

const IN_PLACE: [&str; 5] = [
    "restore",
    "latest",
    "--in-place",
    "--reason",
    "pages were lost",
];
/// Kills of each kind of town.
const KILLS: usize = 12;

fn said(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!("{}{stderr}", String::from_utf8_lossy(&output.stdout))
}

/// The only generation of a repository: 0 of the database, 1 of files.
fn wanted(town: &Town, repository: usize) -> String {
    let listed = town.backed_up(&["list"]);
    let id = &listed[repository]["generations"][0]["id"];
    id.as_str().unwrap().to_owned()
}

/// The generation that a restore names as the way back.
fn way_back(told: &str) -> String {
    let command = told.split("yagura backup restore ").nth(1);
    let name = command.and_then(|it| it.split(' ').next());
    name.unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Pages written since the generation, as the database has them.
fn marks(town: &Town) -> i64 {
    let database = rusqlite::Connection::open(town.data().join("cms.db")).unwrap();
    let sql = "SELECT count(*) FROM meta WHERE name LIKE 'mark-%'";
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn mark(town: &Town, number: usize) {
    let database = rusqlite::Connection::open(town.data().join("cms.db")).unwrap();
    database.busy_timeout(Duration::from_secs(20)).unwrap();
    let row = (format!("mark-{number}"), "later");
    let sql = "INSERT INTO meta VALUES (?1, ?2)";
    database.execute(sql, row).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_wants_the_cms_stopped_has_a_way_back_and_is_in_the_chain() {
    let mut town = Town::open().await;
    town.has_backups("");
    town.backed_up(&["now"]);
    mark(&town, 1);

    // The CMS runs: it is named, and nothing is replaced.
    let output = town.backup(&IN_PLACE);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("is in use: process ") && told.contains("(yagura)"),
        "{told}"
    );
    assert!(told.contains("stop the CMS first"), "{told}");
    assert_eq!(marks(&town), 1);

    town.take("cms").stop().await;
    let output = town.backup(&IN_PLACE);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("in the journal of "), "{told}");
    assert_eq!(marks(&town), 0);
    town.start("cms");
    let mut reader = town.reader();
    assert_eq!(reader.get("/").await.status, 200);
    town.take("cms").stop().await;

    let back = way_back(&told);
    let output = town.backup(&[
        "restore",
        &back,
        "--in-place",
        "--reason",
        "it was a mistake",
    ]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(marks(&town), 1);

    // Who, why and what, before and after each, in the chain of the edge.
    let history = town.yagura(&["history"]);
    let history = said(&history);
    for expected in [
        "failed, nothing was replaced",
        "done; the way back is generation ",
        "why        pages were lost",
        "why        it was a mistake",
    ] {
        assert!(history.contains(expected), "{expected}: {history}");
    }
    assert_eq!(
        history.matches("restore the CMS's database of").count(),
        6,
        "{history}"
    );
    succeed(
        Command::new(YAGURA)
            .args(["audit", "verify"])
            .arg(town.data().join("edge")),
    );

    // Every edge is dead: it is done all the same, and says where it is written.
    town.kill("edge");
    let output = town.backup(&IN_PLACE);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("restores.jsonl alone keeps who"), "{told}");
    let written = std::fs::read_to_string(town.data().join("ops/backup/restores.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 3, "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_needs_approval_another_person_gives_it_for_one_restore() {
    let hanako = Person::new("hanako", &["operator"]);
    let taro = Person::new("taro", &["approver"]);
    let mut town = Town::new();
    town.has_backups("restore_needs_approval = true\n");
    let mut text = std::fs::read_to_string(town.config()).unwrap();
    text.extend([&hanako, &taro].map(|it| it.record.clone()));
    std::fs::write(town.config(), text).unwrap();
    town.start("edge");
    town.edge_is_ready().await;
    town.backed_up(&["now"]);
    // By its name: what is kept on the way is newer.
    let wanted = wanted(&town, 0);
    let in_place = [
        "restore",
        &wanted,
        "--in-place",
        "--reason",
        "pages were lost",
    ];
    let by = |person: &Person, arguments: &[&str]| {
        let mut command = Command::new(YAGURA);
        command.args(arguments).arg("--config").arg(town.config());
        command.arg("--token-file").arg(person.file());
        command.output().unwrap()
    };
    let restore = [&["backup"], &in_place[..]].concat();

    mark(&town, 1);
    let output = by(&hanako, &restore);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(3), "{told}");
    let id = told.split("--request ").nth(1).unwrap().trim().to_owned();
    let go = ["backup", "restore", "--in-place", "--request", &id];
    let output = by(&hanako, &go);
    assert!(
        said(&output).contains("is waiting; nothing was replaced"),
        "{}",
        said(&output)
    );
    assert_eq!(marks(&town), 1);

    // Another person; and then what was approved is done, once.
    let output = by(&hanako, &["approve", &id]);
    assert!(!output.status.success(), "{}", said(&output));
    let output = by(&taro, &["approve", &id]);
    assert!(output.status.success(), "{}", said(&output));
    let output = by(&hanako, &go);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(marks(&town), 0);
    let output = by(&hanako, &go);
    assert!(
        said(&output).contains("was done for request"),
        "{}",
        said(&output)
    );

    // Nobody can be reached.
    mark(&town, 2);
    let glass = [&restore[..], &["--break-glass"]].concat();
    let output = by(&hanako, &glass);
    let told = said(&output);
    assert!(
        output.status.success() && told.contains("WITHOUT APPROVAL"),
        "{told}"
    );
    assert_eq!(marks(&town), 0);
    let list = said(&by(&taro, &["request", "list"]));
    assert!(list.contains("restore the CMS's database"), "{list}");

    // Nor any edge.
    town.kill("edge");
    let by = |arguments: &[&str]| town.backup(arguments);
    mark(&town, 3);
    let output = by(&in_place);
    assert!(
        said(&output).contains("nobody can approve it"),
        "{}",
        said(&output)
    );
    assert_eq!(marks(&town), 1);
    let output = by(&[&in_place[..], &["--break-glass"]].concat());
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(marks(&town), 0);
}

/// Kills a restore: every other one at an instant that nobody chose, within the time that one takes, the
/// others as soon as their plan is written. `--mend` says what became of it, and the database is one of
/// the two states every time.
fn killed_with(town: &Town, wanted: &str, marks: &dyn Fn() -> i64, mark: &dyn Fn(usize)) {
    let restore = [
        "restore",
        wanted,
        "--in-place",
        "--reason",
        "pages were lost",
    ];
    // As long as one takes here and now.
    let began = std::time::Instant::now();
    let output = town.backup(&restore);
    assert!(output.status.success(), "{}", said(&output));
    let whole = began.elapsed();
    let mut chance = StdRng::seed_from_u64(20_261_128);
    let mut broken_off = 0;
    for kill in 0..KILLS {
        mark(kill);
        let before = marks();
        let mut running = Command::new(YAGURA)
            .arg("backup")
            .args(restore)
            .arg("--config")
            .arg(town.config())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let plan = town.data().join("ops/backup/restore-in-place.json");
        if kill % 2 == 0 {
            std::thread::sleep(whole.mul_f64(chance.random_range(0.2..1.0)));
        } else {
            while !plan.exists() && running.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        running.kill().ok();
        running.wait().unwrap();
        broken_off += usize::from(plan.exists());
        let output = town.backup(&["restore", "--mend"]);
        let told = said(&output);
        assert!(output.status.success(), "{kill}: {told}");
        let after = marks();
        if told.contains("before anything was replaced") {
            assert_eq!(after, before, "{kill}: {told}");
        } else if told.contains("it is finished now") {
            assert_eq!(after, 0, "{kill}: {told}");
        } else {
            assert!(after == before || after == 0, "{kill}: {told}");
        }
        assert!(!plan.exists());
        let status = said(&town.backup(&["status"]));
        assert!(!status.contains("broken off"), "{status}");
    }
    assert!(broken_off > 0, "none was killed at work");
    let output = town.backup(&restore);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(marks(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_leaves_one_of_the_two_states() {
    let town = Town::new();
    town.has_backups("");
    town.backed_up(&["now"]);
    let wanted = wanted(&town, 0);
    let again = || marks(&town);
    killed_with(&town, &wanted, &again, &|number| mark(&town, number));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_town_is_restored_in_place_and_survives_kills_too() {
    let mut postgres = PostgresTown::new().await;
    postgres.town.has_backups("");
    postgres.town.backed_up(&["now"]);
    let wanted = wanted(&postgres.town, 1);
    let restore = [
        "restore",
        &wanted,
        "--in-place",
        "--reason",
        "pages were lost",
    ];
    let mark = |number: usize| {
        let sql = format!("INSERT INTO meta VALUES ('mark-{number}', 'later')");
        psql(&postgres.url, &sql);
    };
    let url = postgres.url.clone();
    let marks = move || -> i64 {
        let sql = "SELECT count(*) FROM meta WHERE name LIKE 'mark-%'";
        psql(&url, sql).parse().unwrap()
    };
    mark(100);

    // The CMS is connected: it is told, and nothing is replaced.
    postgres.cms().await;
    let output = postgres.town.backup(&restore);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the database town is in use: "), "{told}");
    assert!(told.contains("stop the CMS first"), "{told}");
    assert_eq!(marks(), 1);

    postgres.town.take("cms").stop().await;
    let output = postgres.town.backup(&restore);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert_eq!(marks(), 0);
    postgres.cms().await;
    postgres.town.take("cms").stop().await;

    // Back by the generation; and again, and back by hand.
    let back = way_back(&told);
    let output = postgres
        .town
        .backup(&["restore", &back, "--in-place", "--reason", "a mistake"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(marks(), 1);
    let output = postgres.town.backup(&restore);
    let told = said(&output);
    assert_eq!(marks(), 0, "{told}");
    let by_hand = told
        .lines()
        .find(|line| line.contains("ALTER DATABASE"))
        .unwrap();
    psql(&postgres.server.database("another"), by_hand.trim());
    assert_eq!(marks(), 1);

    let mark = |number: usize| {
        let sql =
            format!("INSERT INTO meta VALUES ('mark-{number}', 'later') ON CONFLICT DO NOTHING");
        psql(&postgres.url, &sql);
    };
    killed_with(&postgres.town, &wanted, &marks, &mark);
}
