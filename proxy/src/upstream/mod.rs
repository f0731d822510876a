//! A site's upstreams: the primary and its standbys, what is seen of each, and which of them is
//! asked now. Outlives the plan, so that what was seen does not get lost with an order.
//!
//! - `budget.rs`: how often a request may be tried at another one.
//! - `check.rs`: asks each of them now and then, where that is configured.
//!
//! What counts as up is decided in `routing/health.rs`, who is asked in `routing/decide.rs`. Here it
//! is only carried out.

mod budget;
pub mod check;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use http::StatusCode;
use rand::Rng;
use tokio::sync::Notify;
use yagura_config::settings::{Origin as Place, SiteSettings};
use yagura_control::Timestamp;
use yagura_control::order::{Route, UpstreamShown};

use crate::cache::{Origin, OriginHealth};
use crate::routing::decide::{Ask, Sight};
use crate::routing::health::{Event, Health, Move};

pub use budget::Budget;

/// One upstream of a site.
pub struct Upstream {
    /// Its place among them: 0 is the primary.
    pub index: usize,
    /// Where it is.
    pub place: Place,
    /// Connections to it, for what the cache asks.
    pub origin: Arc<Origin>,
    /// Whether it answered last, and how long a silent one is left alone.
    pub silence: Arc<OriginHealth>,
    seen: Arc<Seen>,
}

/// What was seen of the upstream at a place; outlives the settings.
#[derive(Default)]
struct Seen {
    health: Mutex<Health>,
    checked: Mutex<Option<String>>,
}

/// Those of one site.
pub struct Upstreams {
    site: String,
    choice: ArcSwap<Choice>,
    budget: Budget,
    /// Told when one of them rose or fell.
    moved: Arc<Notify>,
}

/// Who there is, and who is asked.
pub struct Choice {
    all: Vec<Arc<Upstream>>,
    ask: Ask,
}

impl Upstreams {
    /// None yet; `moved` is told of every rise and fall.
    #[must_use]
    pub fn new(site: &SiteSettings, moved: Arc<Notify>) -> Arc<Self> {
        let choice = Choice {
            all: Vec::new(),
            ask: Ask::Trial,
        };
        Arc::new(Self {
            site: site.name.clone(),
            choice: ArcSwap::from_pointee(choice),
            budget: Budget::default(),
            moved,
        })
    }

    /// Those that the settings name. What was seen at a place before is carried over.
    #[must_use]
    pub fn configured(&self, site: &SiteSettings) -> Vec<Arc<Upstream>> {
        let present = self.choice.load();
        let places = std::iter::once(&site.origin).chain(&site.standby);
        let upstream = |(index, place): (usize, &Place)| {
            let before = present.all.iter().find(|one| one.place == *place);
            Arc::new(Upstream {
                index,
                place: place.clone(),
                origin: Origin::new(site, place),
                silence: before.map(|one| one.silence.clone()).unwrap_or_default(),
                seen: before.map(|one| one.seen.clone()).unwrap_or_default(),
            })
        };
        places.enumerate().map(upstream).collect()
    }

    /// Puts in force who there is and who is asked.
    pub fn choose(&self, all: &[Arc<Upstream>], ask: Ask) {
        let present = self.choice.load();
        let same = present.all.len() == all.len()
            && present
                .all
                .iter()
                .zip(all)
                .all(|(one, other)| Arc::ptr_eq(one, other));
        if !(same && present.ask == ask) {
            self.choice.store(Arc::new(Choice {
                all: all.to_vec(),
                ask,
            }));
        }
    }

    /// The one to ask first; `None` when nobody is to be asked.
    #[must_use]
    pub fn first(&self) -> Option<Arc<Upstream>> {
        let choice = self.choice.load();
        let index = match choice.ask {
            Ask::Only(index) | Ask::First(index) => index,
            Ask::Trial => 0,
            Ask::Nobody => return None,
        };
        choice.all.get(index).cloned()
    }

    /// A request came that may have to be tried again.
    pub fn count_request(&self) {
        self.budget.pay_in();
    }

    /// The one to ask after those before it gave no byte of an answer; `None` when the answer is
    /// that there is none. Only for requests that may be made twice.
    #[must_use]
    pub fn next(&self, tried: &[usize]) -> Option<Arc<Upstream>> {
        let choice = self.choice.load();
        let only_up = match choice.ask {
            Ask::First(_) => true,
            Ask::Trial => false,
            Ask::Only(_) | Ask::Nobody => return None,
        };
        let mut others = choice.all.iter();
        let other = others.find(|one| !tried.contains(&one.index) && (one.is_up() || !only_up))?;
        self.budget.take_out().then(|| other.clone())
    }

