//! A restore in place that ends at every step, as a kill ends it: nothing that would be done on the
//! way out is done. Whatever the step, there is a database under the name, it is the one of before or
//! the wanted one whole, and the next run knows which.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::backup::postgres::{Server, Session};
use crate::backup::tests::{NOW, Town, order, rows, server};

/// In their order.
const STEPS: [&str; 8] = [
    "planned",
    "kept",
    "restored",
    "prepared",
    "about to swap",
    "swapped",
    "verified",
    "written down",
];

/// Steps after which the wanted database is in place.
const AFTER_THE_SWAP: usize = 5;

fn later(minutes: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(60 * minutes))
}

/// Ends at a step.
fn killed_at(town: &Town, wanted: &Generation, at: Timestamp, step: &str) {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        town.vault
            .restore_watched(order(wanted), at, &|_, _| {}, &|done| {
                assert_ne!(done, step, "killed");
            })
    }));
    assert!(ended.is_err(), "{step} was never done");
}

fn written(town: &Town) -> usize {
    let text = fs::read_to_string(town.path("state/restores.jsonl"));
    text.map_or(0, |text| text.lines().count())
}

/// Kills at every step, and looks and mends after each. `count` is how many pages there are, `write`
/// adds one.
fn story(town: &Town, wanted: &Generation, count: &dyn Fn() -> usize, write: &dyn Fn(u32)) {
    for (number, step) in STEPS.into_iter().enumerate() {
        let before = count();
        let minute = u64::try_from(number).unwrap() + 1;
        let lines = written(town);
        killed_at(town, wanted, later(minute), step);

        // Nothing is begun over it.
        let refused = town
            .vault
            .restore_in_place(order(wanted), later(99), &|_, _| {});
        assert!(
            matches!(refused, Err(BackupError::BrokenOff { at, .. }) if at == later(minute)),
            "{step}: {refused:?}"
        );
        let swapped = number >= AFTER_THE_SWAP;
        assert_eq!(count(), if swapped { 1 } else { before }, "{step}");
        match town.vault.mend().unwrap() {
            Some(Mended::Finished(replaced)) if swapped => {
                assert_eq!(replaced.at, later(minute));
                assert!(
                    replaced.kept.is_some() && replaced.before.is_some(),
                    "{step}"
                );
                assert_eq!(written(town), lines + 1, "{step}");
            }
            Some(Mended::Swept(plan)) if !swapped => assert_eq!(plan.at, later(minute)),
            other => panic!("{step}: {other:?}"),
        }
        assert_eq!(count(), if swapped { 1 } else { before }, "{step}");
        assert!(town.vault.mend().unwrap().is_none());
        write(100 + u32::try_from(number).unwrap());
    }
}

#[test]
fn a_sqlite_town_is_never_without_a_database_whenever_the_restore_is_killed() {
    let town = Town::with_one_target();
    town.write(1);
    let wanted = town.take(NOW);
    town.write(2);
    let count = || {
        let connection = Connection::open(town.path("cms.db")).unwrap();
        let sql = "SELECT count(*) FROM pages";
        let count = connection.query_row(sql, [], |row| row.get::<_, u32>(0));
        usize::try_from(count.unwrap()).unwrap()
    };
    story(&town, &wanted, &count, &|id| town.write(id));
    let entries = fs::read_dir(town.path("")).unwrap();
    let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = names.filter(|it| it.contains("restor")).collect();
    assert_eq!(left.len(), 3, "those of before, and nothing else: {left:?}");
    for name in left {
        assert!(rows(&town.path(&name)).len() > 1, "{name}");
    }
}

