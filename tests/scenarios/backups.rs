//! Backups: taken while the CMS writes, checked and restored by Yagura and by restic alike.

use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::town::vault::{RestServer, S3, Sftp, restic, same};
use crate::town::{Town, YAGURA, eventually};

/// Kills, of which a quarter hit a prune.
const KILLS: usize = 100;

/// Page hashes are compared elsewhere; here it is the very bytes of the database that count.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_is_identical_and_restic_says_so_too() {
    let town = Town::open().await;
    town.has_backups("");
    let kept = town.backed_up(&["now"]);
    assert_eq!(kept[0]["did"], "new", "{kept}");
    assert_eq!(kept[1]["part"], "files");

    // Nothing changed, and so nothing is kept anew.
    let again = town.backed_up(&["now"]);
    assert_eq!(again[0]["did"], "unchanged", "{again}");

    let to = town.data().join("restored");
    let output = town.backup(&["restore", "latest", "--to", &to.display().to_string()]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        told.matches("identical with its record").count(),
        2,
        "{told}"
    );
    same(&town.data().join("media"), &to.join("files/media"));
    assert!(to.join("files/configuration/yagura.toml").exists());

    // Private keys stay where they are.
    let keys = std::process::Command::new("grep")
        .args(["-rl", "PRIVATE KEY"])
        .arg(&to)
        .output()
        .unwrap();
    assert!(keys.stdout.is_empty(), "{keys:?}");

    // Another program, of another hand, reads the same repositories.
    for part in ["database", "files"] {
        let checked = town.restic(part, &["check", "--read-data"]);
        assert!(checked.status.success(), "{checked:?}");
        let by_restic = town.data().join("by-restic").join(part);
        let target = by_restic.display().to_string();
        let restored = town.restic(part, &["restore", "latest", "--target", &target]);
        assert!(restored.status.success(), "{restored:?}");
        same(&by_restic, &to.join(part));
    }
    assert_sound(&to.join("database/database.sqlite"));
    let checked = town.backed_up(&["check", "--read-data"]);
    assert_eq!(checked[0]["faults"].as_array().map(Vec::len), Some(0));
}

fn assert_sound(database: &Path) {
    let bytes = std::fs::read(database).unwrap();
    assert!(bytes.starts_with(b"SQLite format 3\0"));
}

/// The page for the day on which nothing is left but a backup, done as it is written.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_a_restore_without_yagura_is_right() {
    let town = Town::open().await;
    town.has_backups("");
    town.backed_up(&["now"]);
    let page = include_str!("../../docs/operations/restore-without-yagura.md");
    let blocks = page.split("```sh\n").skip(1);
    let script: String = blocks.filter_map(|rest| rest.split("```").next()).collect();
    let restored = town.data().join("by-hand");
    let output = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("BACKUP", town.data().join("backup-disk"))
        .env("PASSWORD_FILE", town.data().join("backup-password"))
        .env("RESTORED", &restored)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(
        told.contains("no errors were found") && told.contains("\nok\n"),
        "{told}"
    );
    same(&town.data().join("media"), &restored.join("town/media"));
    assert!(restored.join("files/configuration/yagura.toml").exists());
}

