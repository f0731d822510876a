//! The only door through which the plan changes.
//!
//! An order is checked against the present plan, its effect worked out on a copy (`effect.rs`),
//! journalled with fsync, and only then put in force. A dry run stops before the journal. One order
//! at a time.
//!
//! A plan also moves without an order: an upstream rises or falls, or an order's time is over. Then
//! every site is decided anew, and the generation stays, because it counts what people ordered. The
//! history holds both.
//!
//! An order that needs a second person waits as a request (`switchboard/requests.rs`). What changes
//! nothing is answered in `switchboard/questions.rs`. Steps of a bypass come in by
//! `switchboard/steps.rs`.

mod questions;
mod requests;
mod steps;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{Notify, broadcast};
use yagura_config::Settings;
use yagura_control::approval::{self, Requests};
use yagura_control::order::{Envelope, IngressEvent, Order, Outcome, Refusal, RefusalCode, Reply};
use yagura_control::{Clock, Timestamp};

use super::effect::{self, Giver, Parts, Reload, refusal};
use super::history::{Change, History};
use super::journal::Journal;
use super::plan::Plan;
use super::record::Record;
use super::replay;
use crate::cache::Cache;
use crate::error::EdgeError;
use crate::ingress::Known;
use crate::limits::Limits;
use crate::notice::files::Files;

pub use requests::News;
pub use steps::Step;

/// The longest time after which it is looked whether an order's time is over: the clock may be set.
const LOOK: Duration = Duration::from_secs(10);

/// The plan in force and the door to it.
pub struct Switchboard {
    name: String,
    plan: ArcSwap<Plan>,
    settings: ArcSwap<Settings>,
    parts: Parts,
    inner: Mutex<Inner>,
    /// Told when the next order's end may have changed.
    ordered: Notify,
    /// Told what happens to requests.
    news: broadcast::Sender<News>,
}

/// So much of what happens to requests waits for who is slow to hear it.
const MOST_NEWS: usize = 256;

struct Inner {
    /// None for an edge that keeps nothing on disk.
    journal: Option<Journal>,
    history: History,
    requests: Requests,
    /// Another process is taking over, and the journal is its own.
    is_sealed: bool,
}

