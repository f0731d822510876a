//! The shell around the machine: one task a site looks, has the step decided, has it recorded, and
//! does what is to be done. It remembers nothing that it could not find out again.
//!
//! Whether a step may be taken stands in `run/check.rs`, what people hear of it in `run/people.rs`.

mod check;
mod people;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use tokio::task::{AbortHandle, JoinSet};
use yagura_certs::acme::Failure;
use yagura_config::settings::BypassSettings;
use yagura_control::Timestamp;
use yagura_control::clock::monotonic;
use yagura_control::order::Missing;

use super::doors::{self, Doors};
use super::inputs;
use super::names::Names;
use super::seen::{Hand, Leads, Seen};
use super::stage::{Ingress, Stage};
use super::step::{Duty, duties, step};
use super::watch::Watch;
use crate::probes::ask;
use crate::probes::facts::ServerSeen;
use crate::routing::Site;
use crate::routing::switchboard::Step;
use crate::state::Edge;

/// How often the plan is looked at for sites with a bypass.
const SITES: Duration = Duration::from_secs(1);
/// How often a site is attended to, at most and at least.
const TICKS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// How often the DNS is looked at while nothing is under way.
const IDLE_LOOK: Duration = Duration::from_secs(20);
/// It is looked once in so many rounds of probes, but no more often than that.
const LOOK_EVERY: u32 = 6;
const LOOK_LEAST: Duration = Duration::from_secs(2);
/// For how long names that could not be used are left alone; a file may be put right meanwhile.
const AGAIN: Duration = Duration::from_secs(10);
/// The longest wait after a change of the DNS failed.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a trial of the change counts.
const TRIAL_FOR: Duration = Duration::from_secs(20);

/// Attends to every site with a bypass, until the task is dropped.
pub async fn run(edge: Arc<Edge>, data: Option<PathBuf>) {
    let mut tasks = JoinSet::new();
    let mut attended: HashMap<String, AbortHandle> = HashMap::new();
    loop {
        attended.retain(|_, task| !task.is_finished());
        while tasks.try_join_next().is_some() {}
        let plan = edge.switchboard.plan().clone();
        let sites = plan.sites().iter();
        for site in sites.filter(|site| site.settings.bypass.is_some()) {
            let name = site.settings.name.clone();
            attended.entry(name.clone()).or_insert_with(|| {
                let machine = Machine::new(edge.clone(), name, data.clone());
                tasks.spawn(machine.run())
            });
        }
        edge.bypasses.retain(|site| attended.contains_key(site));
        tokio::time::sleep(SITES).await;
    }
}

/// One site's.
struct Machine {
    edge: Arc<Edge>,
    site: String,
    /// Folder of the edge, for change requests.
    data: Option<PathBuf>,
    began: Instant,
    watch: Watch,
    /// The stage that it is of.
    stage: Option<(Stage, Timestamp)>,
    configured: Option<Configured>,
    looked: Option<Duration>,
    evidence: Vec<String>,
    /// What of ours stands where the cloud stood, a line each.
    guards: Vec<String>,
    doors: Doors,
    trial: Option<(Result<(), Missing>, Duration)>,
    /// When the DNS may be changed again, and how often that failed.
    wait: (Duration, u32),
    /// The stage for which a person was asked.
    asked: Option<(Stage, Timestamp)>,
    /// When it was looked whether a rehearsal is due.
    reminded: Option<Duration>,
}

/// What was made of the configuration, and of which.
struct Configured {
    of: BypassSettings,
    at: Duration,
    names: Arc<Names>,
    tls: Arc<ClientConfig>,
}

impl Machine {
    fn new(edge: Arc<Edge>, site: String, data: Option<PathBuf>) -> Self {
        Self {
            edge,
            site,
            data,
            began: monotonic(),
            watch: Watch::default(),
            stage: None,
            configured: None,
            looked: None,
            evidence: Vec::new(),
            guards: Vec::new(),
            doors: Doors::default(),
            trial: None,
            wait: (Duration::ZERO, 0),
            asked: None,
            reminded: None,
        }
    }