/// Three places side by side; one goes away for a while, and gets what it missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_away_keeps_no_other_waiting_and_catches_up() {
    let town = Town::open().await;
    town.has_backups("");
    let place = town.place.address;
    let mut rest = RestServer::start(town.data(), place);
    town.has_target(
        "data-center",
        &format!("rest = \"{}\"\nappend_only = true", rest.url),
    );
    let sftp = Sftp::start(town.data(), place);
    town.has_target("prefecture", &sftp.target());
    let kept = town.backed_up(&["now"]);
    for (index, name) in ["disk", "data-center", "prefecture"]
        .into_iter()
        .enumerate()
    {
        assert_eq!(kept[2 * index]["target"], name, "{kept}");
    }
    assert_eq!(kept[2]["generations"], 1, "{kept}");

    rest.stop();
    write(&town, 1);
    let output = town.backup(&["now", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let kept: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(kept[0]["did"], "new", "{kept}");
    assert!(kept[2]["failure"].is_string(), "{kept}");
    assert_eq!(kept[4]["generations"], 1, "{kept}");

    write(&town, 2);
    rest.again();
    let kept = town.backed_up(&["now"]);
    assert_eq!(kept[2]["generations"], 2, "what it missed: {kept}");

    // All three hold the same, and nothing can be removed where nothing may be.
    for name in ["disk", "data-center", "prefecture"] {
        let checked = town.backed_up(&["check", "--read-data", "--target", name]);
        assert_eq!(
            checked[0]["faults"].as_array().map(Vec::len),
            Some(0),
            "{checked}"
        );
        let to = town
            .data()
            .join(format!("from-{name}"))
            .display()
            .to_string();
        let restored = town.backed_up(&["restore", "latest", "--from", name, "--to", &to]);
        assert_eq!(
            restored[0]["differences"].as_array().map(Vec::len),
            Some(0),
            "{restored}"
        );
    }
    same(
        &town.data().join("from-disk/database"),
        &town.data().join("from-prefecture/database"),
    );
    let tidied = town.backup(&["tidy", "--target", "data-center"]);
    assert!(
        String::from_utf8_lossy(&tidied.stdout).contains("append-only"),
        "{tidied:?}"
    );
    let refused = restic(&format!("rest:{}database", rest.url), &["forget", "latest"]);
    let left = town.backed_up(&["list", "--target", "data-center"]);
    assert_eq!(
        left[0]["generations"].as_array().map(Vec::len),
        Some(3),
        "{refused:?}"
    );
    let by_restic = restic(
        &format!("rest:{}database", rest.url),
        &["check", "--read-data"],
    );
    assert!(by_restic.status.success(), "{by_restic:?}");
}

/// A store that speaks S3 is reached by rclone, and restic reads it by its own S3.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_speaks_s3_holds_what_restic_reads() {
    let town = Town::open().await;
    town.has_backups("");
    let s3 = S3::start(town.data(), town.place.address);
    town.has_target("store", &s3.target());
    let kept = town.backed_up(&["now"]);
    assert_eq!(kept[2]["generations"], 1, "{kept}");
    let to = town.data().join("from-store").display().to_string();
    let restored = town.backed_up(&["restore", "latest", "--from", "store", "--to", &to]);
    assert_eq!(
        restored[0]["differences"].as_array().map(Vec::len),
        Some(0),
        "{restored}"
    );
    for part in ["database", "files"] {
        let place = format!("s3:{}/bucket/town/{part}", s3.url);
        let checked = restic(&place, &["check", "--read-data"]);
        assert!(checked.status.success(), "{checked:?}");
    }
}

