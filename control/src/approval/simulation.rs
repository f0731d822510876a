//! Many seeded stories of several edges: people ask, decide, refuse, take back and review in any
//! order, also what is not theirs; time passes; edges crash between a step and what follows from it,
//! and read their journals again. After each step holds:
//!
//! 1. An order is carried out only when so many different people approved it as the rule says, none of
//!    them who asked, each in time; or when it was given with break-glass.
//! 2. It is carried out once.
//! 3. A decision counts for the content that was decided about: the digest is that of the content.
//! 4. What is over stays over; only a review is added to what was done without approval.
//! 5. Nothing is carried out, and nothing approved, at or after its end.
//! 6. Reading the journal again gives the same requests.
//! 7. What was done without approval stays flagged until another person reviewed it.
//! 8. The same request has the same name at every edge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::Timestamp;
use crate::order::{Decision, NoticeOf, Order, RequestState};

const SEEDS: u64 = 10_000;
const STEPS: usize = 60;
const EDGES: usize = 2;
const PEOPLE: [&str; 4] = ["hanako", "taro", "jiro", "edge east"];
const SITES: [&str; 2] = ["town", "museum"];

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len())]
    }
}

#[derive(Default)]
struct Edge {
    requests: Requests,
    journal: Vec<Step>,
    /// Carried out, in this order, with when.
    carried_out: Vec<(RequestId, Timestamp)>,
}

impl Edge {
    fn take(&mut self, step: Step) {
        // The journal first, then what is in memory, as the switchboard does.
        self.journal.push(step.clone());
        self.requests.take(&step);
    }

    fn carry_out(&mut self, now: Timestamp, fails: bool) {
        let due: Vec<_> = self.requests.to_be_carried_out(now).cloned().collect();
        for request in due {
            let (request, at) = (request.id, now);
            if fails {
                let why = "the site is gone".to_owned();
                self.take(Step::Failed { request, at, why });
            } else {
                self.carried_out.push((request.clone(), now));
                let number = self.carried_out.len() as u64;
                self.take(Step::Done {
                    request,
                    at,
                    number,
                });
            }
        }
    }

    fn crash(&mut self) {
        let mut again = Requests::default();
        self.journal.iter().for_each(|step| again.take(step));
        assert_eq!(again, self.requests, "6: the journal says something else");
        self.requests = again;
    }
}

/// What is broken on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Nothing,
    OwnApproval,
    SameApproverTwice,
    OtherContent,
    TooLate,
    ReviewByWhoDidIt,
    DoneTwice,
}

struct Story {
    dice: Dice,
    now: Timestamp,
    edges: [Edge; EDGES],
    over: BTreeMap<(usize, RequestId), RequestState>,
    /// As they were when they were found right.
    seen: BTreeMap<(usize, RequestId), Request>,
    broken: Broken,
    told: Vec<String>,
}

impl Story {
    fn new(seed: u64, broken: Broken) -> Self {
        Self {
            dice: Dice(seed),
            now: Timestamp(1_000_000),
            edges: Default::default(),
            over: BTreeMap::new(),
            seen: BTreeMap::new(),
            broken,
            told: Vec::new(),
        }
    }

    fn rule() -> Rule {
        Rule {
            quorum: 2,
            role: "approver",
            lasts: Duration::from_millis(100),
            review_within: Duration::from_millis(300),
        }
    }

    fn ask(&mut self) {
        let asked = Asked {
            order: Order::LowerNotice(NoticeOf {
                site: self.dice.of(&SITES).to_owned(),
            }),
            by: person(self.dice.of(&PEOPLE)),
            reason: format!("reason {}", self.now.0 / 50),
            at: Some(self.now),
            rule: Self::rule(),
            break_glass: (self.dice.below(6) == 0).then_some(Duration::from_millis(150)),
        };
        self.told.push(format!("{} {asked:?}", self.now.0));
        let mut names = BTreeSet::new();
        for edge in &mut self.edges {
            if self.dice.below(4) > 0
                && let Ok(Judged::New(mut step)) = edge.requests.ask(asked.clone(), self.now)
            {
                if self.broken == Broken::OtherContent
                    && let Step::Asked { request } = &mut *step
                {
                    request.reason.push_str(", and more");
                }
                names.insert(step.request().clone());
                edge.take(*step);
            }
        }
        assert!(names.len() <= 1, "8: the edges call it differently");
    }

