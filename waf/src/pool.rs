//! The edge's hold of the workers: asks them, and never waits for one longer than it may.
//!
//! - `pool/mother.rs`: starts the mother process, hears whether her rules work, starts her again.
//! - `pool/seats.rs`: who may be asked for now; one reader never takes more than half of them.
//! - here: a question, from a free worker to the verdict.
//!
//! Asking has no side effects, so a question whose worker died is asked again of another. Only a
//! deadline is final: it is the request's own fault.

mod mother;
mod seats;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::canaries;
use crate::errand::{Errand, Loaded, Setup};
use crate::frame::{Answer, LONGEST, Question};
use crate::request::{Request, Verdict};
pub use mother::Health;
use mother::Mother;
use seats::{Seat, Seats};

/// Most CPU time for a request without a body, in milliseconds.
pub const CPU_MS: u32 = 100;
/// Most CPU time for a request with a body, in milliseconds.
pub const CPU_WITH_BODY_MS: u32 = 250;
/// How long a worker may be silent whatever CPU time it got: the machine is overloaded, or it hangs.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a free worker is waited for.
const QUEUE: Duration = Duration::from_secs(5);
/// How long one question is asked of one worker after the other.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many workers may crash of one question.
const CRASHES: usize = 3;
/// How long it is waited before another worker is asked; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// At most so long.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How workers are started and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// The program that has `waf-worker`.
    pub program: PathBuf,
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

#[derive(Debug)]
struct Worker {
    name: u64,
    /// Which mother's it is.
    of: u64,
    stream: UnixStream,
    asked: u64,
}

/// What a worker said.
enum Heard {
    Answer(Answer),
    Gone,
    Silence,
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
        let Some(seat) = self.seats.take(client, QUEUE).await else {
            return Asked::Busy;
        };
        self.ask_seated(&seat, request).await
    }

    /// Has a request judged if a worker is free at this moment.
    pub async fn ask_if_idle(&self, client: u64, request: Request) -> Asked {
        match self.seats.take(client, Duration::ZERO).await {
            Some(seat) => self.ask_seated(&seat, request).await,
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
            let asked = self.asked(&seat, canary.request.clone()).await;
            let is_right = match &asked {
                Asked::Verdict(verdict) => verdict.refused == attack,
                Asked::OverDeadline | Asked::Deadly | Asked::NoWorker => false,
                Asked::Busy => return None,
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

    async fn ask_seated(&self, seat: &Seat, request: Request) -> Asked {
        let asked = self.asked(seat, request).await;
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

    async fn asked(&self, _seat: &Seat, request: Request) -> Asked {
        let cpu_ms = match request.body.is_empty() {
            true => CPU_MS,
            false => CPU_WITH_BODY_MS,
        };
        let frame = Question { cpu_ms, request }.to_frame();
        let asking = async {
            let (mut crashes, mut pause) = (0, FIRST_PAUSE);
            loop {
                let Some(worker) = self.worker() else {
                    return Asked::NoWorker;
                };
                let name = worker.name;
                // Until it has answered, whoever lets go of it has it killed.
                let mut held = Held {
                    worker: Some(worker),
                    pool: self,
                };
                match held.asked(&frame).await {
                    Heard::Answer(Answer::Verdict(verdict)) => {
                        held.give_back();
                        return Asked::Verdict(verdict);
                    }
                    Heard::Answer(Answer::OverDeadline) => return Asked::OverDeadline,
                    Heard::Gone => {}
                    Heard::Silence => return Asked::Busy,
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
    fn worker(&self) -> Option<Worker> {
        let generation = self.mother.generation()?;
        loop {
            let idle = lock(&self.idle).pop();
            match idle {
                None => return self.made(generation),
                Some(worker) if worker.of == generation && is_there(&worker.stream) => {
                    return Some(worker);
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

/// A worker that is being asked.
struct Held<'p> {
    worker: Option<Worker>,
    pool: &'p Pool,
}

impl Held<'_> {
    /// Asks it.
    async fn asked(&mut self, frame: &[u8]) -> Heard {
        match &mut self.worker {
            Some(worker) => heard(worker, frame).await,
            None => Heard::Gone,
        }
    }

    /// It has answered, and may be asked again.
    fn give_back(&mut self) {
        let Some(mut worker) = self.worker.take() else {
            return;
        };
        worker.asked += 1;
        if worker.asked < self.pool.settings.recycle {
            lock(&self.pool.idle).push(worker);
        } else {
            self.pool.counts.recycled.fetch_add(1, Ordering::Relaxed);
            self.pool.let_go(&worker);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.pool.let_go(&worker);
        }
    }
}

/// Whether the other end is open, as far as is known without waiting.
fn is_there(stream: &UnixStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // A worker that nobody asks says nothing; what can be read is its end.
    let mut seen = [PollFd::new(stream, PollFlags::IN)];
    matches!(poll(&mut seen, Some(&now)), Ok(0))
}

async fn heard(worker: &mut Worker, frame: &[u8]) -> Heard {
    let stream = &mut worker.stream;
    let asking = async {
        stream.write_all(frame).await?;
        let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await?;
        Answer::of(&bytes).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    };
    let asked: Result<std::io::Result<Answer>, _> = tokio::time::timeout(SILENCE, asking).await;
    match asked {
        Ok(Ok(answer)) => Heard::Answer(answer),
        Ok(Err(_)) => Heard::Gone,
        Err(_) => Heard::Silence,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