impl Switchboard {
    /// Replays the journal at `journal` on the plan of these settings.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub fn open(
        settings: Settings,
        (cache, limits): (Arc<Cache>, Arc<Limits>),
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
            limits,
            clock,
            moved: Arc::default(),
            files: Files::at(journal.map(|path| path.with_file_name("notice"))),
            reload,
        };
        let doors = (&*parts.cache, &*parts.limits);
        let mut plan = parts.plan(1, &settings, None);
        let now = parts.clock.now();
        let mut history = History::default();
        let mut requests = Requests::default();
        let journal = match journal {
            None => None,
            Some(path) => {
                let (mut journal, records) = Journal::open(path)?;
                for record in records {
                    let known = (&mut history, &mut requests);
                    plan = replay::applied(plan, record, known, doors);
                }
                if journal.has_grown() {
                    let snapshot = replay::snapshot(&plan, (&history, &requests), doors, now);
                    journal.replace(&snapshot).map_err(EdgeError::at(path))?;
                }
                Some(journal)
            }
        };
        parts.files.retain(&replay::files_in_use(&plan, &history));
        let plan = plan.decided(now);
        plan.choose_upstreams();
        Ok(Self {
            name,
            plan: ArcSwap::from_pointee(plan),
            settings: ArcSwap::from_pointee(settings),
            parts,
            inner: Mutex::new(Inner {
                journal,
                history,
                requests,
                is_sealed: false,
            }),
            ordered: Notify::new(),
            news: broadcast::Sender::new(MOST_NEWS),
        })
    }

    /// The plan in force; one atomic load.
    #[must_use]
    pub fn plan(&self) -> arc_swap::Guard<Arc<Plan>> {
        self.plan.load()
    }

    /// The settings in force; one atomic load.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Carries out an order that changes something, or takes it as a request where it needs a second
    /// person. Blocks on the disk.
    ///
    /// # Errors
    /// Why it was refused; then nothing changed.
    pub fn carry_out(&self, envelope: &Envelope, peer: &str) -> Result<Reply, Refusal> {
        let mut inner = self.lock();
        self.takes_orders(&inner, envelope)?;
        let given = Giver {
            who: format!("{} ({peer})", envelope.who),
            reason: envelope.reason.clone(),
            at: self.parts.clock.now(),
            request: None,
        };
        let reply = match &envelope.order {
            Order::Decide(_) | Order::WithdrawRequest(_) | Order::Review(_) => {
                self.about_request(&mut inner, envelope, peer)
            }
            // An order is taken back by the order that makes things as they were.
            Order::Undo(undo) => {
                let inverse = inner.history.inverse_of(undo.number, given.at)?;
                if approval::rule(&inverse).is_some() {
                    let what = format!("order {} is not taken back by one person", undo.number);
                    let hint =
                        "ask for what you want by its own command; somebody else approves it";
                    return Err(refusal(RefusalCode::Invalid, what, hint));
                }
                self.act(
                    &mut inner,
                    inverse,
                    Some(undo.number),
                    given,
                    envelope.dry_run,
                )
            }
            order => match approval::rule(order) {
                Some(rule) => self.requested(&mut inner, envelope, peer, rule),
                None => self.act(&mut inner, order.clone(), None, given, envelope.dry_run),
            },
        };
        drop(inner);
        self.ordered.notify_one();
        reply
    }

    /// Whether an order may be given now.
    fn takes_orders(&self, inner: &Inner, envelope: &Envelope) -> Result<(), Refusal> {
        if inner.is_sealed {
            return Err(refusal(
                RefusalCode::Upgrading,
                "another process is taking over, and this one takes no orders".to_owned(),
                "give the order again in a moment",
            ));
        }
        let generation = self.plan().generation;
        if envelope
            .if_generation
            .is_some_and(|expected| expected != generation)
        {
            return Err(refusal(
                RefusalCode::StaleGeneration,
                format!("the edge is at generation {generation}"),
                "look at `yagura status`, and give the order again if it still fits",
            ));
        }
        Ok(())
    }

    /// Carries out an order, whoever had to be asked.
    fn act(
        &self,
        inner: &mut Inner,
        order: Order,
        undoes: Option<u64>,
        given: Giver,
        dry_run: bool,
    ) -> Result<Reply, Refusal> {
        let before = self.plan.load_full();
        let (order, files) = taken(order, &self.parts.files)?;
        let settings = self.settings();
        let request = given
            .request
            .as_ref()
            .and_then(|id| inner.requests.find(id));
        let permit = request.map(|request| effect::cloud::permit(request, given.at));
        let right = (&given, permit.as_ref());
        let effect = effect::of(&order, right, &before, &settings, &self.parts)?;
        if dry_run {
            return Ok(self.reply(before.generation, given.at, effect.outcome));
        }
        for content in files {
            self.parts.files.keep(content).map_err(not_durable)?;
        }
        let generation = effect.plan.generation;
        let record = Record::Order {
            generation,
            at: given.at,
            who: given.who,
            reason: given.reason,
            order,
            change: effect.change,
            undoes,
            request: given.request,
            ingress: effect.ingress.map(Box::new),
        };
        inner.keep(&record).map_err(not_durable)?;
        if let Record::Order {
            order: Order::Purge(purge),
            ..
        } = &record
        {
            replay::apply_purge(&before, purge, given.at, &self.parts.cache);
        }
        if let Some(bans) = effect.bans {
            self.parts.limits.set_bans(bans);
        }
        if let Some(settings) = effect.settings {
            if let Some(edge) = &settings.edge {
                self.parts.limits.set(edge.limits.clone());
            }
            let known = Known::after(&self.parts.limits.known(), &settings);
            self.parts.limits.set_known(known);
            self.settings.store(Arc::new(settings));
        }
        self.put_in_force(effect.plan);
        Ok(self.reply(generation, given.at, effect.outcome))
    }

    fn put_in_force(&self, plan: Plan) {
        plan.choose_upstreams();
        let before = self.plan.swap(Arc::new(plan));
        let plan = self.plan.load();
        // Whoever still reads the former plan may hold its tables until after the last count.
        for site in before.sites() {
            let present = plan.site_named(&site.settings.name);
            if !present.is_some_and(|present| Arc::ptr_eq(&present.redirects, &site.redirects)) {
                site.seen.redirect_hits.add(site.redirects.take_counts());
            }
        }
    }

    /// Refuses orders that change something, and writes nothing to the journal, which is another
    /// process's. Waits for the order under way.
    pub fn seal(&self) {
        self.lock().is_sealed = true;
    }

    /// Takes orders from now on.
    pub fn unseal(&self) {
        self.lock().is_sealed = false;
    }

    /// Takes orders again, after the other process is gone, and takes over those that it had taken.
    ///
    /// # Errors
    /// The journal cannot be used; orders are refused on.
    pub fn resume(&self) -> Result<(), EdgeError> {
        let mut inner = self.lock();
        let Inner {
            journal,
            history,
            requests,
            ..
        } = &mut *inner;
        if let Some(journal) = journal {
            let present = self.plan.load_full();
            let doors = (&*self.parts.cache, &*self.parts.limits);
            let records = journal.open_again()?;
            // What nobody ordered has no generation: history and requests are read again from the
            // beginning, the plan goes on from where it is.
            (*history, *requests) = (History::default(), Requests::default());
            for record in &records {
                replay::remember(record, history, requests);
            }
            let known = &mut (history.clone(), requests.clone());
            let ingresses = replay::ingresses(&records);
            let later = records.into_iter();
            let later = later.filter(|record| record.generation() > present.generation);
            let plan = later.fold(present.renumbered(present.generation), |plan, record| {
                replay::applied(plan, record, (&mut known.0, &mut known.1), doors)
            });
            let plan = ingresses.into_iter().fold(plan, |plan, (site, kept)| {
                plan.with_ingress(plan.generation, &site, kept)
            });
            self.put_in_force(plan.decided(self.parts.clock.now()));
        }
        inner.is_sealed = false;
        Ok(())
    }

    /// Decides every site anew, because something was seen or time has passed.
    fn reconsider(&self) {
        let mut inner = self.lock();
        let now = self.parts.clock.now();
        self.see_to_requests(&mut inner, now);
        let before = self.plan.load_full();
        let plan = before.decided(now);
        let mut moves = Vec::new();
        for (site, was) in plan.sites().iter().zip(before.sites()) {
            if Arc::ptr_eq(site, was) {
                continue;
            }
            let name = &site.settings.name;
            let (before, after) = (was.door.outside_until(), site.door.outside_until());
            if before != after {
                let (before, after) = (effect::staff::words(before), effect::staff::words(after));
                tracing::warn!(site = %name, %before, %after, "others are admitted to the staff site");
                moves.push(moved(now, "time", name, (before, after)));
            }
            if was.door.is_as(&site.door) || was.decided != site.decided {
                let (before, after) = (was.decided.shown(), site.decided.shown());
                tracing::warn!(site = %name, %before, %after, "the site is answered in another way");
                let over = was.decided.until.is_some_and(|until| until <= now);
                let by = if over { "time" } else { "health" };
                let change = (before.to_string(), after.to_string());
                moves.push(moved(now, by, name, change));
            }
        }
        if moves.is_empty() {
            return;
        }
        self.put_in_force(plan);
        // In force already: a full disk must not keep readers at a dead upstream.
        moves.into_iter().for_each(|record| inner.note(&record));
    }

    /// Notes that a path to a site works no longer, or again. Blocks on the disk.
    pub fn note_path(&self, site: &str, seen: IngressEvent) {
        self.lock().note(&Record::Path {
            at: self.parts.clock.now(),
            site: site.to_owned(),
            seen,
        });
    }

    /// Follows what is seen and the passing of time, until the task is dropped.
    pub async fn follow(self: &Arc<Self>) {
        let mut end_of_request: Option<Timestamp> = None;
        loop {
            let now = self.parts.clock.now();
            // One that is over and could not be written down is looked at again after LOOK.
            let request = end_of_request.filter(|end| *end > now);
            let ends = [self.plan().intents.next_end(now), request];
            let next = ends.into_iter().flatten().min();
            let wait = next.map_or(LOOK, |next| next.since(now).min(LOOK));
            tokio::select! {
                () = self.parts.moved.notified() => {}
                () = self.ordered.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            let this = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                this.reconsider();
                this.next_end_of_request()
            });
            end_of_request = looked.await.ok().flatten();
        }
    }

    /// Notes that the CMS has taken posts of a disaster page. Blocks on the disk.
    pub fn note_handed_over(&self, site: &str, posts: &[u64]) {
        let mut inner = self.lock();
        let before = self.plan.load_full();
        let intents = before.intents.handed_over(site, posts);
        self.put_in_force(before.with_intents(before.generation, intents));
        let record = Record::HandedOver {
            at: self.parts.clock.now(),
            site: site.to_owned(),
            posts: posts.to_vec(),
        };
        // Without the record they are offered again, and the CMS takes each once.
        if !inner.is_sealed
            && let Some(journal) = &mut inner.journal
            && let Err(error) = journal.append(&record)
        {
            tracing::warn!(%error, "that posts were handed over could not be written to the journal");
        }
    }

    /// This edge's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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

