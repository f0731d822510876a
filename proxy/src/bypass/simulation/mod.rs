//! Ten thousand lives of a bypass in a moment: edges, servers, persons and clocks fail by a seeded
//! dice, and the rules of `docs/decisions/bypass.md` are looked at after each step.
//!
//! - `rules.rs`: the rules, and faults of the machine that break them.
//! - `world.rs`: the zone, its servers, readers; `edge.rs`: edges; `play.rs`: what happens.
//!
//! A broken rule prints its seed and the whole story; `YAGURA_SEED` plays one seed alone,
//! `YAGURA_SEEDS` another number of them.

mod dice;
mod edge;
mod play;
mod rules;
mod world;

use std::collections::HashMap;

use super::stage::Stage;
use play::play;
use rules::Sabotage;

/// Steps that must all be taken now and then.
const STEPS: [(Stage, Stage); 18] = [
    (Stage::Cloud, Stage::Armed),
    (Stage::Armed, Stage::Cloud),
    (Stage::Armed, Stage::Open),
    (Stage::Open, Stage::DnsChanging),
    (Stage::Open, Stage::Verifying),
    (Stage::Open, Stage::DnsReturning),
    (Stage::DnsChanging, Stage::Verifying),
    (Stage::DnsChanging, Stage::DnsReturning),
    (Stage::Verifying, Stage::Bypass),
    (Stage::Verifying, Stage::DnsReturning),
    (Stage::Bypass, Stage::DnsReturning),
    (Stage::Bypass, Stage::Open),
    (Stage::DnsReturning, Stage::ReturnVerifying),
    (Stage::ReturnVerifying, Stage::Draining),
    (Stage::ReturnVerifying, Stage::DnsReturning),
    (Stage::Draining, Stage::Cloud),
    (Stage::Draining, Stage::DnsReturning),
    (Stage::Draining, Stage::Open),
];

/// How many stories are played.
const SEEDS: u64 = 10_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Plays a seed, and prints its story when a rule is broken.
fn must_hold(seed: u64) -> Vec<(Stage, Stage)> {
    let played = play(seed, None, false);
    if let Some(broken) = played.broken {
        let story = play(seed, None, true).story.join("\n");
        panic!("seed {seed}: {broken}\n{story}");
    }
    played.steps
}

#[test]
fn the_rules_hold_in_ten_thousand_lives() {
    if let Some(seed) = number("YAGURA_SEED") {
        must_hold(seed);
        return;
    }
    let seeds = number("YAGURA_SEEDS").unwrap_or(SEEDS);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let play_from = |first: u64| {
        let mut taken: HashMap<(Stage, Stage), u64> = HashMap::new();
        for seed in (first..seeds).step_by(threads as usize) {
            for step in must_hold(seed) {
                *taken.entry(step).or_default() += 1;
            }
        }
        taken
    };
    let taken: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || play_from(first)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    // The lives are worth something only when each step is taken in many of them.
    let count = |step| {
        taken
            .iter()
            .filter_map(|taken| taken.get(&step))
            .sum::<u64>()
    };
    for (from, to) in STEPS {
        let count = count((from, to));
        println!("{count:>7}  {from} -> {to}");
        assert!(
            count * 1000 >= seeds,
            "{from} -> {to} was taken {count} times alone"
        );
    }
}

#[test]
fn every_fault_of_the_machine_is_found_and_tells_its_seed() {
    for (sabotage, rules) in Sabotage::ALL {
        let found = (0..2_000).find(|seed| {
            let broken = play(*seed, Some(sabotage), false).broken;
            broken.is_some_and(|broken| rules.contains(&broken.rule))
        });
        let seed = found.unwrap_or_else(|| panic!("{sabotage:?} is not found"));
        let again = play(seed, Some(sabotage), true);
        let told = format!("BROKEN {}", again.broken.unwrap());
        println!("{sabotage:?}: seed {seed}: {told}");
        assert!(
            again.story.iter().any(|line| line.ends_with(&told)),
            "{sabotage:?}"
        );
    }
}

#[test]
fn a_seed_tells_the_same_story_every_time() {
    for seed in 0..20 {
        assert_eq!(play(seed, None, true).story, play(seed, None, true).story);
    }
}
