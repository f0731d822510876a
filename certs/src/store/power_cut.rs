//! Power cuts at every change the store makes to its disk.
//!
//! A history of saves, rollbacks and switches runs on a simulated disk that loses its power at a
//! given change. What is found after it is switched on again must be what was there before the act
//! that was cut off, or what that act was to bring: whole, never between. The same runs with syncs
//! that do nothing must be found out, or the test would prove nothing.

use std::path::Path;

use yagura_control::Timestamp;

use super::simulated::{Cut, Simulated, Syncs};
use super::{Brought, How, Pem, Versions};
use crate::CertError;

const HONEST: Syncs = Syncs {
    of_files: true,
    of_folders: true,
};
const CUTS: [Cut; 8] = [
    Cut::LosesAll,
    Cut::KeepsNames,
    Cut::KeepsAll,
    Cut::KeepsSome(1),
    Cut::KeepsSome(2),
    Cut::KeepsSome(3),
    Cut::KeepsSome(4),
    Cut::KeepsSome(5),
];

#[derive(Clone, Copy, Debug)]
enum Act {
    Save,
    Rollback,
}

/// Long enough for versions to be pruned.
const HISTORY: [Act; 11] = [
    Act::Save,
    Act::Save,
    Act::Rollback,
    Act::Save,
    Act::Save,
    Act::Save,
    Act::Save,
    Act::Rollback,
    Act::Rollback,
    Act::Save,
    Act::Save,
];

fn pem(number: usize) -> Pem {
    Pem {
        chain: format!("the chain of act {number}"),
        key: format!("the key of act {number}"),
    }
}

fn open(disk: &Simulated) -> Versions<Simulated> {
    Versions::on(disk.clone(), Path::new("/data/certs"))
}

fn brought() -> Brought {
    Brought {
        how: How::Rollback,
        by: "a test".into(),
        at: Timestamp(0),
    }
}

/// Runs the history; gives what was present after each act that was acknowledged, and what the
/// act that was cut off was to bring.
fn run(store: &Versions<Simulated>) -> (Option<Pem>, Option<Pem>) {
    let (mut present, mut saved): (Option<Pem>, Vec<Pem>) = (None, Vec::new());
    let mut at = 0;
    for (number, act) in HISTORY.into_iter().enumerate() {
        let (result, brings, position) = match act {
            Act::Save => {
                let result = store.save("town", &pem(number), None).map(|_| ());
                (result, pem(number), saved.len())
            }
            Act::Rollback => {
                let result = store.rollback("town", brought(), |_| Ok(()));
                (result.map(|_| ()), saved[at - 1].clone(), at - 1)
            }
        };
        if result.is_err() {
            return (present, Some(brings));
        }
        if position == saved.len() {
            saved.push(brings.clone());
        }
        (present, at) = (Some(brings), position);
    }
    (present, None)
}

/// Whether a store is sound after a cut: the old or the new, whole, and able to go on.
fn verdict(disk: &Simulated, old: Option<&Pem>, new: Option<&Pem>) -> Result<(), String> {
    let store = open(disk);
    let told = |error: CertError| error.to_string();
    let found = store.load("town").map_err(told)?;
    if found.as_ref() != old && found.as_ref() != new {
        return Err("neither the old nor the new is there".to_owned());
    }
    for version in store.all("town").map_err(told)? {
        let read = store.read("town", version).map_err(told)?;
        let whole = |number: usize| read == pem(number);
        if !(0..HISTORY.len()).any(whole) {
            return Err(format!("version {version} is not whole"));
        }
    }
    store.save("town", &pem(99), None).map_err(told)?;
    match store.load("town").map_err(told)? {
        Some(found) if found == pem(99) => Ok(()),
        _ => Err("it does not go on".to_owned()),
    }
}

fn faults(syncs: Syncs) -> Vec<String> {
    let whole = Simulated::new(syncs, usize::MAX);
    assert!(run(&open(&whole)).1.is_none());
    let mut faults = Vec::new();
    for power_until in 0..=whole.changes() {
        let disk = Simulated::new(syncs, power_until);
        let (old, new) = run(&open(&disk));
        for cut in CUTS {
            if let Err(fault) = verdict(&disk.after(cut), old.as_ref(), new.as_ref()) {
                faults.push(format!("change {power_until}, {cut:?}: {fault}"));
            }
        }
    }
    faults
}

#[test]
fn a_power_cut_at_any_change_leaves_the_old_version_or_the_new_one_whole() {
    let faults = faults(HONEST);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn syncs_that_do_nothing_are_found_out() {
    for (of_files, of_folders) in [(false, true), (true, false)] {
        let found = faults(Syncs {
            of_files,
            of_folders,
        });
        assert!(!found.is_empty(), "files {of_files}, folders {of_folders}");
    }
}
