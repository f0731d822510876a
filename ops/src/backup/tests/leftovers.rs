//! Packs that a killed backup left behind, which no index names.

use super::*;

/// Names of a kind of file of the repository of pages.
fn names(town: &Town, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![town.path("disk/database").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Takes a generation as far as a backup comes that is killed before it writes its index: its packs
/// are there, and nobody names them.
fn take_and_be_killed(town: &Town, at: Timestamp) -> Vec<PathBuf> {
    let before: Vec<_> = ["index", "snapshots", "data"]
        .map(|it| names(town, it))
        .into();
    town.take(at);
    for (folder, before) in ["index", "snapshots"].into_iter().zip(&before) {
        for path in names(town, folder) {
            if !before.contains(&path) {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let packs = names(town, "data").into_iter();
    let left: Vec<_> = packs.filter(|it| !before[2].contains(it)).collect();
    assert!(!left.is_empty());
    left
}

fn hours(count: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(3_600 * count))
}

/// A town of two generations and of a third that was killed, with what that left.
fn town_with_leftovers() -> (Town, Vec<PathBuf>) {
    let town = Town::with_one_target();
    for id in 0..2 {
        town.write(id);
        town.take(hours(u64::from(id)));
    }
    town.write(2);
    let left = take_and_be_killed(&town, hours(2));
    (town, left)
}

fn is_sound(town: &Town) {
    let faults = town.vault.check(Some("disk"), Part::Database, Reading::All);
    assert_eq!(faults.unwrap(), [""; 0]);
    let restic = std::process::Command::new("restic")
        .args(["--no-cache", "check", "--read-data", "--repo"])
        .arg(town.path("disk/database"))
        .env("RESTIC_PASSWORD_FILE", town.path("password"))
        .output()
        .unwrap();
    assert!(restic.status.success(), "{restic:?}");
}

#[test]
fn what_a_killed_backup_left_goes_a_day_after_it_was_seen_and_harms_no_index() {
    let (town, left) = town_with_leftovers();
    // Each tidying writes the index anew.
    for (id, at) in (3..).zip([3, 4, 25]) {
        town.write(id);
        town.take(hours(at));
        town.vault.tidy("disk", Part::Database, hours(at)).unwrap();
        is_sound(&town);
        assert!(left.iter().all(|pack| pack.exists()), "{at}");
    }
    town.vault.tidy("disk", Part::Database, hours(26)).unwrap();
    is_sound(&town);
    assert!(left.iter().all(|pack| !pack.exists()));
    let newest = town.vault.generations(None, Part::Database).unwrap().pop();
    let restored = town.restore(&newest.unwrap(), "restored");
    assert!(restored.differences.is_empty(), "{restored:?}");
}

#[test]
fn a_repository_that_cannot_be_read_whole_loses_nothing() {
    let (town, left) = town_with_leftovers();
    town.vault.tidy("disk", Part::Database, hours(2)).unwrap();
    let packs = names(&town, "data");
    let tidied = |what: &str, at: u64| {
        let tidied = town.vault.tidy("disk", Part::Database, hours(at));
        assert_eq!(names(&town, "data"), packs, "{what}: {tidied:?}");
        tidied
    };
    // Whatever is missing or spoiled of what names packs, however much later.
    for (number, folder) in ["index", "snapshots"].into_iter().enumerate() {
        let at = 30 + 60 * u64::try_from(number).unwrap();
        let (there, away) = (town.path("disk/database").join(folder), town.path("away"));
        fs::rename(&there, &away).unwrap();
        tidied("away", at).ok();
        fs::create_dir(&there).unwrap();
        tidied("empty", at + 30).ok();
        fs::remove_dir(&there).unwrap();
        fs::rename(&away, &there).unwrap();
        for path in names(&town, folder) {
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            tidied("spoiled", at + 31).unwrap_err();
            fs::remove_file(&path).unwrap();
            if folder == "index" {
                tidied("missing", at + 32).unwrap_err();
            }
            fs::write(&path, &whole).unwrap();
        }
    }
    town.vault.tidy("disk", Part::Database, hours(200)).unwrap();
    assert!(left.iter().all(|pack| !pack.exists()));
    is_sound(&town);
}