/// A move of a site that nobody ordered.
fn moved(at: Timestamp, by: &str, site: &str, (before, after): (String, String)) -> Record {
    Record::Move {
        at,
        by: by.to_owned(),
        site: site.to_owned(),
        change: Change {
            before,
            after,
            inverse: None,
        },
    }
}

impl Inner {
    /// Has a record durable, and known.
    fn keep(&mut self, record: &Record) -> std::io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(record)?;
        }
        self.remember(record);
        Ok(())
    }

    /// Notes what happened without an order.
    fn note(&mut self, record: &Record) {
        if !self.is_sealed
            && let Some(journal) = &mut self.journal
            && let Err(error) = journal.append(record)
        {
            tracing::warn!(%error, "a move could not be written to the journal");
        }
        self.remember(record);
    }

    fn remember(&mut self, record: &Record) {
        replay::remember(record, &mut self.history, &mut self.requests);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_durable(error: std::io::Error) -> Refusal {
    let what = format!("the order could not be written to the disk: {error}");
    let hint = "make room on the disk of the edge, and give it again";
    refusal(RefusalCode::NotDurable, what, hint)
}

/// An order without the contents of its files, and these.
fn taken(order: Order, files: &Files) -> Result<(Order, Vec<Bytes>), Refusal> {
    let Order::RaiseNotice(mut notice) = order else {
        return Ok((order, Vec::new()));
    };
    let contents = files
        .taken(&mut notice)
        .map_err(|(what, hint)| refusal(RefusalCode::Invalid, what, &hint))?;
    Ok((Order::RaiseNotice(notice), contents))
}

#[cfg(test)]
mod tests {
    use yagura_config::settings::LimitSettings;
    use yagura_control::SystemClock;
    use yagura_control::order::{Route, SetRoute, ShowHistory};

    use super::super::journal;
    use super::*;

    const TEXT: &str = "[edge]\n[[edge.listen]]\naddress = \"127.0.0.1:1\"\n[[site]]\n\
                        name = \"a\"\nhosts = [\"*\"]\norigin = \"http://127.0.0.1:2\"\n";

    fn open(journal: &Path) -> Switchboard {
        opened(TEXT, journal, Arc::new(SystemClock))
    }

    /// A switchboard of an edge with this configuration.
    pub(super) fn opened(text: &str, journal: &Path, clock: Arc<dyn Clock>) -> Switchboard {
        let settings = yagura_config::parse(text, Path::new("/edge.toml")).unwrap();
        let cache = Cache::open(1 << 20, 1 << 20, None).unwrap();
        let reload = Box::new(|| Err("nothing to read".to_owned()));
        let limits = Limits::new(LimitSettings::default(), clock.clone());
        Switchboard::open(settings, (cache, limits), clock, reload, Some(journal)).unwrap()
    }

    fn route(switchboard: &Switchboard, route: Route) -> Reply {
        let set = SetRoute {
            site: "a".into(),
            route,
            until: None,
        };
        let envelope = Envelope::of(Order::Route(set), "test");
        switchboard.carry_out(&envelope, "test").unwrap()
    }

    fn numbers(switchboard: &Switchboard) -> Vec<u64> {
        let asked = ShowHistory {
            site: None,
            last: usize::MAX,
        };
        match switchboard.history(&asked).outcome {
            Outcome::History { lines } => lines.iter().filter_map(|line| line.number).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_snapshot_of_the_journal_forgets_neither_wishes_nor_history() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let switchboard = open(&path);
        for number in 0..journal::MOST_RECORDS {
            let way = [Route::LastGood, Route::Notice][number % 2];
            route(&switchboard, way);
        }
        let last = route(&switchboard, Route::Notice).generation;
        let given = numbers(&switchboard);
        assert_eq!(given.len(), journal::MOST_RECORDS + 1);
        for _ in 0..2 {
            drop(open(&path));
            let lines = std::fs::read_to_string(&path).unwrap().lines().count();
            assert_eq!(
                lines, 2,
                "a snapshot took the place of the records, after its link"
            );
        }
        let again = open(&path);
        assert_eq!(numbers(&again), given);
        let plan = again.plan();
        assert_eq!(plan.generation, last);
        assert_eq!(plan.intents.of("a").route.unwrap().what, Route::Notice);
        assert!(!plan.sites()[0].shows_site());
    }
}