    /// Whether nobody need be asked for a reader who can be answered otherwise: an operator said so,
    /// or all were found silent just now.
    #[must_use]
    pub fn are_left_alone(&self, now: Timestamp) -> bool {
        let choice = self.choice.load();
        match choice.ask {
            Ask::Nobody => true,
            Ask::Only(index) => choice
                .all
                .get(index)
                .is_some_and(|one| one.silence.is_known_dead(now)),
            Ask::First(_) => choice
                .all
                .iter()
                .filter(|one| one.is_up())
                .all(|one| one.silence.is_known_dead(now)),
            Ask::Trial => choice.all.iter().all(|one| one.silence.is_known_dead(now)),
        }
    }

    /// Whether a reader for whom nothing is stored is answered without asking.
    #[must_use]
    pub fn are_closed(&self, now: Timestamp) -> bool {
        match self.choice.load().ask {
            Ask::Nobody => true,
            Ask::Trial => self.are_left_alone(now),
            Ask::Only(_) | Ask::First(_) => false,
        }
    }

    /// Whether the one asked now answered when last asked.
    #[must_use]
    pub fn answered_last(&self) -> Option<bool> {
        let choice = self.choice.load();
        let index = match choice.ask {
            Ask::Only(index) | Ask::First(index) => index,
            Ask::Trial | Ask::Nobody => 0,
        };
        choice.all.get(index)?.silence.is_up()
    }

    /// It answered; a status that says that it cannot serve counts as a failure.
    pub fn note_answer(&self, upstream: &Upstream, status: StatusCode, now: Timestamp) {
        if upstream.silence.answered() {
            tracing::info!(site = %self.site, upstream = %upstream.place, "the origin answers");
        }
        let event = if matches!(status.as_u16(), 502..=504) {
            Event::Failed
        } else {
            Event::Answered
        };
        self.apply(upstream, event, now);
    }

    /// It gave no answer. `is_of_the_origin`: it was not this URL alone that it could not answer.
    pub fn note_failure(
        &self,
        upstream: &Upstream,
        is_of_the_origin: bool,
        why: &dyn std::fmt::Display,
        now: Timestamp,
    ) {
        if is_of_the_origin && upstream.silence.failed(now, rand::rng().random()) {
            tracing::warn!(site = %self.site, upstream = %upstream.place, error = %why, "the origin does not answer");
        }
        self.apply(upstream, Event::Failed, now);
    }

    /// What an active check saw.
    fn note_check(&self, upstream: &Upstream, seen: Result<(), String>, now: Timestamp) {
        let (event, told) = match seen {
            Ok(()) => {
                upstream.silence.answered();
                (Event::Answered, format!("answered at {now}"))
            }
            Err(why) => (Event::Failed, format!("{why}, at {now}")),
        };
        *lock(&upstream.seen.checked) = Some(told);
        self.apply(upstream, event, now);
    }

    fn apply(&self, upstream: &Upstream, event: Event, now: Timestamp) {
        let moved = lock(&upstream.seen.health).apply(event, now);
        let (site, place) = (&self.site, &upstream.place);
        match moved {
            None => return,
            Some(Move::Rose) => tracing::info!(%site, upstream = %place, "counts as up again"),
            Some(Move::Fell(why)) => {
                tracing::warn!(%site, upstream = %place, %why, "counts as down")
            }
        }
        self.moved.notify_one();
    }
}

impl Upstream {
    /// Whether it counts as answering.
    #[must_use]
    pub fn is_up(&self) -> bool {
        lock(&self.seen.health).is_up()
    }

    fn shown(&self) -> UpstreamShown {
        let health = lock(&self.seen.health);
        UpstreamShown {
            route: Route::through(self.index),
            place: self.place.to_string(),
            up: health.is_up(),
            answered: self.silence.is_up(),
            why: health
                .fallen()
                .map(|(since, fall)| format!("{fall}, at {since}")),
            checked: lock(&self.seen.checked).clone(),
        }
    }
}

/// What is seen of these upstreams.
#[must_use]
pub fn sight(upstreams: &[Arc<Upstream>], keeps_copies: bool) -> Sight {
    let fallen = upstreams.iter().map(|one| lock(&one.seen.health).fallen());
    Sight {
        fallen: fallen.collect(),
        keeps_copies,
    }
}

/// The same for operators.
#[must_use]
pub fn shown(upstreams: &[Arc<Upstream>]) -> Vec<UpstreamShown> {
    upstreams.iter().map(|one| one.shown()).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
