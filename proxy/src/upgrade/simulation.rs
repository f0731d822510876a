//! Upgrades with everything that may go wrong in between, by chance: two processes as far as they
//! matter to each other, whose words arrive late, and of which the new one dies at any instant.
//!
//! After every step: somebody accepts; nobody but one writes the journal; every order that was
//! accepted is in the plan of the one who takes orders.

use std::collections::VecDeque;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::machine::{Act, Event, Patience, State};

const PATIENCE: Patience = Patience {
    ready: Duration::from_secs(30),
    drain: Duration::from_secs(600),
    grace: Duration::from_secs(10),
};

/// What a process of the edge is at, as the other one and its readers see it.
#[derive(Clone, Debug, Default)]
struct Process {
    accepts: bool,
    owns: bool,
    /// Orders in its plan.
    plan: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    WaitingForSockets,
    Reading,
    WaitingForTheWord,
    Owning,
    Owner,
}

struct World {
    chance: ChaCha8Rng,
    now: Duration,
    state: State,
    old: Process,
    new: Option<(Process, Phase)>,
    journal: Vec<u32>,
    to_old: VecDeque<Event>,
    to_new: VecDeque<&'static str>,
    accepted: Vec<u32>,
    orders: u32,
    replies: u32,
    asked: u32,
    upgrades: u32,
    /// It was told to stop, so that nobody need answer.
    stopped: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            chance: ChaCha8Rng::seed_from_u64(seed),
            now: Duration::ZERO,
            state: State::Serving,
            old: Process {
                accepts: true,
                owns: true,
                plan: Vec::new(),
            },
            new: None,
            journal: Vec::new(),
            to_old: VecDeque::new(),
            to_new: VecDeque::new(),
            accepted: Vec::new(),
            orders: 0,
            replies: 0,
            asked: 0,
            upgrades: 0,
            stopped: false,
        }
    }

    fn happened(&mut self, event: Event) {
        if event == Event::Asked {
            self.asked += 1;
        }
        let (state, acts) = self.state.apply(event, self.now, &PATIENCE);
        self.state = state;
        for act in acts {
            self.carry_out(act);
            self.check();
        }
    }

    fn carry_out(&mut self, act: Act) {
        match act {
            Act::Check => {
                let unfit = self.chance.random_ratio(1, 8);
                self.to_old.push_back(if unfit {
                    Event::Unfit("the configuration".into())
                } else {
                    Event::Checked
                });
            }
            Act::Start => self.new = Some((Process::default(), Phase::Starting)),
            Act::Seal => self.old.owns = false,
            Act::Give => self.to_new.push_back("sockets"),
            Act::Kill => {
                self.new = None;
                // What it had said is of an upgrade that is over.
                self.to_old.clear();
                self.to_new.clear();
            }
            Act::Resume => {
                assert!(self.new.is_none(), "two would write");
                self.old.plan.clone_from(&self.journal);
                self.old.owns = true;
            }
            Act::Commit => self.to_new.push_back("yours"),
            Act::Leave => {
                self.old.accepts = false;
                if self.new.is_none() {
                    (self.stopped, self.old.owns) = (true, false);
                }
            }
            Act::Succeeded => {
                self.upgrades += 1;
                self.replies += 1;
            }
            Act::Refused(_) => self.replies += 1,
            Act::End => assert!(!self.old.accepts && !self.old.owns),
        }
    }

    /// One step of the new process, or its death.
    fn new_steps(&mut self, may_die: bool) {
        let Some((process, phase)) = &mut self.new else {
            return;
        };
        if may_die && *phase != Phase::Owner && self.chance.random_ratio(1, 12) {
            self.new = None;
            self.to_new.clear();
            self.to_old.push_back(Event::Failed("killed".into()));
            return;
        }
        match phase {
            Phase::Starting => {
                self.to_old.push_back(Event::Hello);
                *phase = Phase::WaitingForSockets;
            }
            Phase::WaitingForSockets => {
                if self.to_new.pop_front() == Some("sockets") {
                    *phase = Phase::Reading;
                }
            }
            Phase::Reading => {
                process.plan.clone_from(&self.journal);
                self.to_old.push_back(Event::Ready);
                *phase = Phase::WaitingForTheWord;
            }
            Phase::WaitingForTheWord => {
                if self.to_new.pop_front() == Some("yours") {
                    (process.accepts, process.owns) = (true, true);
                    *phase = Phase::Owning;
                }
            }
            Phase::Owning => {
                self.to_old.push_back(Event::Taken);
                *phase = Phase::Owner;
            }
            Phase::Owner => {
                // It is the old one of the next upgrade.
                if self.state == State::Over {
                    self.old = process.clone();
                    (self.state, self.new) = (State::Serving, None);
                }
            }
        }
    }

    fn order(&mut self) {
        self.orders += 1;
        let order = self.orders;
        let new = self.new.as_mut().map(|(process, _)| process);
        let taker = new.filter(|new| new.owns).or(Some(&mut self.old));
        if let Some(taker) = taker.filter(|taker| taker.owns) {
            self.journal.push(order);
            taker.plan.push(order);
            self.accepted.push(order);
        }
    }

    fn check(&self) {
        let new = self.new.as_ref().map(|(process, _)| process);
        let new_owns = new.is_some_and(|new| new.owns);
        let new_accepts = new.is_some_and(|new| new.accepts);
        assert!(!(self.old.owns && new_owns), "two write the journal");
        if !self.stopped {
            assert!(self.old.accepts || new_accepts, "nobody accepts");
        }
        assert_eq!(self.journal, self.accepted);
        let owner = if new_owns { new } else { Some(&self.old) };
        if let Some(owner) = owner.filter(|owner| owner.owns) {
            assert_eq!(owner.plan, self.accepted, "an order was lost");
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(self.chance.random_range(0..2_000));
        match self.chance.random_range(0..8) {
            0 if self.state != State::Over => self.happened(Event::Asked),
            1 | 2 => self.new_steps(true),
            3 => self.order(),
            4 | 5 => {
                if let Some(event) = self.to_old.pop_front() {
                    self.happened(event);
                }
            }
            6 => self.happened(Event::Tick),
            _ if matches!(self.state, State::Leaving { .. }) => self.happened(Event::Quiet),
            _ => {}
        }
        self.check();
    }

    /// Everybody goes on until nothing is under way.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.now += Duration::from_secs(1);
            self.new_steps(false);
            if let Some(event) = self.to_old.pop_front() {
                self.happened(event);
            }
            self.happened(Event::Tick);
            if matches!(self.state, State::Leaving { .. }) {
                self.happened(Event::Quiet);
            }
            self.check();
        }
    }
}

