//! The operations desk as a process: what ends with it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use crate::town::process::Running;
use crate::town::{Town, YAGURA, eventually, succeed};

/// Processes that a process started, with this name.
fn children(of: u32, name: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        // proc(5): PID (NAME) STATE PARENT
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((begin, rest)) = stat.rsplit_once(") ") else {
            continue;
        };
        let parent = rest.split(' ').nth(1).and_then(|it| it.parse().ok());
        if parent == Some(of) && begin.ends_with(&format!("({name}")) {
            found.push(pid);
        }
    }
    found
}

/// Whether it still does something: one that nobody reaped does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    !matches!(state.flatten(), None | Some('Z' | 'X'))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rclone_does_not_outlive_the_desk_that_is_killed() {
    let mut town = Town::open().await;
    town.has_backups("every = \"1s\"\nevery_large = \"1s\"\nfiles_every = \"1s\"\n");
    let config = town.data().join("rclone.conf");
    fs::write(&config, "[shelf]\ntype = local\n").unwrap();
    let shelf = town.data().join("shelf");
    town.has_target(
        "shelf",
        &format!(
            "rclone = \"shelf:{}\"\nrclone_config = \"{}\"",
            shelf.display(),
            config.display()
        ),
    );
    town.start("ops");
    let desk = town.process("ops").pid();
    // One a repository; they go on while the threads that asked for them come and go.
    let started = eventually("rclone runs for both repositories", || async {
        let status = town.backed_up(&["status"]);
        let kept = |part: &str| status["targets"]["shelf"][part]["generations"].as_u64();
        let there = kept("database") >= Some(1) && kept("files") >= Some(1);
        let running = children(desk, "rclone");
        (there && running.len() == 2).then_some(running)
    })
    .await;
    let write = "INSERT INTO meta VALUES ('after', 'x')";
    succeed(
        Command::new("sqlite3")
            .arg(town.data().join("cms.db"))
            .args([".timeout 20000", write]),
    );
    eventually("the next generation goes the same way", || async {
        let status = town.backed_up(&["status"]);
        let kept = &status["targets"]["shelf"]["database"]["generations"];
        (kept.as_u64() >= Some(2)).then_some(())
    })
    .await;
    let mut again = children(desk, "rclone");
    again.sort_unstable();
    let mut first = started.clone();
    first.sort_unstable();
    assert_eq!(again, first, "they were not begun anew");

    town.kill("ops");
    eventually("rclone is gone too", || async {
        started.iter().all(|pid| !runs(*pid)).then_some(())
    })
    .await;
}

/// A command under the rights of the unit: `nobody`, who may read everything, with a group.
fn under_own_user(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        &format!("--groups={SHARED}"),
        "--inh-caps=-all,+dac_read_search",
        "--ambient-caps=-all,+dac_read_search",
        "--bounding-set=-all,+dac_read_search",
        "--no-new-privs",
        program,
    ]);
    command.env_remove("AWS_CA_BUNDLE");
    command
}

/// A group that nobody else is in.
const SHARED: u32 = 59_913;

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_keeps_a_town_as_a_user_of_its_own() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can become somebody else");
        return;
    }
    let mut town = Town::new();
    let shared = town.data().join("database");
    fs::create_dir(&shared).unwrap();
    std::os::unix::fs::chown(&shared, None, Some(SHARED)).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o2770)).unwrap();
    let database = shared.join("cms.db");
    fs::rename(town.data().join("cms.db"), &database).unwrap();
    std::os::unix::fs::chown(&database, None, Some(SHARED)).unwrap();
    let config = fs::read_to_string(town.config()).unwrap();
    let config = config.replace("sqlite:cms.db", "sqlite:database/cms.db");
    fs::write(town.config(), config).unwrap();
    town.has_backups("every = \"1s\"\nevery_large = \"1s\"\nfiles_every = \"1s\"\n");
    for own in ["ops", "backup-disk", "own-restored"] {
        let folder = town.data().join(own);
        fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::chown(&folder, Some(65_534), Some(65_534)).unwrap();
    }
    // A path to it, as /var/lib and /usr/local/bin are.
    fs::set_permissions(town.data(), fs::Permissions::from_mode(0o755)).unwrap();
    town.start("cms");
    let config = town.config().display().to_string();
    eventually("the CMS opens its database", || async {
        shared.join("cms.db-shm").exists().then_some(())
    })
    .await;

    let desk = Running::start_command(
        under_own_user(YAGURA).args(["ops", "--config", &config]),
        &town.data().join("log/own.log"),
    );
    let kept = |at_least: u64| {
        let status = town.backed_up(&["status"]);
        let disk = &status["targets"]["disk"];
        let kept = |part: &str| disk[part]["generations"].as_u64();
        kept("database") >= Some(at_least) && kept("files") >= Some(1)
    };
    eventually("the first generation", || async { kept(1).then_some(()) }).await;
    succeed(
        Command::new("sqlite3")
            .arg(&database)
            .args([".timeout 20000", "INSERT INTO meta VALUES ('ours', 'x')"]),
    );
    eventually("what changed", || async { kept(2).then_some(()) }).await;
    drop(desk);
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    assert_eq!(owner(&town.repository("database").join("config")), 65_534);
    for theirs in ["cms.db", "cms.db-wal", "cms.db-shm"] {
        let theirs = fs::metadata(shared.join(theirs)).unwrap();
        assert_eq!((theirs.gid(), theirs.mode() & 0o777), (SHARED, 0o660));
    }

    let to = town.data().join("own-restored/latest");
    let restored = under_own_user(YAGURA)
        .args(["backup", "restore", "latest", "--config", &config, "--to"])
        .arg(&to)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(restored.status.success(), "{restored:?}");
    let identical = told.matches("identical with its record").count();
    assert_eq!(identical, 2, "{told}");
}

/// systemd's own judgement of the unit, in which only the program's place is another here.
#[test]
fn the_unit_of_the_desk_is_sound_and_exposes_little() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../docs/systemd/yagura-ops.service");
    let unit = folder.path().join("yagura-ops.service");
    fs::write(&unit, text.replace("/usr/local/bin/yagura", YAGURA)).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&unit)
        .output()
        .expect("systemd is installed: scripts/packages test");
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success(), "{told}");
    assert!(!told.contains("yagura-ops"), "{told}");
    // In tenths: 100 is a service without any wall.
    succeed(
        Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=25", "--no-pager"])
            .arg(&unit),
    );
}
