//! `[backup]`: what is read, what holds when it is left out, and the contract's floor.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends with what it saw"
)]

use std::path::Path;
use std::time::Duration;

use yagura_config::Faults;
use yagura_config::parse;
use yagura_config::settings::{KeepSettings, PlaceSettings, Settings};

const BARE: &str = "[backup]\npassword_file = \"p\"\ndatabase = \"sqlite:cms.db\"\n\
media = \"media\"\ndata = \"state\"\n";
const TARGET: &str = "[[backup.target]]\nname = \"disk\"\nfolder = \"/srv/b\"\n";

fn read(text: &str) -> Result<Settings, Faults> {
    parse(text, Path::new("/srv/yagura/y.toml"))
}

#[test]
fn the_example_shows_every_key() {
    let town = read(include_str!("../examples/whole-town.toml")).unwrap();
    let backup = town.backup.unwrap();
    assert_eq!(backup.keep, KeepSettings::default());
    let names: Vec<&str> = backup.targets.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["second-disk", "data-center", "prefecture"]);
    assert_eq!(backup.targets[1].bandwidth, Some(4 << 20));
    assert!(backup.scratch_database.is_some() && backup.database_admin.is_some());
    for secret in ["cms.db", "scratch.example", "db.example"] {
        assert!(!format!("{backup:?}").contains(secret));
    }
}

#[test]
fn little_is_enough() {
    let backup = read(&format!("{BARE}{TARGET}")).unwrap().backup.unwrap();
    assert_eq!(backup.every, Duration::from_secs(60));
    assert_eq!(backup.also, [Path::new("/srv/yagura/y.toml")]);
    assert!(!backup.private_keys);
    let folder = PlaceSettings::Folder("/srv/b".into());
    assert_eq!(backup.targets[0].place, folder);
}

#[test]
fn faults_are_named() {
    for (more, expected) in [
        (String::new(), "the backup has nowhere to go"),
        (format!("every = \"2d\"\n{TARGET}"), "days would pass"),
        (format!("[backup.keep]\ndaily = 2\n{TARGET}"), "two back"),
        (
            format!("alarm_after = \"30min\"\n{TARGET}"),
            "stand between two",
        ),
        (
            format!("scratch_database = \"sqlite:x\"\n{TARGET}"),
            "no URL of a PostgreSQL database",
        ),
        (format!("{TARGET}{TARGET}"), "two targets are called"),
        (format!("{TARGET}rest = \"https://h/\"\n"), "in one place"),
        (
            "[[backup.target]]\nname = \"a\"\nrest = \"https://u:secret@h/\"\n".to_owned(),
            "keys of their own",
        ),
        (
            "[[backup.target]]\nname = \"a\"\nrclone = \"s:x\"\n".to_owned(),
            "what the remote is",
        ),
        (
            "[[backup.target]]\nname = \"A b\"\nfolder = \"x\"\n".to_owned(),
            "cannot be a target",
        ),
    ] {
        let told = read(&format!("{BARE}{more}")).unwrap_err().to_string();
        assert!(told.contains(expected), "{more}\n{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}
