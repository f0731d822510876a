//! Generations in time, with the real commands: which one an instant means, what a tidying would
//! take, what a generation holds, and what is told while one is restored.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use yagura_control::Timestamp;

use crate::town::{Town, YAGURA};

/// Changes the database as the CMS would: one transaction.
fn write(town: &Town, number: usize) {
    let database = rusqlite::Connection::open(town.data().join("cms.db")).unwrap();
    database.busy_timeout(Duration::from_secs(20)).unwrap();
    let row = (format!("test-{number}"), "x".repeat(1_000));
    database
        .execute("INSERT INTO meta VALUES (?1, ?2)", row)
        .unwrap();
}

/// How many of the writes above are in a database.
fn writes(database: &Path) -> u32 {
    let database = rusqlite::Connection::open(database).unwrap();
    let count = "SELECT count(*) FROM meta WHERE name LIKE 'test-%'";
    database.query_row(count, [], |row| row.get(0)).unwrap()
}

/// An instant to the millisecond, as RFC 3339 writes it.
fn precise(at: Timestamp) -> String {
    let whole = at.rfc3339();
    let (second, offset) = whole.split_at("2026-11-20T14:03:07".len());
    format!("{second}.{:03}{offset}", at.0 % 1_000)
}

/// A town with three generations of its database, and their instants.
async fn with_three_generations(lines: &str) -> (Town, Vec<Value>) {
    let town = Town::open().await;
    town.has_backups(lines);
    let mut taken = Vec::new();
    for number in 1..=3 {
        write(&town, number);
        let kept = town.backed_up(&["now"]);
        assert_eq!(kept[0]["did"], "new", "{kept}");
        taken.push(kept[0]["generation"].clone());
    }
    (town, taken)
}

