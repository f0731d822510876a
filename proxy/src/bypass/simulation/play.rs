//! What happens in the little world: orders, faults, and in the end a calm in which what is wished
//! must be reached.

use super::rules::{Broken, Rule, Sabotage};
use super::world::{TICK_S, World};
use crate::bypass::ordered::{Ordered, ordered};
use crate::bypass::seen::Leads;
use crate::bypass::stage::{Confirmed, Ingress, Permit, Stage};
use crate::bypass::step::{Transition, Why};

/// Ticks that the calm may last: the longest wait is ten minutes, and readers who do not ask again
/// are as many.
const CALM_TICKS: u64 = 500;

/// How a story went.
pub struct Played {
    /// The rule that was broken.
    pub broken: Option<Broken>,
    /// What happened, where it was to be told.
    pub story: Vec<String>,
    /// Every step of every edge.
    pub steps: Vec<(Stage, Stage)>,
}

/// One whole story.
pub fn play(seed: u64, sabotage: Option<Sabotage>, is_told: bool) -> Played {
    let mut world = World::new(seed, sabotage, is_told);
    world.play();
    let steps = world.edges.into_iter().flat_map(|edge| edge.records);
    Played {
        broken: world.broken,
        story: world.story.unwrap_or_default(),
        steps: steps.collect(),
    }
}

impl World {
    fn play(&mut self) {
        let ticks = 40 + self.dice.below(120);
        for _ in 0..ticks {
            self.something_happens();
            self.tick();
            if self.broken.is_some() {
                return;
            }
        }
        self.calms();
        let wish = self.dice.pick(&[Leads::Cloud, Leads::Direct]);
        self.tell(|| format!("all is well from now on, and {wish:?} is wished"));
        for tick in 0..CALM_TICKS {
            if tick % 10 == 0 {
                self.wishes(wish);
            }
            self.tick();
            if self.broken.is_some() || self.has_reached(wish) {
                return;
            }
        }
        let stages: Vec<Stage> = self.edges.iter().map(|edge| edge.kept.stage).collect();
        let servers: Vec<Leads> = self.servers.iter().map(|server| server.leads).collect();
        self.breaks(Rule::Reached, || {
            format!("{wish:?} was wished, edges are {stages:?}, servers lead to {servers:?}")
        });
    }

    fn something_happens(&mut self) {
        let index = self.any_edge();
        match self.dice.below(60) {
            0..=2 => self.bypass_is_ordered(),
            3 | 4 => self.order_all("abort", |_, _| Ordered::Abort),
            5 | 6 => self.order_all("return", |_, _| Ordered::Return { cloud: None }),
            7 => self.order_all("confirm", |now, _| {
                Ordered::Confirm(Confirmed {
                    who: "sato".into(),
                    at: yagura_control::Timestamp(now),
                    note: String::new(),
                })
            }),
            8..=13 => self.edge_rises(index),
            14 => {
                self.tell(|| format!("edge {index} is killed"));
                self.edges[index].process = None;
                self.edges[index].asks_person = None;
            }
            15 => self.edges[index].is_ready = self.dice.one_in(2),
            16..=18 => self.edges[index].is_ready = true,
            19 => self.edges[index].disk_is_full = self.dice.one_in(2),
            20 | 21 => self.edges[index].disk_is_full = false,
            22 => {
                let clock_s = self.dice.pick(&[-3600, -40, 0, 0, 40, 3600, 90_000]);
                self.tell(|| format!("the clock of edge {index} is set to {clock_s} s"));
                self.edges[index].clock_s = clock_s;
            }
            23 => self.server_falls(),
            24..=27 => self.server_rises(),
            28 => {
                let server = self.any_server();
                self.cut_from_servers.push((index, server));
            }
            29 => {
                let other = self.any_edge();
                self.cut_from_edges.push((index, other));
            }
            30..=32 => {
                self.cut_from_servers.pop();
                self.cut_from_edges.pop();
            }
            33 => self.cloud_is_sound = self.dice.one_in(2),
            34 => self.reviewed = self.dice.one_in(2),
            35 => self.somebody_writes_other_records(),
            36 if self.servers[0].leads == Leads::Elsewhere => {
                self.tell(|| "somebody sets the cloud's records".into());
                self.change(Leads::Cloud, 60);
            }
            _ => {}
        }
    }

    fn any_edge(&mut self) -> usize {
        usize::try_from(self.dice.below(self.edges.len() as u64)).unwrap()
    }

    fn any_server(&mut self) -> usize {
        usize::try_from(self.dice.below(self.servers.len() as u64)).unwrap()
    }

    fn permit(&mut self, now: u64) -> Permit {
        let kind = if self.is_calm { 0 } else { self.dice.below(6) };
        let lasts = self.dice.pick(&[60, 300, 14_400]);
        let mut permit = Permit {
            request: Some("r".into()),
            asked_by: "sato".into(),
            approved_by: vec!["suzuki".into()],
            at: yagura_control::Timestamp(now),
            until: yagura_control::Timestamp(now + lasts * 1000),
            break_glass: false,
        };
        match kind {
            1 | 2 => {
                permit.break_glass = true;
                permit.approved_by.clear();
            }
            3 => permit.approved_by = vec!["sato".into()],
            4 => permit.until = permit.at,
            _ => {}
        }
        permit
    }

    fn bypass_is_ordered(&mut self) {
        let permit = self.permit(self.now * 1000);
        self.order_all("bypass", move |now, _| {
            // Who carries it out stamps it with the edge's own clock.
            let lasts = permit.until.0 - permit.at.0;
            Ordered::Bypass {
                permit: Permit {
                    at: yagura_control::Timestamp(now),
                    until: yagura_control::Timestamp(now + lasts),
                    ..permit.clone()
                },
            }
        });
    }

