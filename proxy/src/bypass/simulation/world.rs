//! A little world: a zone with its servers, updates under way, a person who changes records, readers
//! who follow every answer for as long as they may, and edges that die. Everything by one dice.

use super::dice::Dice;
use super::edge::SimulatedEdge;
use super::rules::{Broken, Rule, Sabotage};
use crate::bypass::seen::{Hand, Leads, Terms};

/// Seconds between two looks at the world.
pub const TICK_S: u64 = 5;

/// A server of the zone.
pub struct Server {
    pub leads: Leads,
    pub ttl_s: u32,
    pub is_up: bool,
    /// What it will hold, and when.
    pub coming: Option<(u64, Leads, u32)>,
    /// What it held before, which it may come back with.
    pub before: (Leads, u32),
    /// Since when it holds what it holds, and since when it is down.
    pub since: u64,
    pub fell: u64,
}

/// An update under way.
pub struct Flight {
    pub arrives: u64,
    pub from: Leads,
    pub to: Leads,
    pub ttl_s: u32,
}

pub struct World {
    pub dice: Dice,
    pub now: u64,
    pub servers: Vec<Server>,
    pub edges: Vec<SimulatedEdge>,
    pub flights: Vec<Flight>,
    /// When a person changes records, where they are to lead, and which edge asked.
    pub person: Option<(u64, Leads, usize)>,
    /// Pairs that do not reach each other: edges with servers, edges with edges.
    pub cut_from_servers: Vec<(usize, usize)>,
    pub cut_from_edges: Vec<(usize, usize)>,
    pub cloud_is_sound: bool,
    pub reviewed: bool,
    /// Until when a resolver may lead somebody here.
    pub direct_until: u64,
    /// When a server led here last.
    pub direct_last: Option<u64>,
    pub sabotage: Option<Sabotage>,
    pub is_calm: bool,
    pub broken: Option<Broken>,
    /// Direct requests of readers a minute at each edge, while resolvers lead them here.
    pub readers: u64,
    /// What happened, where it is told.
    pub story: Option<Vec<String>>,
}

impl World {
    pub fn new(seed: u64, sabotage: Option<Sabotage>, is_told: bool) -> Self {
        let mut dice = Dice::new(seed);
        let ttl_s = dice.pick(&[30, 60, 60, 120, 300]);
        let first = dice.pick(&[Hand::Ours, Hand::Ours, Hand::Manual]);
        let count = dice.pick(&[1, 2, 2, 3]);
        let readers = dice.pick(&[0, 120, 1200]);
        let edges = (0..count).map(|index| {
            let hand = match (index, first) {
                (0, hand) => hand,
                (1, Hand::Ours) => dice.pick(&[Hand::Ours, Hand::Elsewhere]),
                _ => Hand::Elsewhere,
            };
            SimulatedEdge::new(Terms {
                hand,
                ttl_s,
                quiet_permille: 10,
            })
        });
        let edges = edges.collect();
        let servers = (0..dice.pick(&[1, 2, 2, 3])).map(|_| Server {
            leads: Leads::Cloud,
            ttl_s,
            is_up: true,
            coming: None,
            before: (Leads::Cloud, ttl_s),
            since: 0,
            fell: 0,
        });
        Self {
            now: 10_000,
            servers: servers.collect(),
            edges,
            dice,
            flights: Vec::new(),
            person: None,
            cut_from_servers: Vec::new(),
            cut_from_edges: Vec::new(),
            cloud_is_sound: true,
            reviewed: false,
            direct_until: 0,
            direct_last: None,
            sabotage,
            is_calm: false,
            readers,
            broken: None,
            story: is_told.then(Vec::new),
        }
    }