    fn decide(&mut self) {
        let at = self.dice.below(EDGES);
        let edge = &mut self.edges[at];
        let all = edge.requests.all();
        let Some(request) = all.get(self.dice.below(all.len().max(1))).copied() else {
            return;
        };
        let (id, digest) = (request.id.clone(), request.digest);
        let mut by = person(self.dice.of(&PEOPLE));
        let digest = match self.dice.below(8) {
            0 => crate::hash::Hash::of(b"another"),
            _ => digest,
        };
        let decision = match self.dice.below(5) {
            0 => Decision::Refuse {
                reason: "no".to_owned(),
            },
            _ => Decision::Approve,
        };
        self.told.push(format!(
            "{} edge {at}: {by:?} {decision:?} {id}",
            self.now.0
        ));
        let judged = edge.requests.decide(&id, digest, &by, &decision, self.now);
        let forced = match self.broken {
            Broken::OwnApproval => {
                by.name.clone_from(&request.requester);
                request.state == RequestState::Waiting
            }
            Broken::SameApproverTwice | Broken::TooLate => request.state == RequestState::Waiting,
            _ => false,
        };
        let step = match judged {
            Ok(step) => step,
            Err(_) if forced => {
                let (request, at, proof) = (id, self.now, by.proof);
                let by = by.name;
                let decided = Decided {
                    by,
                    proof,
                    at,
                    decision,
                };
                Step::Decided { request, decided }
            }
            Err(_) => return,
        };
        edge.take(step);
    }

    fn others(&mut self) {
        let at = self.dice.below(EDGES);
        let by = person(self.dice.of(&PEOPLE));
        let edge = &mut self.edges[at];
        let all = edge.requests.all();
        let Some(request) = all.get(self.dice.below(all.len().max(1))).copied() else {
            return;
        };
        let id = request.id.clone();
        let judged = match self.dice.below(3) {
            0 => edge.requests.withdraw(&id, &by, self.now),
            _ if self.broken == Broken::ReviewByWhoDidIt && request.is_to_be_reviewed() => {
                Ok(Step::Reviewed {
                    request: id.clone(),
                    reviewed: Reviewed {
                        by: request.requester.clone(),
                        proof: by.proof,
                        at: self.now,
                        note: "right".to_owned(),
                    },
                })
            }
            _ => edge.requests.review(&id, &by, "seen", self.now),
        };
        if let Ok(step) = judged {
            self.told
                .push(format!("{} edge {at}: {step:?}", self.now.0));
            edge.take(step);
        }
    }

    fn step(&mut self) {
        match self.dice.below(10) {
            0..2 => self.ask(),
            2..6 => self.decide(),
            6 => self.others(),
            7 => {
                self.now = self.now.plus(Duration::from_millis(self.dice.next() % 60));
                if self.dice.below(2) == 0 {
                    let at = self.dice.below(EDGES);
                    let over = self.edges[at].requests.over(self.now);
                    over.into_iter().for_each(|step| self.edges[at].take(step));
                }
            }
            8 => {
                let at = self.dice.below(EDGES);
                self.told.push(format!("{} edge {at} crashes", self.now.0));
                self.edges[at].crash();
            }
            _ => {
                let at = self.dice.below(EDGES);
                let fails = self.dice.below(8) == 0;
                self.edges[at].carry_out(self.now, fails);
                if self.broken == Broken::DoneTwice
                    && let Some((id, _)) = self.edges[at].carried_out.first().cloned()
                {
                    self.edges[at].carried_out.push((id, self.now));
                }
            }
        }
    }