    /// Gives an order to every edge that hears it.
    fn order_all(&mut self, what: &str, order: impl Fn(u64, usize) -> Ordered) {
        self.tell(|| format!("{what} is ordered"));
        for index in 0..self.edges.len() {
            let heard = self.is_calm || !self.dice.one_in(6);
            if heard {
                let now = self.edges[index].civil(self.now).0;
                self.order(index, &order(now, index));
            }
        }
    }

    fn order(&mut self, index: usize, order: &Ordered) {
        let edge = &self.edges[index];
        if edge.process.is_none() || edge.disk_is_full {
            return;
        }
        let (kept, now) = (edge.kept.clone(), edge.civil(self.now));
        let why = Why::Ready;
        match (self.sabotage, order) {
            (Some(Sabotage::AbortCloses), Ordered::Abort) if kept.stage.stands_by() => {
                let to = kept.at(Stage::Cloud, now);
                self.tell(|| format!("edge {index} closes its door at once"));
                self.write(index, kept.stage, to.stage);
                self.edges[index].kept = to;
                return;
            }
            (Some(Sabotage::OpenDoor | Sabotage::SelfApproval), Ordered::Bypass { permit })
                if kept.stage == Stage::Cloud =>
            {
                let own = self.sabotage == Some(Sabotage::OpenDoor);
                if own || permit.approved_by.contains(&permit.asked_by) {
                    let to = Ingress {
                        permit: (!own).then(|| permit.clone()),
                        ..kept.at(Stage::Open, now)
                    };
                    self.record(index, &kept, Transition { to, why });
                    return;
                }
            }
            _ => {}
        }
        if let Ok(to) = ordered(&kept, order, now) {
            self.record(index, &kept, Transition { to, why });
        }
    }

    fn edge_rises(&mut self, index: usize) {
        if self.edges[index].process.is_some() {
            return;
        }
        self.tell(|| format!("edge {index} begins again"));
        if self.sabotage == Some(Sabotage::Forgetful) {
            self.edges[index].kept = Ingress::default();
        }
        self.edges[index].process = Some(Default::default());
    }

    fn server_falls(&mut self) {
        let index = self.any_server();
        self.tell(|| format!("server {index} falls"));
        if self.servers[index].is_up {
            self.servers[index].is_up = false;
            self.servers[index].fell = self.now;
        }
    }

    /// A server comes back; one that follows the primary perhaps with what it held before.
    fn server_rises(&mut self) {
        let index = self.any_server();
        let primary = (self.servers[0].leads, self.servers[0].ttl_s);
        if self.servers[index].is_up {
            return;
        }
        let old = index > 0 && self.dice.one_in(3);
        self.tell(|| format!("server {index} comes back, with its old zone: {old}"));
        let now = self.now + if self.is_calm { 0 } else { self.dice.below(60) };
        let server = &mut self.servers[index];
        server.is_up = true;
        // What it answered with for a minute is on its disk.
        if old && server.fell < server.since + 60 {
            (server.leads, server.ttl_s) = server.before;
        }
        if index > 0 {
            server.coming = Some((now, primary.0, primary.1));
        }
    }

    fn somebody_writes_other_records(&mut self) {
        if self.servers[0].is_up && self.dice.one_in(3) {
            self.tell(|| "somebody writes records of his own".into());
            self.change(Leads::Elsewhere, 60);
        }
    }

    /// Every fault ceases.
    fn calms(&mut self) {
        self.is_calm = true;
        self.cut_from_servers.clear();
        self.cut_from_edges.clear();
        self.cloud_is_sound = true;
        self.reviewed = true;
        for index in 0..self.edges.len() {
            self.edge_rises(index);
            self.edges[index].is_ready = true;
            self.edges[index].disk_is_full = false;
        }
        for index in 0..self.servers.len() {
            self.servers[index].is_up = true;
        }
        if self.servers[0].leads == Leads::Elsewhere {
            self.change(Leads::Cloud, 60);
        }
        let primary = (self.servers[0].leads, self.servers[0].ttl_s);
        for server in self.servers.iter_mut().skip(1) {
            server.coming = Some((self.now + TICK_S, primary.0, primary.1));
        }
    }

    /// An operator orders what is still to be ordered.
    fn wishes(&mut self, wish: Leads) {
        let primary = self.servers[0].leads;
        let led_away =
            |stage| primary == Leads::Cloud && matches!(stage, Stage::Verifying | Stage::Bypass);
        for index in 0..self.edges.len() {
            let edge = &self.edges[index];
            let stage = edge.kept.stage;
            let now = edge.civil(self.now).0;
            let order = match wish {
                Leads::Direct if stage == Stage::Cloud || stage.returns() || led_away(stage) => {
                    let permit = self.permit(now);
                    Ordered::Bypass { permit }
                }
                Leads::Cloud if stage == Stage::Bypass => Ordered::Return { cloud: None },
                Leads::Cloud if !stage.returns() && stage != Stage::Cloud => Ordered::Abort,
                _ => continue,
            };
            self.order(index, &order);
        }
    }

    fn has_reached(&self, wish: Leads) -> bool {
        let stage = match wish {
            Leads::Direct => Stage::Bypass,
            Leads::Cloud | Leads::Elsewhere => Stage::Cloud,
        };
        self.flights.is_empty()
            && self.edges.iter().all(|edge| edge.kept.stage == stage)
            && self.servers.iter().all(|server| server.leads == wish)
    }
}