    /// Until the site is gone, or has no bypass any more.
    async fn run(mut self) {
        let [shortest, longest] = TICKS;
        loop {
            let plan = self.edge.switchboard.plan().clone();
            let Some(site) = plan.site_named(&self.site).cloned() else {
                return;
            };
            let Some(bypass) = site.settings.bypass.clone() else {
                return;
            };
            self.attend(&site, &bypass).await;
            tokio::time::sleep((bypass.ttl / 8).clamp(shortest, longest)).await;
        }
    }

    fn at(&self) -> Duration {
        self.began.elapsed()
    }

    async fn attend(&mut self, site: &Site, bypass: &BypassSettings) {
        let (names, tls) = match self.configured(bypass).await {
            Ok(configured) => configured,
            Err(failure) => {
                let interval = self.edge.switchboard.settings().ingress.probe_interval;
                self.saw(bypass, interval, Vec::new());
                return self.failed(&failure);
            }
        };
        let terms = *names.terms();
        self.remind(bypass, &terms).await;
        let ingress = self.ingress();
        self.stands_at(&ingress);
        let strangers = inputs::strangers(site);
        self.watch.counted(strangers, self.at(), terms.span());
        self.look(&ingress, bypass, &names, &tls).await;
        let now = self.edge.clock.now();
        self.check(&ingress, site, &names, now).await;

        // Looking took its time, and somebody may have ordered something meanwhile.
        if self.ingress() != ingress {
            return;
        }
        let seen = self.seen(site, &ingress);
        self.tell_trouble(&ingress, &terms, &seen, now);
        if let Some(transition) = step(&ingress, &terms, &seen, now) {
            return self.take(&ingress, transition, &seen).await;
        }
        for duty in duties(&ingress, &terms, &seen) {
            match duty {
                Duty::LookAtDns | Duty::AskDoors | Duty::CheckReadiness => {}
                Duty::Lead(to) => self.lead(&names, to, &ingress).await,
                Duty::AskPerson(to) => self.ask_person(&names, to, &ingress, now).await,
            }
        }
    }

    /// What was seen at another stage counts for nothing.
    fn stands_at(&mut self, ingress: &Ingress) {
        let stage = (ingress.stage, ingress.since);
        if self.stage != Some(stage) {
            self.stage = Some(stage);
            self.looked = None;
            self.wait = (Duration::ZERO, 0);
        }
        self.watch.stands_at(ingress);
    }

    fn ingress(&self) -> Ingress {
        self.edge.switchboard.plan().intents.of(&self.site).ingress
    }

    fn seen(&self, site: &Site, ingress: &Ingress) -> Seen {
        let sound = inputs::cloud_is_sound(&self.edge, site, ingress);
        let reviewed = inputs::reviewed(&self.edge, ingress);
        self.watch.seen(self.at(), sound, reviewed)
    }

    /// The names and how TLS is spoken, as they are configured now.
    async fn configured(
        &mut self,
        bypass: &BypassSettings,
    ) -> Result<(Arc<Names>, Arc<ClientConfig>), Failure> {
        let at = self.at();
        // What lies in files may have changed without the configuration.
        let idle = !self.ingress().stage.admits_direct();
        let present = self.configured.as_ref().filter(|configured| {
            configured.of == *bypass && !(idle && at >= configured.at + AGAIN * 30)
        });
        if let Some(present) = present {
            return Ok((present.names.clone(), present.tls.clone()));
        }
        let (settings, clock) = (self.edge.switchboard.settings(), self.edge.clock.clone());
        let of = bypass.clone();
        let made = tokio::task::spawn_blocking(move || {
            let names = Names::of(&of, &settings, &clock)?;
            let tls = ask::tls(settings.ingress.trust.as_deref());
            let advice = "correct `trust` of [ingress] and reload";
            let tls = tls.map_err(|error| Failure::new(error, advice))?;
            Ok((Arc::new(names), tls))
        });
        let fault = |error| Failure::new(error, "this is a fault of the program");
        let made = made.await.map_err(fault)?;
        let (names, tls) = match (made, &self.configured) {
            (Ok(made), _) => made,
            // A bypass under way goes on with what it has.
            (Err(_), Some(present)) if present.of == *bypass => {
                (present.names.clone(), present.tls.clone())
            }
            (Err(failure), _) => {
                tokio::time::sleep(AGAIN).await;
                return Err(failure);
            }
        };
        self.configured = Some(Configured {
            of: bypass.clone(),
            at,
            names: names.clone(),
            tls: tls.clone(),
        });
        Ok((names, tls))
    }

