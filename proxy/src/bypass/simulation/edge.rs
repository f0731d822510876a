//! One edge of the little world: the real decisions, with a disk that outlives the process.

use std::collections::VecDeque;
use std::time::Duration;

use yagura_control::Timestamp;

use super::rules::{Rule, Sabotage};
use super::world::{Flight, TICK_S, World};
use crate::bypass::seen::{Leads, Seen, Terms};
use crate::bypass::stage::{Ingress, Stage};
use crate::bypass::step::{Duty, Transition, duties, step};
use crate::bypass::watch::{Held, Look, Watch};

/// Ticks in a minute.
const MINUTE: usize = (60 / TICK_S) as usize;

pub struct SimulatedEdge {
    pub terms: Terms,
    /// What its journal says, which is in force whenever it runs.
    pub kept: Ingress,
    /// None while it is dead.
    pub process: Option<Process>,
    pub records: Vec<(Stage, Stage)>,
    pub is_ready: bool,
    pub disk_is_full: bool,
    /// How far its clock is from the world's, in seconds.
    pub clock_s: i64,
    /// What it asks of a person.
    pub asks_person: Option<Leads>,
    /// Direct requests, by ticks, and the most in a minute since the door was opened.
    requests: VecDeque<u64>,
    peak: u64,
}

#[derive(Default)]
pub struct Process {
    watch: Watch,
    /// Direct requests since it began.
    requests: u64,
    busy_until: u64,
}

impl SimulatedEdge {
    pub fn new(terms: Terms) -> Self {
        Self {
            terms,
            kept: Ingress::default(),
            process: Some(Process::default()),
            records: Vec::new(),
            is_ready: true,
            disk_is_full: false,
            clock_s: 0,
            asks_person: None,
            requests: VecDeque::new(),
            peak: 0,
        }
    }

    pub fn civil(&self, now: u64) -> Timestamp {
        Timestamp(now.saturating_add_signed(self.clock_s) * 1000)
    }

    pub fn lets_cloud_in(&self, sabotage: Option<Sabotage>) -> bool {
        sabotage != Some(Sabotage::TurnsCloudAway) || !self.kept.stage.admits_direct()
    }

    pub fn last_minute(&self) -> u64 {
        self.requests.iter().sum()
    }
}

impl World {
    pub fn edge_lives(&mut self, index: usize) {
        let requests = self.direct_requests();
        let edge = &mut self.edges[index];
        edge.requests.push_back(requests);
        if edge.requests.len() > MINUTE {
            edge.requests.pop_front();
        }
        edge.peak = match edge.kept.stage.admits_direct() {
            true => edge.peak.max(edge.last_minute()),
            false => 0,
        };
        let Some(mut process) = edge.process.take() else {
            return;
        };
        process.requests += requests;
        let asleep = self.sabotage == Some(Sabotage::Asleep) && index == 0;
        let lives = asleep || self.process_lives(index, &mut process);
        if lives {
            self.edges[index].process = Some(process);
        } else {
            self.tell(|| format!("edge {index} dies"));
            self.edges[index].asks_person = None;
        }
    }

    /// Whether the process lives on.
    fn process_lives(&mut self, index: usize, process: &mut Process) -> bool {
        let at = Duration::from_secs(self.now);
        // Several steps may follow one another in a moment.
        let (mut kept, mut seen) = (Ingress::default(), Seen::default());
        for _step in 0..4 {
            self.sees(index, process, at);
            seen = self.made_of(process, at);
            let edge = &self.edges[index];
            kept = edge.kept.clone();
            let Some(transition) = step(&kept, &edge.terms, &seen, edge.civil(self.now)) else {
                break;
            };
            if self.dies() {
                return false;
            }
            self.record(index, &kept, transition);
            if self.dies() {
                return false;
            }
        }
        let terms = self.edges[index].terms;
        self.edges[index].asks_person = None;
        if process.busy_until > self.now {
            return true;
        }
        for duty in duties(&kept, &terms, &seen) {
            match duty {
                Duty::LookAtDns | Duty::AskDoors | Duty::CheckReadiness => {}
                Duty::Lead(to) => {
                    if self.dies() {
                        return false;
                    }
                    self.send(index, process, to);
                    if self.dies() {
                        return false;
                    }
                }
                Duty::AskPerson(to) => {
                    self.edges[index].asks_person = Some(to);
                    if self.person.is_none() {
                        let due = self.now + 5 + self.dice.below(120);
                        self.tell(|| format!("edge {index} asks a person to lead to {to:?}"));
                        self.person = Some((due, to, index));
                    }
                }
            }
        }
        true
    }

    fn dies(&mut self) -> bool {
        !self.is_calm && self.dice.one_in(12)
    }