#[test]
fn whatever_goes_wrong_somebody_answers_and_no_order_is_lost() {
    let mut upgrades = 0;
    for seed in 0..2_000 {
        let mut world = World::new(seed);
        (0..300).for_each(|_| world.step());
        world.settle();
        assert_eq!(world.state, State::Serving, "seed {seed}");
        assert!(world.old.owns && world.old.accepts, "seed {seed}");
        assert_eq!(world.replies, world.asked, "seed {seed}: who asks is told");
        upgrades += world.upgrades;
    }
    assert!(upgrades > 2_000, "{upgrades} upgrades came off");
}

#[test]
fn told_to_stop_it_ends_in_every_state() {
    for seed in 0..2_000 {
        let mut world = World::new(seed);
        let steps = world.chance.random_range(0..60);
        (0..steps).for_each(|_| world.step());
        world.happened(Event::Stop);
        let began = world.now;
        while world.state != State::Over {
            world.now += Duration::from_secs(1);
            world.happened(Event::Tick);
        }
        assert!(world.now - began <= PATIENCE.grace + Duration::from_secs(1));
        let alone = world.new.is_none();
        assert!(!world.old.accepts || !alone);
    }
}

#[test]
fn every_event_in_every_state() {
    let since = Duration::ZERO;
    let states = [
        State::Serving,
        State::Checking,
        State::Starting { since },
        State::Handing { since },
        State::Giving { since },
        State::Leaving {
            until: PATIENCE.grace,
        },
        State::Over,
    ];
    let why = || "why".to_owned();
    let events = [
        Event::Asked,
        Event::Checked,
        Event::Unfit(why()),
        Event::Hello,
        Event::Ready,
        Event::Taken,
        Event::Failed(why()),
        Event::Tick,
        Event::Stop,
        Event::Quiet,
    ];
    let mut told = String::new();
    for state in states {
        for event in &events {
            let (next, acts) = state.apply(event.clone(), Duration::from_secs(1), &PATIENCE);
            if next == state && acts.is_empty() {
                continue;
            }
            let name = |state: State| format!("{state:?}").split(' ').next().unwrap().to_owned();
            let acts: Vec<_> = acts.iter().map(|act| format!("{act:?}")).collect();
            told += &format!(
                "{} {} -> {}: {}\n",
                name(state),
                format!("{event:?}").split('(').next().unwrap(),
                name(next),
                acts.join(" ")
            );
        }
    }
    assert_eq!(
        told,
        "Serving Asked -> Checking: Check\n\
         Serving Stop -> Leaving: Leave\n\
         Checking Asked -> Checking: Refused(\"an upgrade is under way already\")\n\
         Checking Checked -> Starting: Start\n\
         Checking Unfit -> Serving: Refused(\"why\")\n\
         Checking Stop -> Leaving: Kill Leave Refused(\"the edge was told to stop meanwhile\")\n\
         Starting Asked -> Starting: Refused(\"an upgrade is under way already\")\n\
         Starting Hello -> Handing: Seal Give\n\
         Starting Failed -> Serving: Kill Refused(\"why\")\n\
         Starting Stop -> Leaving: Kill Leave Refused(\"the edge was told to stop meanwhile\")\n\
         Handing Asked -> Handing: Refused(\"an upgrade is under way already\")\n\
         Handing Ready -> Giving: Commit\n\
         Handing Failed -> Serving: Kill Resume Refused(\"why\")\n\
         Handing Stop -> Leaving: Kill Leave Refused(\"the edge was told to stop meanwhile\")\n\
         Giving Asked -> Giving: Refused(\"an upgrade is under way already\")\n\
         Giving Taken -> Leaving: Succeeded Leave\n\
         Giving Failed -> Serving: Kill Resume Refused(\"why\")\n\
         Giving Stop -> Leaving: Kill Leave Refused(\"the edge was told to stop meanwhile\")\n\
         Leaving Asked -> Leaving: Refused(\"this process is ending\")\n\
         Leaving Quiet -> Over: End\n"
    );
}