#[test]
fn a_postgresql_town_is_never_without_a_database_whenever_the_restore_is_killed() {
    let postgres = server::Postgres::start();
    let url = postgres.database("town");
    let psql = |database: &str, sql: &str| {
        let settings = town_settings(&url);
        let server = Server::of(&settings);
        let mut session = Session::open(&server.named(database).unwrap()).unwrap();
        session.ask(sql).unwrap().concat()
    };
    psql(
        "town",
        "CREATE TABLE pages (id BIGINT PRIMARY KEY, body TEXT); INSERT INTO pages VALUES (1, 'a'); \
         CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT); INSERT INTO meta VALUES ('epoch', 'x');",
    );
    let town = Town::of(&url, DISK);
    let taken = town.vault.take("disk", Part::Files, NOW, false).unwrap();
    let Taken::New(wanted) = taken else {
        panic!("nothing was taken")
    };
    let write = |id: u32| {
        psql("town", &format!("INSERT INTO pages VALUES ({id}, 'b');"));
    };
    write(2);
    let count = || psql("town", "SELECT count(*) FROM pages;").parse().unwrap();
    story(&town, &wanted, &count, &write);
    let left = psql(
        "postgres",
        "SELECT string_agg(datname, ' ') FROM pg_database WHERE datname LIKE 'town\\_%';",
    );
    assert!(!left.contains("restoring"), "{left}");
    assert_eq!(left.split(' ').count(), 3, "{left}");

    // Somebody is connected: refused, by name, and nothing is replaced.
    let held = RefCell::new(Some(
        Session::open(&Server::of(&town.vault.settings)).unwrap(),
    ));
    held.borrow_mut()
        .as_mut()
        .unwrap()
        .ask("SELECT 1;")
        .unwrap();
    let refused = town
        .vault
        .restore_in_place(order(&wanted), later(50), &|_, _| {})
        .unwrap_err();
    assert!(refused.to_string().contains("stop the CMS"), "{refused}");
    assert!(
        refused.to_string().contains("yagura backup as yagura"),
        "{refused}"
    );
    held.take();

    // And while it works, at the last moment.
    let refused = town
        .vault
        .restore_watched(order(&wanted), later(51), &|_, _| {}, &|done| {
            if done == "about to swap" {
                let mut session = Session::open(&Server::of(&town.vault.settings)).unwrap();
                session.ask("SELECT 1;").unwrap();
                held.replace(Some(session));
            }
        })
        .unwrap_err();
    assert!(refused.to_string().contains("is in use"), "{refused}");
    held.take();
    assert!(town.vault.mend().unwrap().is_none());

    // The way back, and then by hand.
    write(200);
    let now = count();
    let replaced = town
        .vault
        .restore_in_place(order(&wanted), later(60), &|_, _| {})
        .unwrap();
    assert_eq!(
        (count(), psql("town", "SELECT count(*) FROM meta;")),
        (1, "0".to_owned())
    );
    let back = replaced.before.unwrap();
    town.vault
        .restore_in_place(order(&back), later(61), &|_, _| {})
        .unwrap();
    assert_eq!(count(), now);
    let replaced = town
        .vault
        .restore_in_place(order(&wanted), later(62), &|_, _| {})
        .unwrap();
    assert_eq!(count(), 1);
    psql("postgres", &replaced.by_hand.unwrap());
    assert_eq!(count(), now);
}

/// A disk was lost, or a database is no longer one: a restore in place needs neither.
#[test]
fn a_town_whose_database_is_lost_or_damaged_is_restored_too() {
    let town = Town::with_one_target();
    town.write(1);
    let wanted = town.take(NOW);
    fs::remove_file(town.path("cms.db")).unwrap();
    let replaced = town
        .vault
        .restore_in_place(order(&wanted), later(1), &|_, _| {})
        .unwrap();
    assert_eq!((replaced.before, replaced.kept), (None, None));
    assert_eq!(rows(&town.path("cms.db")).len(), 1);

    fs::write(town.path("cms.db"), "no database at all, but as long as a header of one would be: 100 bytes and more, so that it is read.").unwrap();
    let replaced = town
        .vault
        .restore_in_place(order(&wanted), later(2), &|_, _| {})
        .unwrap();
    assert_eq!(replaced.before, None);
    let kept = fs::read_to_string(replaced.kept.unwrap()).unwrap();
    assert!(kept.starts_with("no database at all"));
    assert_eq!(rows(&town.path("cms.db")).len(), 1);
}

const DISK: &str = "[[backup.target]]\nname = \"disk\"\nfolder = \"disk\"\n";

fn town_settings(url: &str) -> yagura_config::settings::BackupSettings {
    Town::of(url, DISK).vault.settings
}
