//! Requests of which is known what must become of them. That a library has loaded its rules says
//! nothing: rules can be read without an error and never match. So no worker counts before these.

use crate::request::Request;
use crate::set::{self, Sample};

/// Those that must be refused.
const ATTACKS: &str = include_str!("../rules/canaries-attacks.jsonl");
/// Those that must pass.
const ORDINARY: &str = include_str!("../rules/canaries-ordinary.jsonl");

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// What it is called.
    pub name: String,
    /// Whether it must be refused.
    pub attack: bool,
    /// The request.
    pub request: Request,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Canary> {
    let read = |text, attack| {
        let samples = set::read(text).unwrap_or_default();
        let canary = move |sample: Sample| Canary {
            request: sample.request("canary"),
            name: sample.name,
            attack,
        };
        samples.into_iter().map(canary)
    };
    read(ATTACKS, true).chain(read(ORDINARY, false)).collect()
}

/// What went otherwise than it must, in words; nothing when all is well.
pub fn wrong(mut refuses: impl FnMut(&Request) -> bool) -> Vec<String> {
    let all = all();
    let wrong = all
        .iter()
        .filter(|canary| refuses(&canary.request) != canary.attack);
    wrong
        .map(|canary| match canary.attack {
            true => format!("the attack \"{}\" passes", canary.name),
            false => format!("the ordinary request \"{}\" is refused", canary.name),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_ten_of_each_and_both_ways_of_being_useless_are_seen() {
        let count = |attack| all().iter().filter(|one| one.attack == attack).count();
        assert!(count(true) >= 10 && count(false) >= 10);
        assert_eq!(wrong(|_| false).len(), count(true));
        assert_eq!(wrong(|_| true).len(), count(false));
    }
}
