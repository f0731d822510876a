//! Power cuts at every change the store makes to its disk, and disks that stop taking anything.
//!
//! A history of fills, replacements, takedowns and sweeps runs on a simulated disk that loses its
//! power at a given change. What is found after it is switched on again is compared with what was
//! written, and with what the store had acknowledged. The same runs with syncs that do nothing
//! must be found out, or the test would prove nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use yagura_control::Timestamp;

use super::retention::Rules;
use super::simulated::{Cut, Fault, Simulated, Syncs};
use super::{Kept, LastGood};
use crate::cache::stored::Stored;
use crate::cache::stored::tests::response;

const FOLDER: &str = "/last-good";
const RULES: Rules = Rules {
    quota_bytes: 1 << 30,
    keep: Duration::from_secs(1),
};
const HONEST: Syncs = Syncs {
    of_files: true,
    of_folders: true,
};
const KEYS: usize = 5;
const STEPS: usize = 30;
const SEEDS: u64 = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    Remove(usize),
    Sweep(usize),
    Sync,
}

fn history(seed: u64) -> Vec<Step> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut step = || match chance.random_range(0..10) {
        0..5 => Step::Write(chance.random_range(0..KEYS)),
        5 => Step::Remove(chance.random_range(0..KEYS)),
        6 => Step::Sweep(chance.random_range(0..KEYS)),
        _ => Step::Sync,
    };
    (0..STEPS).map(|_| step()).collect()
}

fn key(number: usize) -> String {
    format!("town\n\n/{number}")
}

/// The copy of a key that the step with this number writes.
fn copy(number: usize, step: usize) -> Stored {
    let mut stored = response(&key(number), "", "page-1", Timestamp(step as u64));
    stored.body = format!("page {number} as of step {step}").repeat(3).into();
    stored
}

fn open(disk: &Simulated) -> LastGood<Simulated> {
    LastGood::open_on(disk.clone(), Path::new(FOLDER), RULES)
}

/// What may be found under a key: what was acknowledged, or anything attempted since.
#[derive(Default)]
struct Expected(BTreeMap<usize, Vec<Option<usize>>>);

impl Expected {
    fn attempted(&mut self, number: usize, state: Option<usize>) {
        self.0.entry(number).or_insert(vec![None]).push(state);
    }

    fn acknowledged(&mut self) {
        for states in self.0.values_mut() {
            states.drain(..states.len() - 1);
        }
    }
}

/// Runs a history; gives what may be found after it.
fn run(store: &LastGood<Simulated>, steps: &[Step]) -> Expected {
    let mut expected = Expected::default();
    for (now, step) in steps.iter().enumerate() {
        match *step {
            Step::Write(number) => {
                expected.attempted(number, Some(now));
                store.write(&copy(number, now));
            }
            Step::Remove(number) => {
                expected.attempted(number, None);
                store.remove(&key(number));
            }
            Step::Sweep(number) => {
                expected.attempted(number, None);
                store.sweep(|stored| stored.key == key(number));
            }
            Step::Sync => {
                // Without power nothing is acknowledged to anybody.
                if store.sync().is_ok() && !store.disk.is_failing() {
                    expected.acknowledged();
                }
            }
        }
    }
    expected
}

/// What is wrong with a store after a cut.
fn wrong(store: &LastGood<Simulated>, disk: &Simulated, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    store.take_stock();
    let mut found = 0;
    for (number, states) in &expected.0 {
        let read = store.read(&key(*number), Timestamp::ZERO);
        found += u64::from(read.is_some());
        let is_expected = |state: &Option<usize>| match (state, &read) {
            (None, None) => true,
            (Some(step), Some(read)) => *read == copy(*number, *step),
            _ => false,
        };
        if !states.iter().any(is_expected) {
            wrong.push(format!("key {number}: {read:?} is none of {states:?}"));
        }
    }
    let status = store.status();
    if status.damaged > 0 {
        wrong.push(format!("{} copies are torn", status.damaged));
    }
    if status.entries != found {
        wrong.push(format!("{} copies counted, {found} there", status.entries));
    }
    let files = disk.files().len() as u64;
    if files != found {
        wrong.push(format!("{files} files for {found} copies"));
    }
    wrong
}

