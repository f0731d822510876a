//! The edge's hold of the workers: asks them, and never waits for one longer than it may.
//!
//! - `pool/mother.rs`: starts the mother process, hears whether her rules work, starts her again.
//! - `pool/held.rs`: a worker while it is asked.
//! - `pool/seats.rs`: who may be asked for now; one reader never takes more than half of them.
//! - here: a question, from a free worker to the verdict.
//!
//! Asking has no side effects, so a question whose worker died is asked again of another. Only a
//! deadline is final: it is the request's own fault.

mod held;
mod mother;
mod seats;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UnixStream;

use crate::canaries;
use crate::errand::{Errand, Loaded, Setup};
use crate::frame::{Answer, Question};
use crate::request::{Request, Verdict};
use held::{Heard, Held, Worker, is_there};
pub use mother::Health;
use mother::Mother;
use seats::{Seat, Seats};

/// Most CPU time for a request without a body, in milliseconds.
pub const CPU_MS: u32 = 100;
/// Most CPU time for a request with a body, in milliseconds.
pub const CPU_WITH_BODY_MS: u32 = 250;
/// So many workers may be silent about one question.
const SILENCES: usize = 2;
/// How long a free worker is waited for, as long as none is killed from outside; then `PATIENCE`.
const QUEUE: Duration = Duration::from_secs(5);
/// How long one question is asked of one worker after the other.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many workers may crash of one question.
const CRASHES: usize = 3;
/// How long it is waited before another worker is asked; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// At most so long.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How workers are started and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// The program that has `waf-worker`.
    pub program: PathBuf,
    /// Where the service manager starts a mother for whoever connects; none to start an own one.
    pub socket: Option<PathBuf>,
    /// User and group that the processes run as; none for the edge's own.
    pub user: Option<(u32, u32)>,
    /// What they load.
    pub setup: Setup,
    /// What the files of rules held when this was asked for: other contents are another pool.
    pub stamp: String,
    /// Most workers at a time.
    pub workers: usize,
    /// After so many requests a worker makes room for a new one.
    pub recycle: u64,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The rules' verdict.
    Verdict(Verdict),
    /// The deadline ended it.
    OverDeadline,
    /// Worker after worker died of it.
    Deadly,
    /// No worker became free, or none was heard of.
    Busy,
    /// There is none.
    NoWorker,
}

/// What the pool has done.
#[derive(Debug, Default)]
pub struct Counts {
    /// Verdicts that were given.
    pub verdicts: AtomicU64,
    /// CPU time that they took, in microseconds.
    pub cpu_us: AtomicU64,
    /// Workers that were made.
    pub made: AtomicU64,
    /// Workers that a deadline ended.
    pub deadlines: AtomicU64,
    /// Workers that tried a call of the system that they may not make, and were ended by that.
    pub forbidden: AtomicU64,
    /// Workers that died of themselves or were killed by somebody else.
    pub lost: AtomicU64,
    /// Workers that made room for new ones.
    pub recycled: AtomicU64,
    /// Mothers that were started.
    pub mothers: AtomicU64,
}

/// The workers.
#[derive(Debug)]
pub struct Pool {
    settings: PoolSettings,
    mother: Arc<Mother>,
    seats: Seats,
    idle: Mutex<Vec<Worker>>,
    next: AtomicU64,
    /// What it has done.
    pub counts: Arc<Counts>,
}

/// Why there is no worker to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// It is to be expected that there will be one.
    ForNow,
    /// The rules cannot be loaded.
    Altogether,
}

impl Pool {
    /// Starts the mother. The first question finds her ready, or says that there is none.
    #[must_use]
    pub fn start(settings: PoolSettings) -> Arc<Self> {
        let counts = Arc::new(Counts::default());
        let mother = Mother::start(settings.clone(), counts.clone());
        Arc::new(Self {
            seats: Seats::new(settings.workers),
            settings,
            mother,
            idle: Mutex::default(),
            next: AtomicU64::new(1),
            counts,
        })
    }