/// The operations desk does it by itself, and its drill is evidence.
#[tokio::test(flavor = "multi_thread")]
async fn the_desk_keeps_what_changes_and_a_drill_proves_it() {
    let mut town = Town::open().await;
    let told = town.data().join("told");
    town.has_backups(
        "every = \"1s\"\nevery_large = \"1s\"\nfiles_every = \"1s\"\nalarm_after = \"15s\"\n",
    );
    let config = std::fs::read_to_string(town.config()).unwrap();
    let hook = format!(
        "\n[[hook]]\ncommand = [\"tee\", \"-a\", \"{}\"]\n",
        told.display()
    );
    std::fs::write(town.config(), config + &hook).unwrap();
    town.start("ops");
    let standing = || town.backed_up(&["status"])["targets"]["disk"]["database"].clone();
    eventually("the first generation", || async {
        (standing()["generations"].as_u64() >= Some(1)).then_some(())
    })
    .await;
    write(&town, 1);
    eventually("what changed is kept", || async {
        (standing()["generations"].as_u64() >= Some(2)).then_some(())
    })
    .await;

    let drilled = town.backed_up(&["drill"]);
    assert_eq!(drilled["passed"], true, "{drilled}");
    let report = std::fs::read_to_string(drilled["report"].as_str().unwrap()).unwrap();
    assert!(
        report.contains("合格") && !report.contains("不合格"),
        "{report}"
    );
    assert!(
        report.contains("pages compared by status and BLAKE3"),
        "{report}"
    );

    // The disk is lost: the alarm comes, a drill fails, and the disk's return ends it.
    let (disk, away) = (town.data().join("backup-disk"), town.data().join("away"));
    std::fs::rename(&disk, &away).unwrap();
    write(&town, 2);
    eventually("the alarm", || async {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        text.contains("\"backup-alarm\"").then_some(())
    })
    .await;
    let output = town.backup(&["drill"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(town.backup(&["status"]).status.code(), Some(1));
    std::fs::rename(&away, &disk).unwrap();
    eventually("the alarm is over", || async {
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        text.contains("\"backup-alarm-over\"").then_some(())
    })
    .await;
    let metrics = std::fs::read_to_string(town.data().join("ops/backup/metrics.prom")).unwrap();
    assert!(
        metrics.contains("yagura_backup_restorable_as_of_seconds{target=\"disk\""),
        "{metrics}"
    );
}

/// Killed at instants that nobody chose, in mid-backup and in mid-prune: the repository is sound
/// every time, and what is taken next is right.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_leave_sound_repositories() {
    let town = Town::open().await;
    town.has_backups("[backup.keep]\nall_within = \"1s\"\nhourly = 1\ndaily = 3\n");
    town.backed_up(&["now"]);
    let mut chance = StdRng::seed_from_u64(20_261_128);
    let mut finished = 0;
    for kill in 0..KILLS {
        write(&town, kill);
        let order = if kill % 4 == 3 { "tidy" } else { "now" };
        let mut running = std::process::Command::new(YAGURA)
            .args(["backup", order, "--config"])
            .arg(town.config())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..900))).await;
        finished += usize::from(running.try_wait().unwrap().is_some());
        running.kill().ok();
        running.wait().unwrap();
        if kill % 10 == 9 {
            let checked = town.backed_up(&["check", "--read-data"]);
            for part in checked.as_array().unwrap() {
                assert_eq!(
                    part["faults"].as_array().map(Vec::len),
                    Some(0),
                    "{kill}: {checked}"
                );
            }
        }
    }
    assert!(finished < KILLS, "none was killed at work");
    town.backed_up(&["now"]);
    let to = town.data().join("restored").display().to_string();
    for restored in town
        .backed_up(&["restore", "latest", "--to", &to])
        .as_array()
        .unwrap()
    {
        assert_eq!(
            restored["differences"].as_array().map(Vec::len),
            Some(0),
            "{restored}"
        );
    }
    for part in ["database", "files"] {
        let checked = town.restic(part, &["check", "--read-data"]);
        assert!(checked.status.success(), "{checked:?}");
    }
    let halves = std::process::Command::new("find")
        .arg(town.data().join("backup-disk"))
        .args(["-name", "*.half"])
        .output()
        .unwrap();
    assert!(halves.stdout.is_empty(), "{halves:?}");
}

/// The backup's disk is full: it is said, what was there stays sound, and with room it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_harms_nothing() {
    let town = Town::open().await;
    town.has_backups("");
    let script = r#"
        mkdir "$DISK"
        mount -t tmpfs -o size=96M tmpfs "$DISK"
        backup() { "$YAGURA" backup "$@" --config "$CONFIG"; }
        write() { sqlite3 "$DATABASE" ".timeout 20000" "INSERT INTO meta VALUES ('$1', hex(randomblob(400000)))"; }
        backup now
        dd if=/dev/zero of="$DISK/filler" bs=64k status=none || true
        write one
        if backup now; then exit 9; fi
        rm "$DISK/filler"
        backup check --read-data
        backup now
        write two
        backup now
        backup restore latest --to "$RESTORED"
        backup check --read-data
        RESTIC_PASSWORD_FILE="$PASSWORD_FILE" restic --no-cache -r "$DISK/database" check --read-data
    "#;
    let output = std::process::Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "bash",
            "-euc",
            script,
        ])
        .env("DISK", town.data().join("backup-disk"))
        .env("YAGURA", YAGURA)
        .env("CONFIG", town.config())
        .env("DATABASE", town.data().join("cms.db"))
        .env("RESTORED", town.data().join("restored"))
        .env("PASSWORD_FILE", town.data().join("backup-password"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(told.contains("No space left on device"), "{told}");
    assert_eq!(
        told.matches("identical with its record").count(),
        2,
        "{told}"
    );
}

/// Changes the database as the CMS would: one transaction.
fn write(town: &Town, number: usize) {
    let database = rusqlite::Connection::open(town.data().join("cms.db")).unwrap();
    database.busy_timeout(Duration::from_secs(20)).unwrap();
    let row = (format!("test-{number}"), "x".repeat(200_000));
    database
        .execute("INSERT INTO meta VALUES (?1, ?2)", row)
        .unwrap();
}