/// Cuts the power at every change of every history, in every way; gives what was wrong after any.
fn after_every_cut(syncs: Syncs) -> (usize, Vec<String>) {
    let fresh = Simulated::new(syncs);
    open(&fresh);
    let (mut cuts, mut found) = (0, Vec::new());
    for seed in 0..SEEDS {
        let steps = history(seed);
        let whole = fresh.copied();
        run(&open(&whole), &steps);
        for change in 0..=whole.counts().changes {
            let disk = fresh.copied();
            disk.fail_from(change, Fault::Off);
            let expected = run(&open(&disk), &steps);
            for cut in [
                Cut::LosesAll,
                Cut::KeepsNames,
                Cut::KeepsSome(seed * 1000 + change as u64),
                Cut::KeepsAll,
            ] {
                let after = disk.after(cut);
                let wrong = wrong(&open(&after), &after, &expected);
                found.extend(
                    wrong
                        .into_iter()
                        .map(|what| format!("seed {seed}, change {change}, {cut:?}: {what}")),
                );
                cuts += 1;
            }
        }
    }
    (cuts, found)
}

#[test]
fn after_a_power_cut_at_any_instant_every_copy_is_whole_and_what_was_acknowledged_is_there() {
    let (cuts, wrong) = after_every_cut(HONEST);
    println!("{cuts} power cuts, {} of them did harm", wrong.len());
    assert!(cuts > 1000, "only {cuts} cuts");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_power_cuts_find_out_a_store_that_does_not_sync_files() {
    let (_, wrong) = after_every_cut(Syncs {
        of_files: false,
        ..HONEST
    });
    assert!(wrong.iter().any(|what| what.contains("torn")), "{wrong:?}");
}

#[test]
fn the_power_cuts_find_out_a_store_that_does_not_sync_folders() {
    // The folders themselves are made by an honest disk, or nothing would be left at all.
    let fresh = Simulated::new(Syncs {
        of_folders: false,
        ..HONEST
    });
    open(&fresh);
    let disk = fresh.after(Cut::KeepsAll);
    let expected = run(&open(&disk), &[Step::Write(0), Step::Sync]);
    let after = disk.after(Cut::LosesAll);
    assert!(!wrong(&open(&after), &after, &expected).is_empty());

    let expected = run(
        &open(&disk),
        &[Step::Write(0), Step::Sync, Step::Sweep(0), Step::Sync],
    );
    let kept = disk.after(Cut::KeepsAll);
    assert!(wrong(&open(&kept), &kept, &expected).is_empty());
}

#[test]
fn a_power_cut_while_the_folders_are_made_costs_nothing() {
    let whole = Simulated::new(HONEST);
    open(&whole);
    for change in (0..=whole.counts().changes).step_by(7) {
        for cut in [Cut::LosesAll, Cut::KeepsSome(change as u64), Cut::KeepsAll] {
            let disk = Simulated::new(HONEST);
            disk.fail_from(change, Fault::Off);
            open(&disk);
            let disk = disk.after(cut);
            let store = open(&disk);
            assert_eq!(store.write(&copy(0, 1)), Kept::Yes, "change {change}");
            store.sync().unwrap();
            let after = disk.after(Cut::LosesAll);
            let read = open(&after).read(&key(0), Timestamp::ZERO);
            assert_eq!(read, Some(copy(0, 1)), "change {change}, {cut:?}");
        }
    }
}

#[test]
fn a_disk_that_stops_taking_anything_loses_nothing_and_is_used_again_when_it_takes_again() {
    let later = |step: usize| Timestamp(step as u64 + 60_000);
    for fault in [Fault::Full, Fault::ReadOnly, Fault::Broken] {
        for change in 0..16 {
            let disk = Simulated::new(HONEST);
            let store = open(&disk);
            for number in 0..3 {
                assert_eq!(store.write(&copy(number, 1)), Kept::Yes);
            }
            disk.fail_from(disk.counts().changes + change, fault);
            let mut now = [1; KEYS];
            for step in 2..10 {
                let number = step % KEYS;
                if store.write(&copy(number, step)) == Kept::Yes {
                    now[number] = step;
                }
            }
            let status = store.status();
            assert!(status.degraded.is_some(), "{fault:?} from {change}");
            assert!(store.is_disk_failing());
            for (number, step) in now.iter().enumerate().take(3) {
                let read = store.read(&key(number), Timestamp::ZERO);
                let expected = (fault != Fault::Broken).then(|| copy(number, *step));
                assert_eq!(read, expected, "{fault:?} from {change}");
            }

            store.try_again(later(10));
            assert!(store.status().degraded.is_some(), "it still fails");
            disk.mend();
            store.try_again(later(20_000));
            assert_eq!(store.status().degraded, None, "{fault:?} from {change}");
            for number in 0..KEYS {
                assert_eq!(store.write(&copy(number, 20)), Kept::Yes);
                let read = store.read(&key(number), Timestamp::ZERO);
                assert_eq!(read, Some(copy(number, 20)));
            }
            store.sync().unwrap();
            let again = open(&disk);
            again.take_stock();
            assert_eq!(again.status().entries, KEYS as u64);
            assert_eq!(disk.files().len(), KEYS, "half-written files are left");
            assert_eq!((status.damaged, again.status().damaged), (0, 0));
        }
    }
}

#[test]
fn a_folder_that_cannot_be_synced_is_an_alarm_and_is_synced_later() {
    let disk = Simulated::new(HONEST);
    let store = open(&disk);
    assert_eq!(store.write(&copy(0, 1)), Kept::Yes);
    disk.fail_from(disk.counts().changes, Fault::Broken);
    assert!(store.sync().is_err());
    assert!(store.status().degraded.is_some());
    disk.mend();
    store.sync().unwrap();
    store.try_again(Timestamp(60_000));
    assert_eq!(store.status().degraded, None);
    let after = disk.after(Cut::LosesAll);
    let read = open(&after).read(&key(0), Timestamp::ZERO);
    assert_eq!(read, Some(copy(0, 1)));
}

#[test]
fn a_disk_that_cannot_be_written_at_the_start_is_an_alarm_and_no_more() {
    let disk = Simulated::new(HONEST);
    disk.fail_from(0, Fault::ReadOnly);
    let store = open(&disk);
    assert!(store.status().degraded.is_some());
    assert_eq!(store.read(&key(0), Timestamp::ZERO), None);
    disk.mend();
    assert_eq!(store.write(&copy(0, 1)), Kept::Yes);
    assert_eq!(store.read(&key(0), Timestamp::ZERO), Some(copy(0, 1)));
}

#[test]
fn opening_looks_at_no_copy_however_many_there_are() {
    const COPIES: usize = 100_000;
    let disk = Simulated::new(HONEST);
    let store = open(&disk);
    for number in 0..COPIES {
        assert_eq!(store.write(&copy(number, 1)), Kept::Yes);
    }
    let filled = disk.copied();
    open(&filled);
    let empty = Simulated::new(HONEST);
    open(&empty);
    let emptied = empty.copied();
    open(&emptied);
    assert_eq!(filled.counts(), emptied.counts());
    let counts = filled.counts();
    assert_eq!((counts.reads, counts.facts, counts.lists), (0, 0, 0));
    let again = open(&filled);
    assert_eq!(again.read(&key(77), Timestamp::ZERO), Some(copy(77, 1)));
    assert_eq!(filled.counts().reads, 1, "a copy is found without a search");
}