    /// What must hold, and what does not.
    fn check(&mut self) -> Result<(), String> {
        for (at, edge) in self.edges.iter().enumerate() {
            for request in edge.requests.all() {
                let key = (at, request.id.clone());
                if self.seen.get(&key) == Some(request) {
                    continue;
                }
                check_request(request)?;
                self.seen.insert(key.clone(), request.clone());
                if let Some(was) = self.over.get(&key)
                    && *was != request.state
                {
                    return Err(format!("4: {} was {was:?}: {request:?}", request.id));
                }
                if !request.state.is_open() {
                    self.over.insert(key, request.state);
                }
            }
            let ids: BTreeSet<_> = edge.carried_out.iter().map(|(id, _)| id).collect();
            if ids.len() != edge.carried_out.len() {
                return Err("2: something was carried out twice".to_owned());
            }
            for (id, when) in &edge.carried_out {
                let Some(request) = edge.requests.find(id) else {
                    continue;
                };
                if *when >= request.expires_at {
                    return Err(format!("5: carried out too late: {request:?}"));
                }
                if request.state != RequestState::Done {
                    return Err(format!("4: carried out, and not done: {request:?}"));
                }
            }
        }
        Ok(())
    }
}

fn check_request(request: &Request) -> Result<(), String> {
    let wrong = |rule: &str| Err(format!("{rule}: {request:?}"));
    let deciders: BTreeSet<_> = request.decisions.iter().map(|it| &it.by).collect();
    if deciders.len() != request.decisions.len() {
        return wrong("1: one person decided twice");
    }
    if deciders.contains(&request.requester) {
        return wrong("1: who asked decided");
    }
    if request
        .decisions
        .iter()
        .any(|it| it.at >= request.expires_at)
    {
        return wrong("5: decided too late");
    }
    let done = matches!(
        request.state,
        RequestState::Approved | RequestState::Done | RequestState::Failed
    );
    if done && request.break_glass.is_none() && !request.has_quorum() {
        return wrong("1: without approval");
    }
    let reviewed = request
        .break_glass
        .as_ref()
        .and_then(|it| it.reviewed.as_ref());
    match reviewed {
        Some(reviewed) if reviewed.by == request.requester => wrong("7: reviewed by who did it"),
        None if request.break_glass.is_some()
            && request.state == RequestState::Done
            && !request.is_to_be_reviewed() =>
        {
            wrong("7: not flagged")
        }
        _ => Ok(()),
    }
}

fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        proof: "uid 7".to_owned(),
    }
}

/// Tells the story of a seed until something is wrong.
fn story(seed: u64, broken: Broken) -> Result<(), String> {
    let mut story = Story::new(seed, broken);
    for _ in 0..STEPS {
        story.step();
        if let Err(what) = story.check() {
            return Err(format!("seed {seed}: {what}\n{}", story.told.join("\n")));
        }
    }
    // Once a story: the digest is what takes most time.
    for request in story.edges.iter().flat_map(|edge| edge.requests.all()) {
        let content = canonical::digest(&request.order, &request.requester, &request.reason);
        if request.digest != content || request.id != RequestId::of(content) {
            return Err(format!("seed {seed}: 3: of other content: {request:?}"));
        }
    }
    Ok(())
}

#[test]
fn in_every_story_the_rules_hold() {
    for seed in 0..SEEDS {
        if let Err(what) = story(seed, Broken::Nothing) {
            panic!("{what}");
        }
    }
}

#[test]
fn a_rule_that_is_broken_on_purpose_is_found() {
    for (broken, rule) in [
        (Broken::OwnApproval, "1: who asked decided"),
        (Broken::SameApproverTwice, "1: "),
        (Broken::OtherContent, "3: "),
        (Broken::TooLate, "5: decided too late"),
        (Broken::ReviewByWhoDidIt, "7: reviewed by who did it"),
        (Broken::DoneTwice, "2: "),
    ] {
        let found = (0..500).any(|seed| story(seed, broken).is_err_and(|what| what.contains(rule)));
        assert!(found, "{broken:?} is not found");
    }
}
