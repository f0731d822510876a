//! Repositories under hard conditions, through the public surface: a writer that does not wait, bits
//! that flip, files that cannot be read, retention, a place that is gone.

mod away;
mod leftovers;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rusqlite::Connection;
use tempfile::TempDir;
use yagura_config::settings::Settings;
use yagura_control::{Clock, SystemClock, Timestamp};

use super::*;

pub(crate) const NOW: Timestamp = Timestamp(1_795_410_187_000);

pub(crate) struct Town {
    folder: TempDir,
    pub(crate) vault: Vault,
    runtime: tokio::runtime::Runtime,
}

impl Town {
    fn new(targets: &str) -> Self {
        let town = Self::of("sqlite:cms.db", targets);
        town.sql("PRAGMA journal_mode = WAL; CREATE TABLE pages (id INTEGER PRIMARY KEY, at BIGINT, body TEXT);");
        town
    }

    pub(crate) fn of(database: &str, targets: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[backup]\npassword_file = \"password\"\ndatabase = \"{database}\"\nmedia = \"media\"\n\
             data = \"state\"\n{targets}"
        );
        let file = folder.path().join("yagura.toml");
        fs::write(&file, &text).unwrap();
        fs::write(folder.path().join("password"), "secret\n").unwrap();
        fs::create_dir(folder.path().join("media")).unwrap();
        let settings: Settings = yagura_config::parse(&text, &file).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let vault = {
            let _around = runtime.enter();
            Vault::open(settings.backup.unwrap()).unwrap()
        };
        Self {
            folder,
            vault,
            runtime,
        }
    }

    pub(crate) fn with_one_target() -> Self {
        Self::new("[[backup.target]]\nname = \"disk\"\nfolder = \"disk\"\n")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn sql(&self, sql: &str) {
        let connection = Connection::open(self.path("cms.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    pub(crate) fn write(&self, id: u32) {
        self.sql(&format!(
            "INSERT INTO pages VALUES ({id}, 0, '{}')",
            format!("{id:08}").repeat(500)
        ));
    }

    pub(crate) fn take(&self, at: Timestamp) -> Generation {
        match self.vault.take("disk", Part::Database, at, false).unwrap() {
            Taken::New(generation) => generation,
            other => panic!("{other:?}"),
        }
    }

    fn restore(&self, generation: &Generation, name: &str) -> Restored {
        let to = self.path(name);
        self.vault
            .restore(Some("disk"), generation.clone(), &to, &|_, _| {})
            .unwrap()
    }
}

pub(crate) fn rows(database: &Path) -> Vec<i64> {
    let uri = format!("file:{}?immutable=1", database.display());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags).unwrap();
    let mut statement = connection
        .prepare("SELECT at FROM pages ORDER BY at")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_write_that_was_acknowledged_before_a_generation_is_in_it() {
    let town = Arc::new(Town::with_one_target());
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let writer = {
        let (town, stop, acknowledged) = (town.clone(), stop.clone(), acknowledged.clone());
        std::thread::spawn(move || {
            let connection = Connection::open(town.path("cms.db")).unwrap();
            connection.busy_timeout(Duration::from_secs(10)).unwrap();
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                number += 1;
                let row = (number, number, "text ".repeat(200));
                connection
                    .execute("INSERT INTO pages VALUES (?1, ?2, ?3)", row)
                    .unwrap();
                acknowledged.store(u64::try_from(number).unwrap(), Ordering::SeqCst);
                // Fifty a second, and as many as the disk takes when it is slower.
                std::thread::park_timeout(Duration::from_millis(20));
            }
        })
    };
    let mut taken = Vec::new();
    for _ in 0..12 {
        let before = acknowledged.load(Ordering::SeqCst);
        let at = SystemClock.now();
        taken.push((before, town.take(at)));
        std::thread::park_timeout(Duration::from_millis(50));
    }
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    for (number, (before, generation)) in taken.iter().enumerate() {
        let restored = town.restore(generation, &format!("restored-{number}"));
        assert_eq!(restored.differences, [""; 0]);
        let rows = rows(&restored.to.join("database.sqlite"));
        assert!(u64::try_from(rows.len()).unwrap() >= *before);
        // Without a gap: the writes of one instant and before, all of them.
        assert!(rows.iter().zip(1..).all(|(row, number)| *row == number));
    }
    let faults = town
        .vault
        .check(Some("disk"), Part::Database, Reading::All)
        .unwrap();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn flipped_bits_are_found_every_time() {
    let town = Town::with_one_target();
    for id in 0..40 {
        town.write(id);
        if id % 10 == 0 {
            town.take(NOW.plus(Duration::from_secs(u64::from(id))));
        }
    }
    let data = town.path("disk/database/data");
    let mut packs = Vec::new();
    for folder in fs::read_dir(&data).unwrap() {
        packs.extend(
            fs::read_dir(folder.unwrap().path())
                .unwrap()
                .map(|it| it.unwrap().path()),
        );
    }
    assert!(packs.len() >= 8, "{packs:?}");
    let mut chance = StdRng::seed_from_u64(20_261_128);
    for flip in 0..60 {
        let pack = &packs[chance.random_range(0..packs.len())];
        let whole = fs::read(pack).unwrap();
        let mut damaged = whole.clone();
        let at = chance.random_range(0..damaged.len());
        damaged[at] ^= 1 << chance.random_range(0..8);
        fs::write(pack, &damaged).unwrap();
        let found = town.vault.check(Some("disk"), Part::Database, Reading::All);
        let sound = matches!(&found, Ok(faults) if faults.is_empty());
        assert!(
            !sound,
            "flip {flip} at {at} of {} was not found",
            pack.display()
        );
        fs::write(pack, &whole).unwrap();
    }
    let faults = town
        .vault
        .check(Some("disk"), Part::Database, Reading::All)
        .unwrap();
    assert!(faults.is_empty());
}

#[test]
fn a_file_that_cannot_be_read_whole_makes_no_generation() {
    let town = Town::with_one_target();
    let target = town.vault.target(None).unwrap();
    target.prepare(Part::Files, true).unwrap();
    let engine = target.engine(Part::Files);
    for content in [
        engine::source::Content::File(town.path("not-there")),
        engine::source::Content::Bytes(b"shorter than promised".to_vec()),
    ] {
        let entry = engine::source::Entry {
            path: "journal".into(),
            size: 4_000,
            modified: NOW,
            inode: 0,
            changed: None,
            content,
        };
        let refused = engine.take(vec![entry], NOW, "{}").unwrap_err();
        assert!(refused.to_string().contains("journal"), "{refused}");
    }
    assert!(engine.generations().unwrap().is_empty());
    assert!(engine.check(Reading::All).unwrap().is_empty());
}

#[test]
fn what_the_plan_does_not_keep_goes_and_the_rest_restores() {
    let town = Town::with_one_target();
    let first = NOW.0 - 40 * 3_600_000;
    let mut taken = Vec::new();
    for number in 0..20 {
        town.write(number);
        let at = Timestamp(first + u64::from(number) * 1_800_000);
        taken.push(town.take(at));
    }
    let plan = town.vault.plan("disk", Part::Database, NOW).unwrap();
    let goes = plan.iter().filter(|(_, why)| why.is_empty()).count();
    assert_eq!(goes, 10, "of two in each hour, one goes");
    town.vault.tidy("disk", Part::Database, NOW).unwrap();
    let left = town.vault.generations(None, Part::Database).unwrap();
    assert_eq!(left.len(), 10);
    for (number, generation) in left.iter().enumerate() {
        let restored = town.restore(generation, &format!("r{number}"));
        assert!(restored.differences.is_empty(), "{restored:?}");
    }
    let faults = town
        .vault
        .check(Some("disk"), Part::Database, Reading::All)
        .unwrap();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn a_repository_that_is_gone_is_not_begun_anew_in_silence() {
    let town = Town::with_one_target();
    town.write(1);
    town.take(NOW);
    fs::rename(town.path("disk"), town.path("unmounted")).unwrap();
    town.write(2);
    let refused = town
        .vault
        .take("disk", Part::Database, NOW, false)
        .unwrap_err();
    assert!(matches!(refused, BackupError::Gone { .. }), "{refused}");
    assert!(!town.path("disk/database/config").exists());
    fs::remove_dir_all(town.path("disk")).ok();
    fs::rename(town.path("unmounted"), town.path("disk")).unwrap();
    town.take(NOW.plus(Duration::from_secs(1)));
}

#[test]
fn another_target_gets_what_it_missed_and_a_clock_that_jumps_loses_nothing() {
    let town = Town::new(
        "[[backup.target]]\nname = \"disk\"\nfolder = \"disk\"\n\
         [[backup.target]]\nname = \"far\"\nfolder = \"far\"\n",
    );
    let hour = Duration::from_secs(3_600);
    // Forward by a year and back again.
    let instants = [
        NOW,
        NOW.plus(365 * 24 * hour),
        NOW.plus(hour),
        NOW.plus(2 * hour),
    ];
    for (id, at) in (0..).zip(instants) {
        town.write(id);
        town.take(at);
    }
    let copied = town
        .vault
        .copy("far", Part::Database, NOW.plus(3 * hour), false)
        .unwrap();
    assert_eq!(copied, 4);
    assert_eq!(
        town.vault
            .copy("far", Part::Database, NOW.plus(3 * hour), false)
            .unwrap(),
        0
    );
    let far = town.vault.generations(Some("far"), Part::Database).unwrap();
    for (number, generation) in far.into_iter().enumerate() {
        let to = town.path(&format!("f{number}"));
        let restored = town
            .vault
            .restore(Some("far"), generation, &to, &|_, _| {})
            .unwrap();
        assert!(restored.differences.is_empty(), "{restored:?}");
    }
    assert!(
        town.vault
            .check(Some("far"), Part::Database, Reading::All)
            .unwrap()
            .is_empty()
    );
    drop(town.runtime);
}

/// A restore in place that somebody orders.
pub(crate) fn order(database: &Generation) -> InPlace<'static> {
    InPlace {
        target: None,
        database: database.clone(),
        files: None,
        by: "hanako".to_owned(),
        reason: "a page was lost".to_owned(),
        order: Ordered::default(),
    }
}

#[test]
fn a_restore_in_place_has_a_way_back_and_wants_the_cms_stopped() {
    let town = Town::with_one_target();
    town.write(1);
    let wanted = town.take(NOW);
    town.write(2);
    let open = Connection::open(town.path("cms.db")).unwrap();
    open.query_row("SELECT count(*) FROM pages", [], |_| Ok(()))
        .unwrap();
    let later = NOW.plus(Duration::from_secs(60));
    let refused = town
        .vault
        .restore_in_place(order(&wanted), later, &|_, _| {})
        .unwrap_err();
    assert!(refused.to_string().contains("stop the CMS"), "{refused}");
    drop(open);
    let replaced = town
        .vault
        .restore_in_place(order(&wanted), later, &|_, _| {})
        .unwrap();
    assert_eq!(rows(&town.path("cms.db")).len(), 1);
    let back = later.plus(Duration::from_secs(60));
    let replaced = town
        .vault
        .restore_in_place(order(replaced.before.as_ref().unwrap()), back, &|_, _| {})
        .unwrap();
    assert_eq!(rows(&town.path("cms.db")).len(), 2);
    assert_eq!(replaced.reason, "a page was lost");
    let written = fs::read_to_string(town.path("state/restores.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 2);
}

#[expect(
    clippy::disallowed_methods,
    reason = "it waits for another program to start"
)]
#[path = "../../../cms/tests/store_contract/postgres.rs"]
pub(crate) mod server;

#[test]
fn a_postgresql_database_is_dumped_once_for_each_change_and_restores() {
    let postgres = server::Postgres::start();
    let (url, again) = (postgres.database("town"), postgres.database("restored"));
    let psql = |url: &str, sql: &str| {
        let output = std::process::Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "--dbname", url, "-c", sql])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    psql(
        &url,
        "CREATE TABLE pages (id BIGINT PRIMARY KEY, body TEXT); INSERT INTO pages SELECT n, repeat('ページ', 9) FROM generate_series(1, 500) n",
    );
    let town = Town::of(
        &url,
        "[[backup.target]]\nname = \"disk\"\nfolder = \"disk\"\n",
    );
    let take = |seconds| {
        town.vault.take(
            "disk",
            Part::Files,
            NOW.plus(Duration::from_secs(seconds)),
            false,
        )
    };
    let Taken::New(first) = take(0).unwrap() else {
        panic!("nothing was taken")
    };
    assert!(matches!(take(1).unwrap(), Taken::Unchanged(_)));
    psql(&url, "DELETE FROM pages WHERE id = 7");
    let Taken::New(second) = take(2).unwrap() else {
        panic!("the change was not seen")
    };
    for (generation, expected) in [(&first, "500"), (&second, "499")] {
        let restored = town.restore(generation, expected);
        assert!(restored.differences.is_empty(), "{restored:?}");
        psql(&again, "DROP TABLE IF EXISTS pages");
        let output = std::process::Command::new("pg_restore")
            .args(["--exit-on-error", "--no-owner", "--dbname", &again])
            .arg(restored.to.join("database.pgdump"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(psql(&again, "SELECT count(*) FROM pages").trim(), expected);
    }
    assert!(matches!(
        town.vault.take("disk", Part::Database, NOW, false).unwrap(),
        Taken::Nothing
    ));
}