    /// How the workers are kept.
    #[must_use]
    pub const fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// How the mother is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.mother.health()
    }

    /// What was loaded, where the canaries pass.
    #[must_use]
    pub fn loaded(&self) -> Option<Loaded> {
        match self.health() {
            Health::Ready(loaded) => Some(loaded),
            Health::Starting | Health::Failed { .. } => None,
        }
    }

    /// Workers that are at a request now.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.seats.taken()
    }

    /// Has a request judged. `client` is whoever sent it, as a number: one has half of the workers at
    /// most.
    pub async fn ask(&self, client: u64, request: Request) -> Asked {
        match self.seated(client).await {
            Some(seat) => self.ask_seated(&seat, request, PATIENCE).await,
            None => Asked::Busy,
        }
    }

    /// A seat, waited for as long as is right.
    async fn seated(&self, client: u64) -> Option<Seat> {
        let lost = || self.counts.lost.load(Ordering::Relaxed);
        let before = lost();
        let mut seat = pin!(self.seats.take(client, PATIENCE));
        match tokio::time::timeout(QUEUE, &mut seat).await {
            Ok(seat) => seat,
            // Whoever has one is asking again because his worker was killed: he and those behind him
            // have done nothing wrong.
            Err(_) if lost() > before => seat.await,
            Err(_) => None,
        }
    }

    /// Has a request judged if a worker is free at this moment.
    pub async fn ask_if_idle(&self, client: u64, request: Request) -> Asked {
        match self.seats.take(client, Duration::ZERO).await {
            Some(seat) => self.ask_seated(&seat, request, Duration::ZERO).await,
            None => Asked::Busy,
        }
    }

    /// Whether a worker judges canaries as it must, one of each kind; `turn` chooses them. None while
    /// no worker is free.
    pub async fn tried(&self, turn: usize) -> Option<Result<(), String>> {
        let all = canaries::all();
        for attack in [true, false] {
            let ones: Vec<_> = all.iter().filter(|one| one.attack == attack).collect();
            let Some(canary) = ones.get(turn % ones.len().max(1)) else {
                continue;
            };
            let seat = self.seats.take(u64::MAX, QUEUE).await?;
            let asked = self.asked(&seat, canary.request.clone(), PATIENCE).await;
            let is_right = match &asked {
                Asked::Verdict(verdict) => verdict.refused == attack,
                // Also when none was heard of for as long as a request is asked again.
                Asked::OverDeadline | Asked::Deadly | Asked::NoWorker | Asked::Busy => false,
            };
            if !is_right {
                let name = &canary.name;
                return Some(Err(format!(
                    "a worker does not judge the canary \"{name}\" as it must"
                )));
            }
        }
        Some(Ok(()))
    }

    async fn ask_seated(&self, seat: &Seat, request: Request, patience: Duration) -> Asked {
        let asked = self.asked(seat, request, patience).await;
        match &asked {
            Asked::Verdict(verdict) => {
                self.counts.verdicts.fetch_add(1, Ordering::Relaxed);
                let took = verdict.cpu_us;
                self.counts.cpu_us.fetch_add(took, Ordering::Relaxed);
            }
            Asked::OverDeadline => {
                self.counts.deadlines.fetch_add(1, Ordering::Relaxed);
            }
            Asked::Deadly | Asked::Busy | Asked::NoWorker => {}
        }
        asked
    }

    /// Asks one worker after the other. With patience also for a mother who is starting.
    async fn asked(&self, _seat: &Seat, request: Request, patience: Duration) -> Asked {
        let cpu_ms = match request.body.is_empty() {
            true => CPU_MS,
            false => CPU_WITH_BODY_MS,
        };
        let frame = Question { cpu_ms, request }.to_frame();
        let asking = async {
            let (mut crashes, mut silences, mut pause) = (0, 0, FIRST_PAUSE);
            loop {
                let worker = match self.worker() {
                    Ok(worker) => worker,
                    Err(Missing::ForNow) if !patience.is_zero() => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                    Err(_) => return Asked::NoWorker,
                };
                let name = worker.name;
                // Until it has answered, whoever lets go of it has it killed.
                let mut held = Held::of(self, worker);
                match held.asked(&frame).await {
                    Heard::Answer(Answer::Verdict(verdict)) => {
                        held.give_back();
                        return Asked::Verdict(verdict);
                    }
                    Heard::Answer(Answer::OverDeadline) => return Asked::OverDeadline,
                    Heard::Answer(Answer::Forbidden { call }) => {
                        self.counts.forbidden.fetch_add(1, Ordering::Relaxed);
                        tracing::error!(
                            call,
                            "a worker of the WAF ended because of a forbidden call"
                        );
                        crashes += 1;
                        if crashes >= CRASHES {
                            return Asked::Deadly;
                        }
                        continue;
                    }
                    Heard::Gone => {}
                    Heard::Silence => {
                        silences += 1;
                        if silences >= SILENCES {
                            return Asked::Busy;
                        }
                    }
                }
                self.counts.lost.fetch_add(1, Ordering::Relaxed);
                drop(held);
                // Killed from outside, nothing of it is the request's fault, and another worker is
                // asked; a machine on which workers are killed again and again is given a moment.
                crashes += usize::from(self.mother.crashed(name).await);
                if crashes >= CRASHES {
                    return Asked::Deadly;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asking).await;
        asked.unwrap_or(Asked::Busy)
    }

    /// A worker that nobody is asking.
    fn worker(&self) -> Result<Worker, Missing> {
        let generation = match self.mother.generation() {
            Some(generation) => generation,
            None if self.mother.is_coming() => return Err(Missing::ForNow),
            None => return Err(Missing::Altogether),
        };
        loop {
            let idle = lock(&self.idle).pop();
            match idle {
                // Her line is full, or she is gone at this moment, or there are no descriptors.
                None => return self.made(generation).ok_or(Missing::ForNow),
                Some(worker) if worker.of == generation && is_there(&worker.stream) => {
                    return Ok(worker);
                }
                Some(lost) if lost.of == generation => {
                    self.counts.lost.fetch_add(1, Ordering::Relaxed);
                    self.let_go(&lost);
                }
                Some(_of_another_mother) => {}
            }
        }
    }

    /// Has a worker killed, who may be gone already; his mother waits for his end.
    fn let_go(&self, worker: &Worker) {
        let kill = Errand::Kill {
            worker: worker.name,
        };
        // With a mother that is gone, so are her workers.
        let _no_mother = self.mother.tell(worker.of, &kill, None);
    }

    fn made(&self, of: u64) -> Option<Worker> {
        let name = self.next.fetch_add(1, Ordering::Relaxed);
        let (near, far) = StdStream::pair().ok()?;
        near.set_nonblocking(true).ok()?;
        let errand = Errand::Make { worker: name };
        self.mother.tell(of, &errand, Some(far.as_fd())).ok()?;
        self.counts.made.fetch_add(1, Ordering::Relaxed);
        Some(Worker {
            name,
            of,
            stream: UnixStream::from_std(near).ok()?,
            asked: 0,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