    pub fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            story.push(format!("{:>6} s  {}", self.now, what()));
        }
    }

    pub fn breaks(&mut self, rule: Rule, how: impl FnOnce() -> String) {
        if self.broken.is_none() {
            let broken = Broken { rule, how: how() };
            self.tell(|| format!("BROKEN {broken}"));
            self.broken = Some(broken);
        }
    }

    /// Direct requests a minute that reach each edge: readers while resolvers lead them here, later
    /// those that never ask again, of whom half give up each minute; and programs that always come.
    pub fn direct_requests(&self) -> u64 {
        let readers = match self.direct_last {
            None => 0,
            Some(_) if self.now <= self.direct_until => self.readers,
            Some(_) => self
                .readers
                .checked_shr(u32::try_from((self.now - self.direct_until) / 60).unwrap())
                .unwrap_or(0),
        };
        readers / (60 / TICK_S) + u64::from((self.now / TICK_S).is_multiple_of(4))
    }

    /// Lets a tick pass.
    pub fn tick(&mut self) {
        self.now += TICK_S;
        self.fly();
        self.transfer();
        for index in 0..self.edges.len() {
            self.edge_lives(index);
        }
        self.person_acts();
        self.look();
    }

    /// Updates arrive.
    fn fly(&mut self) {
        let mut index = 0;
        while index < self.flights.len() {
            if self.flights[index].arrives > self.now {
                index += 1;
                continue;
            }
            let flight = self.flights.remove(index);
            let primary = &self.servers[0];
            let held = primary.leads;
            let careless = self.sabotage == Some(Sabotage::NoPrerequisites);
            if !primary.is_up || held != flight.from && !careless {
                let to = flight.to;
                self.tell(|| format!("the update to {to:?} has no effect"));
                continue;
            }
            if held == Leads::Elsewhere {
                self.breaks(Rule::OthersRecordsStay, || "an update replaced them".into());
            }
            self.change(flight.to, flight.ttl_s);
        }
    }

    /// The primary holds something else from now on; the others follow.
    pub fn change(&mut self, leads: Leads, ttl_s: u32) {
        self.tell(|| format!("the primary leads to {leads:?}, TTL {ttl_s} s"));
        if leads == Leads::Direct {
            let closed = self.edges.iter();
            let closed = closed.filter(|edge| !edge.kept.stage.admits_direct());
            let closed = closed.count();
            if closed > 0 {
                self.breaks(Rule::LedToOpenDoors, || {
                    format!("{closed} doors are closed")
                });
            }
        }
        for index in 0..self.servers.len() {
            let lag = match index {
                0 => 0,
                _ if self.is_calm => TICK_S,
                _ => self.dice.below(60),
            };
            let server = &mut self.servers[index];
            server.coming = Some((self.now + lag, leads, ttl_s));
        }
        self.transfer();
    }

    /// Servers take over what is coming to them; resolvers ask each of them all the time.
    fn transfer(&mut self) {
        for server in &mut self.servers {
            if !server.is_up {
                continue;
            }
            if let Some((at, leads, ttl_s)) = server.coming
                && at <= self.now
            {
                server.before = (server.leads, server.ttl_s);
                (server.leads, server.ttl_s) = (leads, ttl_s);
                server.coming = None;
                server.since = self.now;
            }
            if server.leads == Leads::Direct {
                self.direct_last = Some(self.now);
                let until = self.now + u64::from(server.ttl_s);
                self.direct_until = self.direct_until.max(until);
            }
        }
    }

    /// Whoever was asked changes the records, if that is still wanted when it comes to it.
    fn person_acts(&mut self) {
        let Some((due, to, edge)) = self.person else {
            return;
        };
        if due > self.now {
            return;
        }
        self.person = None;
        let wanted = self.edges[edge].asks_person == Some(to);
        if !wanted || !self.servers[0].is_up {
            self.tell(|| "the person finds that the request stands no more".into());
            return;
        }
        let asked = self.edges[edge].terms.ttl_s;
        let ttl_s = self.dice.pick(&[asked, asked, (asked * 5).min(300)]);
        self.tell(|| "the person changes the records".into());
        self.change(to, ttl_s);
    }

    /// What holds after every tick.
    fn look(&mut self) {
        for index in 0..self.edges.len() {
            let stage = self.edges[index].kept.stage;
            let lets_in = stage.admits_direct();
            if self.now <= self.direct_until && !lets_in {
                let until = self.direct_until;
                self.breaks(Rule::NoReaderIsRefused, || {
                    format!("edge {index} is {stage}, and answers lead to it until {until} s")
                });
            }
            if !self.edges[index].lets_cloud_in(self.sabotage) {
                self.breaks(Rule::TheCloudIsAdmitted, || {
                    format!("edge {index} is {stage}")
                });
            }
        }
    }

    pub fn reaches_server(&self, edge: usize, server: usize) -> bool {
        self.servers[server].is_up && !self.cut_from_servers.contains(&(edge, server))
    }

    pub fn reaches_edge(&self, one: usize, other: usize) -> bool {
        let cut = &self.cut_from_edges;
        one == other || !cut.contains(&(one, other)) && !cut.contains(&(other, one))
    }
}
