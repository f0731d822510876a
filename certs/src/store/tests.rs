//! The store on the machine's own disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use yagura_control::Timestamp;

use super::*;
use crate::LocalAuthority;

const NOW: Timestamp = Timestamp(1_795_400_000_000);

fn pem(text: &str) -> Pem {
    Pem {
        chain: format!("chain {text}"),
        key: format!("key {text}"),
    }
}

fn issued(folder: &Path) -> Pem {
    let authority = LocalAuthority::open_or_make(folder, NOW).unwrap();
    authority.issue(&["town.example".to_owned()], NOW).unwrap()
}

fn brought(how: How) -> Brought {
    Brought {
        how,
        by: "tanaka".into(),
        at: NOW,
    }
}

#[test]
fn the_newest_version_is_the_present_one_and_the_old_can_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    assert!(store.load("town").unwrap().is_none());
    assert_eq!(store.save("town", &pem("one")).unwrap(), 1);
    assert_eq!(store.save("town", &pem("two")).unwrap(), 2);
    assert_eq!(store.load("town").unwrap().unwrap().chain, "chain two");
    store.switch_to("town", 1).unwrap();
    assert_eq!(store.load("town").unwrap().unwrap().chain, "chain one");
    assert_eq!(store.save("town", &pem("three")).unwrap(), 3);
}

#[test]
fn keys_are_private() {
    let folder = tempfile::tempdir().unwrap();
    Store::new(folder.path()).save("town", &pem("one")).unwrap();
    let key = folder.path().join("town/0001/key.pem");
    let mode = fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!format!("{:?}", pem("secret")).contains("secret"));
}

#[test]
fn a_version_says_who_brought_it_and_which_certificate_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let pem = issued(folder.path());
    store.save_from("town", &pem, brought(How::Hand)).unwrap();
    let about = store.about("town", 1).unwrap();
    assert_eq!(about.brought.as_ref().unwrap().how, How::Hand);
    assert_eq!(about.brought.unwrap().by, "tanaka");
    let leaf = CertificateDer::from_pem_slice(pem.chain.as_bytes()).unwrap();
    assert_eq!(about.sha256, crate::inspect::sha256(&leaf));
}

#[test]
fn rollback_takes_the_version_before_and_writes_down_who_did_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let (first, second) = (issued(folder.path()), issued(folder.path()));
    let nothing = store.rollback("town", brought(How::Rollback)).unwrap_err();
    assert!(nothing.to_string().contains("no version"), "{nothing}");
    store.save("town", &first).unwrap();
    assert!(store.rollback("town", brought(How::Rollback)).is_err());
    store.save("town", &second).unwrap();
    let done = store.rollback("town", brought(How::Rollback)).unwrap();
    assert_eq!((done.from, done.to), (2, 1));
    assert_eq!(store.load("town").unwrap().unwrap(), first);
    let record = fs::read_to_string(folder.path().join("town/rollbacks.jsonl")).unwrap();
    let line: RolledBack = serde_json::from_str(record.trim()).unwrap();
    assert_eq!(line, done);
}

#[test]
fn a_rollback_to_a_damaged_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.save("town", &issued(folder.path())).unwrap();
    store.save("town", &issued(folder.path())).unwrap();
    fs::write(folder.path().join("town/0001/key.pem"), "torn").unwrap();
    assert!(store.rollback("town", brought(How::Rollback)).is_err());
    assert_eq!(store.current("town").unwrap(), Some(2));
}

#[test]
fn a_rollback_to_a_version_that_is_over_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.save("town", &issued(folder.path())).unwrap();
    store.save("town", &issued(folder.path())).unwrap();
    let late = Brought {
        at: NOW.plus(std::time::Duration::from_secs(91 * 86_400)),
        ..brought(How::Rollback)
    };
    let told = store.rollback("town", late).unwrap_err().to_string();
    assert!(told.contains("expired at"), "{told}");
    assert_eq!(store.current("town").unwrap(), Some(2));
}

#[test]
fn of_many_versions_the_newest_five_the_present_and_the_one_before_it_stay() {
    assert_eq!(superfluous(&[1, 2, 3, 4, 5], 5, Some(4)), [0_u32; 0]);
    assert_eq!(superfluous(&[1, 2, 3, 4, 5, 6, 7], 7, Some(6)), [1, 2]);
    assert_eq!(superfluous(&[1, 2, 3, 4, 5, 6, 7], 2, Some(2)), [0_u32; 0]);
    assert_eq!(superfluous(&[1, 2, 3, 4, 5, 6, 7, 8], 8, Some(2)), [1, 3]);

    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    for number in 1..=9 {
        store.save("town", &pem(&number.to_string())).unwrap();
    }
    assert_eq!(store.versions("town").unwrap(), [5, 6, 7, 8, 9]);
}

#[test]
fn a_damaged_present_version_gives_way_to_the_newest_older_one_that_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    assert!(store.load_usable("town").unwrap().is_none());
    let versions: Vec<Pem> = (0..3).map(|_| issued(folder.path())).collect();
    for version in &versions {
        store.save("town", version).unwrap();
    }
    let mixed = Pem {
        chain: versions[0].chain.clone(),
        key: versions[1].key.clone(),
    };
    store.save("town", &mixed).unwrap();
    fs::write(folder.path().join("town/0003/chain.pem"), [0xff; 20]).unwrap();
    let usable = store.load_usable("town").unwrap().unwrap();
    assert_eq!(usable.version, 2);
    let wrong: Vec<u32> = usable.passed_over.iter().map(|(it, _)| *it).collect();
    assert_eq!(wrong, [4, 3]);
    let words = usable.passed_over[0].1.to_string();
    assert!(words.contains("another certificate"), "{words}");

    fs::write(folder.path().join("town/current"), "torn").unwrap();
    assert_eq!(store.load_usable("town").unwrap().unwrap().version, 2);
    fs::write(folder.path().join("town/current"), "1").unwrap();
    fs::remove_file(folder.path().join("town/0001/key.pem")).unwrap();
    let newer = store.load_usable("town").unwrap().unwrap();
    assert_eq!(newer.version, 2, "a newer one is better than none");
}

#[test]
fn names_are_those_of_folders() {
    for (name, good) in [
        ("town", true),
        ("www.town.example", true),
        ("", false),
        ("..", false),
        (".hidden", false),
        ("a/b", false),
        ("市", false),
    ] {
        assert_eq!(is_name(name), good, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    store.save("town", &pem("one")).unwrap();
    fs::write(folder.path().join("local-ca.pem"), "a file").unwrap();
    assert_eq!(store.names().unwrap(), ["town"]);
}