    /// What the servers of the zone hold is looked at here, and told to whoever asks about the site.
    fn saw(&self, bypass: &BypassSettings, interval: Duration, servers: Vec<ServerSeen>) {
        let now = self.edge.clock.now();
        let probes = &self.edge.probes;
        probes.note_servers(&self.site, (bypass, interval), servers, now);
    }

    /// Looks at the DNS, and at the doors where that matters; both at once.
    async fn look(
        &mut self,
        ingress: &Ingress,
        bypass: &BypassSettings,
        names: &Names,
        tls: &Arc<ClientConfig>,
    ) {
        let at = self.at();
        let interval = self.edge.switchboard.settings().ingress.probe_interval;
        let idle = matches!(ingress.stage, Stage::Cloud | Stage::Bypass);
        let pause = IDLE_LOOK
            .min(bypass.ttl)
            .min((interval * LOOK_EVERY).max(LOOK_LEAST));
        let due = self
            .looked
            .is_none_or(|looked| !idle || at >= looked + pause);
        let minds_doors = matches!(ingress.stage, Stage::Open | Stage::DnsChanging)
            && names.terms().hand != Hand::Elsewhere;
        let looking = async {
            if due {
                return Some(names.look().await);
            }
            None
        };
        let asking = async {
            if minds_doors {
                return Some(doors::ask(bypass, tls).await);
            }
            None
        };
        let (looked, doors) = tokio::join!(looking, asking);
        if let Some(looked) = looked {
            self.saw(bypass, interval, looked.servers);
            self.watch.looked(looked.look, at);
            self.looked = Some(at);
            let evidence = looked.evidence.clone();
            self.edge
                .bypasses
                .tell(&self.site, |told| told.evidence = evidence);
            self.evidence = looked.evidence;
        }
        if let Some(doors) = doors {
            self.watch.asked_doors(doors.all_stand_by(&self.site), at);
            self.doors = doors;
        }
    }

    async fn take(&mut self, from: &Ingress, transition: super::step::Transition, seen: &Seen) {
        let (was, is) = (from.stage, transition.to.stage);
        let why = transition.why.to_string();
        let mut evidence = self.evidence.clone();
        if was == Stage::Armed && is == Stage::Open {
            evidence.append(&mut self.guards);
        }
        if matches!(is, Stage::DnsChanging) {
            evidence.extend(self.doors.evidence());
        }
        if let Some(traffic) = seen.traffic.filter(|_| was == Stage::Draining) {
            evidence.push(format!(
                "direct requests a minute: {} now, {} at most, {} before the door was opened",
                traffic.requests,
                from.peak.max(traffic.peak),
                from.background
            ));
        }
        let (edge, site, from) = (self.edge.clone(), self.site.clone(), from.clone());
        let step = Step {
            transition,
            evidence,
        };
        let taken =
            tokio::task::spawn_blocking(move || edge.switchboard.take_step(&site, &from, step));
        let fault = |error: tokio::task::JoinError| Err(error.to_string());
        match taken.await.unwrap_or_else(fault) {
            Ok(()) => {
                tracing::warn!(site = %self.site, from = %was, to = %is, %why, "a step around the cloud");
                if was != is {
                    self.announce(|of| of.step(is, &why));
                }
                self.edge.bypasses.tell(&self.site, |told| {
                    told.failure = None;
                    told.request = None;
                });
            }
            Err(not) => self.failed(&Failure::new(
                format!("a step around the cloud was not taken: {not}"),
                "look at the disk of the edge; it is tried again",
            )),
        }
    }

    /// Has the DNS changed, unless that failed a moment ago.
    async fn lead(&mut self, names: &Names, to: Leads, ingress: &Ingress) {
        let (until, failures) = self.wait;
        if self.at() < until {
            return;
        }
        tracing::warn!(site = %self.site, ?to, "the DNS is being changed");
        match names.lead(to, ingress.cloud.as_deref()).await {
            Ok(()) => {
                self.wait = (Duration::ZERO, 0);
                self.edge
                    .bypasses
                    .tell(&self.site, |told| told.failure = None);
            }
            Err(failure) => {
                let wait = Duration::from_secs(1 << failures.min(5)).min(LONGEST_WAIT);
                self.wait = (self.at() + wait, failures + 1);
                self.failed(&failure);
            }
        }
    }
}