fn instant(generation: &Value) -> Timestamp {
    Timestamp(generation["at"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instant_means_the_newest_generation_of_then_or_before() {
    let (town, taken) = with_three_generations("").await;
    let restored = |name: &str, at: &str| {
        let to = town.data().join(name);
        let restored = town.backed_up(&["restore", "--at", at, "--to", &to.display().to_string()]);
        for part in restored.as_array().unwrap() {
            assert_eq!(part["differences"], Value::Array(Vec::new()), "{restored}");
        }
        writes(&to.join("database/database.sqlite"))
    };
    for (index, generation) in (0_u32..).zip(&taken) {
        let at = instant(generation);
        let held = index + 1;
        assert_eq!(restored(&format!("at-{held}"), &precise(at)), held);
        let after = Timestamp(at.0 + 1);
        assert_eq!(restored(&format!("after-{held}"), &precise(after)), held);
        let before = precise(Timestamp(at.0 - 1));
        if index > 0 {
            assert_eq!(restored(&format!("before-{held}"), &before), index);
            continue;
        }
        let to = town.data().join("too-early").display().to_string();
        let output = town.backup(&["restore", "--at", &before, "--to", &to]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(told.contains("there is no generation of"), "{told}");
        assert!(told.contains("yagura backup list"), "{told}");
        assert!(!Path::new(&to).exists(), "nothing was begun");
    }

    // As `list` shows it, which is to the second.
    let last = instant(&taken[2]);
    assert_eq!(restored("as-listed", &last.rfc3339()), 3);
    // As a person writes it: no minute has passed since the first generation, or one has.
    let minute = Timestamp(last.0 / 60_000 * 60_000);
    let of_then = taken.iter().filter(|it| instant(it) <= minute);
    let of_then = u32::try_from(of_then.count()).unwrap();
    if of_then > 0 {
        let told = minute.rfc3339().replacen('T', " ", 1);
        assert_eq!(restored("by-minute", &told[..16]), of_then);
    }

    for (at, expected) in [
        ("2999-01-01 00:00", "is still to come"),
        ("yesterday", "is no time"),
    ] {
        let output = town.backup(&["restore", "--at", at, "--to", "nowhere"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(told.contains(expected), "{told}");
    }
}

/// Every file of the backup's disk, with its size and when it was changed.
fn listing(town: &Town) -> String {
    let output = Command::new("find")
        .arg(town.data().join("backup-disk"))
        .args(["-printf", "%P %s %T@\n"])
        .output()
        .unwrap();
    let mut lines: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tidying_would_take_is_shown_with_reasons_and_is_what_it_takes() {
    let keep = "[backup.keep]\nall_within = \"1s\"\nhourly = 1\ndaily = 3\n";
    let (town, taken) = with_three_generations(keep).await;
    let name = |generation: &Value| generation["id"].as_str().unwrap()[..8].to_owned();
    // The generations before the last are no longer young a second after it was taken.
    let newest = instant(&taken[2]);
    crate::town::eventually("a second passes", || async {
        (Timestamp::from(std::time::SystemTime::now()).0 > newest.0 + 1_000).then_some(())
    })
    .await;

    let before = listing(&town);
    let shown = town.backed_up(&["tidy", "--dry-run"]);
    let output = town.backup(&["tidy", "--dry-run"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(listing(&town), before, "it was only to be shown");
    let ids = |of: &Value| {
        let all = of.as_array().unwrap().iter();
        all.map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&shown[0]["goes"]).len(), 2, "{shown}");
    assert_eq!(shown[0]["kept"][0][0]["id"], taken[2]["id"], "{shown}");
    let why = shown[0]["kept"][0][1].to_string();
    assert_eq!(
        why, r#"["newest","hourly","daily","monthly","yearly"]"#,
        "{shown}"
    );
    assert!(shown[0].get("pruned").is_none());
    assert!(told.contains("1 kept, 2 would go"), "{told}");
    for gone in &taken[..2] {
        assert!(told.contains(&format!("  - {}", name(gone))), "{told}");
    }
    let stays = format!("    {}", name(&taken[2]));
    let stays = told.lines().find(|line| line.starts_with(&stays)).unwrap();
    assert!(stays.ends_with("newest, of its hour, of its day, of its month, of its year"));

    let tidied = town.backed_up(&["tidy"]);
    assert_eq!(ids(&tidied[0]["goes"]), ids(&shown[0]["goes"]));
    let listed = town.backed_up(&["list"]);
    assert_eq!(ids(&listed[0]["generations"]), [taken[2]["id"].clone()]);
    let checked = town.backed_up(&["check", "--read-data"]);
    assert_eq!(checked[0]["faults"], Value::Array(Vec::new()), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn generations_are_listed_and_shown_for_people_and_for_programs() {
    let (town, taken) = with_three_generations("").await;
    let listed = town.backed_up(&["list"]);
    assert_eq!(listed[0]["target"], "disk");
    assert_eq!(listed[0]["part"], "database");
    assert_eq!(listed[1]["part"], "files");
    let generations = listed[0]["generations"].as_array().unwrap();
    assert_eq!(generations, &taken, "the oldest first");
    let output = town.backup(&["list"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("disk database: 3 generations"), "{told}");
    for generation in &taken {
        let line = format!(
            "  {}  {}  ",
            &generation["id"].as_str().unwrap()[..8],
            instant(generation)
        );
        assert!(told.contains(&line), "{told}");
    }

    for (held, generation) in (1_usize..).zip(&taken) {
        let name = &generation["id"].as_str().unwrap()[..8];
        let shown = town.backed_up(&["show", name]);
        assert_eq!(&shown["generation"], generation);
        let database = &shown["state"]["database"];
        assert_eq!(database["engine"], "sqlite", "{shown}");
        let tables = database["tables"].as_array().unwrap();
        let rows = |table: &str| {
            let found = tables.iter().find(|it| it["name"] == table).unwrap();
            found["rows"].as_i64().unwrap()
        };
        let to = town.data().join(format!("shown-{held}"));
        town.backed_up(&["restore", name, "--to", &to.display().to_string()]);
        let restored = rusqlite::Connection::open(to.join("database.sqlite")).unwrap();
        for table in ["meta", "pages", "audit"] {
            let count = format!("SELECT count(*) FROM {table}");
            let found: i64 = restored.query_row(&count, [], |row| row.get(0)).unwrap();
            assert_eq!(rows(table), found, "{table} of {name}");
        }
        let output = town.backup(&["show", name]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.starts_with(name) && told.contains(" rows  "), "{told}");
    }
    let output = town.backup(&["show", "ffffffffffff"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told.contains("no generation ffffffffffff"), "{told}");
}

/// On a terminal, a restore says how many bytes are done, and how long the rest takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_tells_its_progress_on_a_terminal_and_nowhere_else() {
    let town = Town::open().await;
    town.has_backups("");
    town.backed_up(&["now"]);
    let command = |to: &str| {
        let to = town.data().join(to);
        let config = town.config();
        format!(
            "'{YAGURA}' backup restore latest --config '{}' --to '{}'",
            config.display(),
            to.display()
        )
    };
    let on_terminal = Command::new("script")
        .args(["--quiet", "--return", "--command", &command("seen")])
        .arg("/dev/null")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&on_terminal.stdout).into_owned();
    assert!(on_terminal.status.success(), "{on_terminal:?}");
    let lines: Vec<&str> = told
        .split('\r')
        .filter(|line| line.contains(" left"))
        .collect();
    assert!(lines.len() >= 2, "for each of both generations: {told}");
    for line in &lines {
        assert!(
            line.contains(" of ") && line.contains(" a second, "),
            "{line}"
        );
    }
    assert!(
        lines.iter().any(|line| line.contains(", 0 s left")),
        "{told}"
    );

    let in_a_pipe = Command::new("sh")
        .args(["-c", &command("unseen")])
        .output()
        .unwrap();
    assert!(in_a_pipe.status.success(), "{in_a_pipe:?}");
    assert!(in_a_pipe.stderr.is_empty(), "{in_a_pipe:?}");
}
