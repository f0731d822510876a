//! The only door through which the plan changes.
//!
//! An order is checked against the present plan, its effect worked out on a copy (`effect.rs`),
//! journalled with fsync, and only then put in force. A dry run stops before the journal. One order
//! at a time.
//!
//! A plan also moves without an order: an upstream rises or falls, or an order's time is over. Then
//! every site is decided anew, and the generation stays, because it counts what people ordered.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use yagura_config::Settings;
use yagura_control::order::{Envelope, Order, Outcome, Refusal, RefusalCode, Reply};
use yagura_control::{Clock, Timestamp};

use super::effect::{self, Giver, Parts, Reload, refusal};
use super::journal::{Journal, Record};
use super::plan::Plan;
use super::replay;
use crate::cache::Cache;
use crate::error::EdgeError;

/// The longest time after which it is looked whether an order's time is over: the clock may be set.
const LOOK: Duration = Duration::from_secs(10);

/// The plan in force and the door to it.
pub struct Switchboard {
    name: String,
    plan: ArcSwap<Plan>,
    parts: Parts,
    inner: Mutex<Inner>,
    /// Told when the next order's end may have changed.
    ordered: Notify,
}

struct Inner {
    settings: Settings,
    /// None for an edge that keeps nothing on disk.
    journal: Option<Journal>,
}

impl Switchboard {
    /// Replays the journal at `journal` on the plan of these settings.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub fn open(
        settings: Settings,
        cache: Arc<Cache>,
        clock: Arc<dyn Clock>,
        reload: Reload,
        journal: Option<&Path>,
    ) -> Result<Self, EdgeError> {
        let name = settings
            .edge
            .as_ref()
            .map_or_else(String::new, |edge| edge.name.clone());
        let parts = Parts {
            cache,
            clock,
            moved: Arc::default(),
            reload,
        };
        let mut plan = parts.plan(1, &settings, None);
        let now = parts.clock.now();
        let journal = match journal {
            None => None,
            Some(path) => {
                let (mut journal, records) = Journal::open(path)?;
                for record in records {
                    plan = replay::applied(plan, record, &parts.cache);
                }
                if journal.has_grown() {
                    let snapshot = replay::snapshot(&plan, &parts.cache, now);
                    journal.replace(&snapshot).map_err(EdgeError::at(path))?;
                }
                Some(journal)
            }
        };
        let plan = plan.decided(now);
        plan.choose_upstreams();
        Ok(Self {
            name,
            plan: ArcSwap::from_pointee(plan),
            parts,
            inner: Mutex::new(Inner { settings, journal }),
            ordered: Notify::new(),
        })
    }

    /// The plan in force; one atomic load.
    #[must_use]
    pub fn plan(&self) -> arc_swap::Guard<Arc<Plan>> {
        self.plan.load()
    }

    /// Carries out an order that changes something. Blocks on the disk.
    ///
    /// # Errors
    /// Why it was refused; then nothing changed.
    pub fn carry_out(&self, envelope: &Envelope, peer: &str) -> Result<Reply, Refusal> {
        let mut inner = self.lock();
        let before = self.plan.load_full();
        if envelope
            .if_generation
            .is_some_and(|expected| expected != before.generation)
        {
            return Err(refusal(
                RefusalCode::StaleGeneration,
                format!("the edge is at generation {}", before.generation),
                "look at `yagura status`, and give the order again if it still fits",
            ));
        }
        let given = Giver {
            who: format!("{} ({peer})", envelope.who),
            reason: envelope.reason.clone(),
            at: self.parts.clock.now(),
        };
        let effect = effect::of(
            &envelope.order,
            &given,
            &before,
            &inner.settings,
            &self.parts,
        )?;
        if envelope.dry_run {
            return Ok(self.reply(before.generation, given.at, effect.outcome));
        }
        let generation = effect.plan.generation;
        if let Some(journal) = &mut inner.journal {
            let record = Record::Order {
                generation,
                at: given.at,
                who: given.who,
                reason: given.reason,
                order: envelope.order.clone(),
            };
            journal.append(&record).map_err(|error| {
                let what = format!("the order could not be written to the journal: {error}");
                refusal(
                    RefusalCode::NotDurable,
                    what,
                    "make room on the disk of the edge, and give it again",
                )
            })?;
        }
        if let Order::Purge(purge) = &envelope.order {
            replay::apply_purge(&before, purge, given.at, &self.parts.cache);
        }
        if let Some(settings) = effect.settings {
            inner.settings = settings;
        }
        self.put_in_force(effect.plan);
        drop(inner);
        self.ordered.notify_one();
        Ok(self.reply(generation, given.at, effect.outcome))
    }

    fn put_in_force(&self, plan: Plan) {
        plan.choose_upstreams();
        self.plan.store(Arc::new(plan));
    }

    /// Decides every site anew, because something was seen or time has passed.
    fn reconsider(&self) {
        let _one_at_a_time = self.lock();
        let before = self.plan.load_full();
        let now = self.parts.clock.now();
        let plan = before.decided(now);
        let mut moved = false;
        for (site, was) in plan.sites().iter().zip(before.sites()) {
            if Arc::ptr_eq(site, was) {
                continue;
            }
            moved = true;
            let (before, after) = (was.decided.shown(), site.decided.shown());
            tracing::warn!(site = %site.settings.name, %before, %after, "the site is answered in another way");
        }
        if moved {
            self.put_in_force(plan);
        }
    }

    /// Follows what is seen and the passing of time, until the task is dropped.
    pub async fn follow(self: &Arc<Self>) {
        loop {
            let now = self.parts.clock.now();
            let next = self.plan().intents.next_end(now);
            let wait = next.map_or(LOOK, |next| next.since(now).min(LOOK));
            tokio::select! {
                () = self.parts.moved.notified() => {}
                () = self.ordered.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            let this = self.clone();
            let _joined = tokio::task::spawn_blocking(move || this.reconsider()).await;
        }
    }

    /// A reply in this edge's name.
    #[must_use]
    pub fn reply(&self, generation: u64, effective_at: Timestamp, outcome: Outcome) -> Reply {
        Reply {
            edge: self.name.clone(),
            generation,
            effective_at,
            outcome,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