    fn sees(&mut self, index: usize, process: &mut Process, at: Duration) {
        let edge = &self.edges[index];
        let watch = &mut process.watch;
        if self.sabotage != Some(Sabotage::HeldFromBefore) {
            watch.stands_at(&edge.kept);
        }
        watch.counted(process.requests, at, edge.terms.span());
        watch.checked(edge.is_ready, at);
        let others = self.edges.iter().enumerate();
        let all_stand_by = others.into_iter().all(|(other, edge)| {
            let runs = edge.process.is_some() || other == index;
            runs && edge.kept.stage.stands_by() && self.reaches_edge(index, other)
        });
        watch.asked_doors(all_stand_by, at);
        // Now and then a look takes longer than a tick.
        if !self.is_calm && self.dice.one_in(8) {
            return;
        }
        let held = |server: usize| {
            let reached = self.reaches_server(index, server);
            let server = &self.servers[server];
            reached.then_some(Held {
                leads: server.leads,
                direct_ttl_s: match server.leads {
                    Leads::Direct => server.ttl_s,
                    Leads::Cloud | Leads::Elsewhere => 0,
                },
            })
        };
        let asked = match self.sabotage {
            Some(Sabotage::PrimaryAlone) => 1,
            _ => self.servers.len(),
        };
        let look = Look {
            primary: held(0),
            cloud: None,
            servers: (0..asked).map(held).collect(),
        };
        watch.looked(look, at);
    }

    fn made_of(&self, process: &Process, at: Duration) -> Seen {
        let mut seen = process.watch.seen(at, self.cloud_is_sound, self.reviewed);
        match self.sabotage {
            Some(Sabotage::NoWait) => {
                if let Some((_, held)) = &mut seen.dns.everywhere {
                    *held = Duration::from_secs(100_000);
                }
            }
            Some(Sabotage::Deaf) => {
                if let Some(traffic) = &mut seen.traffic {
                    traffic.requests = 0;
                }
            }
            Some(Sabotage::BlindForDoors) => seen.doors.all_stand_by = true,
            _ => {}
        }
        seen
    }

    /// Sends an update and waits for the answer, which may get lost.
    fn send(&mut self, index: usize, process: &mut Process, to: Leads) {
        if !self.reaches_server(index, 0) {
            return;
        }
        let terms = self.edges[index].terms;
        let longest = terms.update_time().as_secs();
        let travels = if self.is_calm {
            0
        } else {
            self.dice.below(longest + 1)
        };
        let from = match to {
            Leads::Direct => Leads::Cloud,
            Leads::Cloud | Leads::Elsewhere => Leads::Direct,
        };
        self.tell(|| format!("edge {index} sends an update to {to:?}"));
        process.busy_until = self.now + travels;
        self.flights.push(Flight {
            arrives: self.now + travels,
            from,
            to,
            ttl_s: terms.ttl_s,
        });
    }

    /// Writes a step down, and puts it in force.
    pub fn record(&mut self, index: usize, kept: &Ingress, transition: Transition) {
        if self.edges[index].disk_is_full {
            return;
        }
        let (from, to) = (kept.stage, transition.to.stage);
        self.tell(|| format!("edge {index}: {from} -> {to}: {}", transition.why));
        if from == to {
            self.edges[index].kept = transition.to;
            return;
        }
        if !from.admits_direct() && to.admits_direct() {
            self.look_at_permit(index, &transition.to);
        }
        if from.admits_direct() && !to.admits_direct() {
            self.look_at_closing(index, kept);
        }
        if self.sabotage == Some(Sabotage::WritesTwice) && self.dice.one_in(4) {
            self.write(index, from, to);
        }
        self.write(index, from, to);
        self.edges[index].kept = transition.to;
    }

    pub fn write(&mut self, index: usize, from: Stage, to: Stage) {
        let last = self.edges[index].records.last().copied();
        let before = last.map_or(Stage::Cloud, |(_, to)| to);
        if before != from || from == to {
            self.breaks(Rule::RecordedOnce, || {
                format!("edge {index}: {from} -> {to} is recorded after {before}")
            });
        }
        self.edges[index].records.push((from, to));
    }

    fn look_at_permit(&mut self, index: usize, opened: &Ingress) {
        let now = self.edges[index].civil(self.now);
        let permit = opened.permit.as_ref();
        let good = permit.is_some_and(|permit| {
            let approvers = permit.approved_by.iter();
            let others = approvers.filter(|who| **who != permit.asked_by).count();
            let approved = others > 0 && others == permit.approved_by.len();
            now < permit.until && (permit.break_glass || approved)
        });
        if !good {
            self.breaks(Rule::OpenedByPermit, || {
                format!("edge {index} opens by {permit:?}")
            });
        }
    }

    fn look_at_closing(&mut self, index: usize, kept: &Ingress) {
        let edge = &self.edges[index];
        let ttl_s = u64::from(kept.longest_ttl_s.max(edge.terms.ttl_s));
        let (requests, peak) = (edge.last_minute(), edge.peak);
        let quiet = peak * edge.terms.quiet_permille;
        if let Some(last) = self.direct_last
            && self.now < last + 2 * ttl_s
        {
            let now = self.now;
            self.breaks(Rule::ClosedLateEnough, || {
                format!("edge {index} closes at {now} s; a server led here at {last} s")
            });
        }
        let background = kept.background;
        if requests.saturating_sub(background) * 1000 > quiet {
            self.breaks(Rule::ClosedWhenQuiet, || {
                format!("edge {index} closes at {requests} requests a minute, {peak} at most")
            });
        }
    }
}
