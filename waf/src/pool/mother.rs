//! The mother process: started by a thread of its own, which hears whether her rules work, notices
//! when she ends, and starts another after a while.

use std::collections::HashMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{Shutdown, shutdown};
use rustix::process::Signal;
use tokio::sync::Notify;

use super::{Counts, PoolSettings};
use crate::errand::{self, Errand, Loaded, Report};

/// How long loading and the canaries may take.
const LOADING: Duration = Duration::from_secs(30);
/// How long after an end the next one is started; doubled each time.
const AGAIN: Duration = Duration::from_millis(200);
/// At most so long.
const AGAIN_AT_MOST: Duration = Duration::from_secs(30);

/// How the mother is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// She loads.
    Starting,
    /// Rules work.
    Ready(Loaded),
    /// She is not there.
    Failed {
        /// Why, in words.
        why: String,
    },
}

/// How long her word about a worker is waited for.
const WORD: Duration = Duration::from_millis(500);
/// Most endings that nobody has asked about yet.
const ENDINGS: usize = 1_000;

#[derive(Debug)]
pub(super) struct Mother {
    now: Mutex<Now>,
    /// Of workers that are gone, by name: whether it was of themselves.
    endings: Mutex<HashMap<u64, bool>>,
    ended: Notify,
    /// Dropped with the pool; the thread ends by that.
    _leave: Mutex<Sender<()>>,
}

#[derive(Debug)]
struct Now {
    health: Health,
    /// How many there were, this one included.
    generation: u64,
    line: Option<Arc<OwnedFd>>,
    /// Whether one is being started of whom nothing bad is known.
    coming: bool,
}

impl Mother {
    /// Starts one, and the thread that looks after her.
    pub(super) fn start(settings: PoolSettings, counts: Arc<Counts>) -> Arc<Self> {
        let (leave, left) = channel();
        let mother = Arc::new(Self {
            now: Mutex::new(Now {
                health: Health::Starting,
                generation: 0,
                line: None,
                coming: true,
            }),
            endings: Mutex::default(),
            ended: Notify::new(),
            _leave: Mutex::new(leave),
        });
        let kept = Arc::downgrade(&mother);
        let looking = move || {
            let mut wait = AGAIN;
            loop {
                let Some(mother) = kept.upgrade() else { return };
                counts.mothers.fetch_add(1, Ordering::Relaxed);
                let started = Process::start(&settings);
                let (mut process, loaded) = match started {
                    Ok(started) => started,
                    Err(why) => {
                        tracing::error!(%why, "the WAF's worker cannot be used");
                        mother.failed(why, false);
                        drop(mother);
                        if has_left(&left, wait) {
                            return;
                        }
                        wait = (wait * 2).min(AGAIN_AT_MOST);
                        continue;
                    }
                };
                tracing::info!(library = loaded.library, directives = loaded.directives, took_ms = loaded.took_ms, open = ?loaded.open, "the WAF's rules are loaded and every canary is judged as it must be");
                mother.ready(loaded, process.line.clone());
                drop(mother);
                if process.is_left(&left, &kept) {
                    return;
                }
                let ended = process.ended();
                if let Some(mother) = kept.upgrade() {
                    mother.failed(format!("the worker process ended: {ended}"), true);
                }
                tracing::warn!(ended, "the WAF's worker process ended; another is started");
                wait = AGAIN;
                if has_left(&left, wait) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("waf".to_owned());
        if let Err(error) = thread.spawn(looking) {
            mother.failed(format!("there is no thread for it: {error}"), false);
        }
        mother
    }

    pub(super) fn health(&self) -> Health {
        lock(&self.now).health.clone()
    }

    /// The number of the one that can be told something.
    pub(super) fn generation(&self) -> Option<u64> {
        let now = lock(&self.now);
        now.line.is_some().then_some(now.generation)
    }

    /// Whether there will soon be one, as far as is known.
    pub(super) fn is_coming(&self) -> bool {
        lock(&self.now).coming
    }

    /// Tells that one something.
    ///
    /// # Errors
    /// She is gone, or does not listen.
    pub(super) fn tell(
        &self,
        generation: u64,
        errand: &Errand,
        beside: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let line = {
            let now = lock(&self.now);
            let line = now.line.clone();
            line.filter(|_| now.generation == generation)
        };
        let line = line.ok_or(io::ErrorKind::NotConnected)?;
        errand::say(line.as_ref(), errand, beside)
    }

    /// Whether a worker that is gone, and that she was told to kill, crashed: nobody killed it from
    /// outside.
    pub(super) async fn crashed(&self, worker: u64) -> bool {
        let waiting = async {
            loop {
                let mut ended = pin!(self.ended.notified());
                ended.as_mut().enable();
                if let Some(crashed) = lock(&self.endings).remove(&worker) {
                    return crashed;
                }
                ended.await;
            }
        };
        // Without a word she is gone, and took them all with her.
        tokio::time::timeout(WORD, waiting).await.unwrap_or(false)
    }

    fn note_end(&self, worker: u64, signal: Option<i32>) {
        let killed = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP];
        let killed = killed.map(Signal::as_raw);
        let crashed = signal.is_none_or(|signal| !killed.contains(&signal));
        let mut endings = lock(&self.endings);
        if endings.len() >= ENDINGS {
            endings.clear();
        }
        endings.insert(worker, crashed);
        drop(endings);
        self.ended.notify_waiters();
    }

    fn ready(&self, loaded: Loaded, line: Arc<OwnedFd>) {
        let mut now = lock(&self.now);
        now.health = Health::Ready(loaded);
        now.generation += 1;
        now.line = Some(line);
    }

    fn failed(&self, why: String, coming: bool) {
        let mut now = lock(&self.now);
        now.coming = coming;
        now.health = Health::Failed { why };
        now.line = None;
    }
}

/// Waits, and says whether the pool is gone.
fn has_left(left: &Receiver<()>, wait: Duration) -> bool {
    matches!(left.recv_timeout(wait), Err(RecvTimeoutError::Disconnected))
}

struct Process {
    /// None where the service manager started her.
    child: Option<Child>,
    line: Arc<OwnedFd>,
}

impl Process {
    /// Starts one and waits until she has loaded.
    fn start(settings: &PoolSettings) -> Result<(Self, Loaded), String> {
        let mut process = match &settings.socket {
            None => Self::own(settings)?,
            Some(path) => Self {
                child: None,
                line: errand::connected(path)
                    .map(Arc::new)
                    .map_err(|error| format!("{}: {error}", path.display()))?,
            },
        };
        let load = Errand::Load(settings.setup.clone());
        let said = errand::say(process.line.as_ref(), &load, None);
        said.map_err(|error| format!("the worker process does not listen: {error}"))?;
        if !process.speaks(LOADING) {
            process.kill();
            return Err(format!("the rules were not loaded in {LOADING:?}"));
        }
        match errand::hear::<Report>(process.line.as_ref()) {
            Ok((Report::Ready(loaded), _)) => Ok((process, loaded)),
            Ok((Report::Failed { why }, _)) => {
                process.kill();
                Err(why)
            }
            Ok((Report::Ended { .. }, _)) | Err(_) => {
                let ended = process.ended();
                Err(format!("the worker process ended while it loaded: {ended}"))
            }
        }
    }

    /// A child of this process.
    fn own(settings: &PoolSettings) -> Result<Self, String> {
        let (near, far) = errand::pair().map_err(|error| error.to_string())?;
        let mut command = Command::new(&settings.program);
        command
            .arg("waf-worker")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(far))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        if let Some((user, group)) = settings.user {
            command.uid(user).gid(group);
        }
        let child = command.spawn().map_err(|error| {
            format!("{} cannot be started: {error}", settings.program.display())
        })?;
        // Its own hold of the other end.
        drop(command);
        Ok(Self {
            child: Some(child),
            line: Arc::new(near),
        })
    }

    /// Waits until something can be heard, an end included.
    fn speaks(&self, most: Duration) -> bool {
        let mut heard = [PollFd::new(self.line.as_ref(), PollFlags::IN)];
        let wait = Timespec::try_from(most).ok();
        matches!(poll(&mut heard, wait.as_ref()), Ok(1..))
    }

    /// Hears of workers' ends until she ends, or the pool is gone.
    fn is_left(&mut self, left: &Receiver<()>, kept: &Weak<Mother>) -> bool {
        const LOOK: Duration = Duration::from_millis(100);
        loop {
            if self.speaks(LOOK) {
                match errand::hear::<Report>(self.line.as_ref()) {
                    Ok((Report::Ended { worker, signal }, _)) => {
                        if let Some(mother) = kept.upgrade() {
                            mother.note_end(worker, signal);
                        }
                        continue;
                    }
                    Ok(_) | Err(_) => return false,
                }
            }
            if matches!(
                left.try_recv(),
                Err(std::sync::mpsc::TryRecvError::Disconnected)
            ) {
                self.kill();
                return true;
            }
        }
    }

    /// How she ended, in words.
    fn ended(&mut self) -> String {
        self.kill();
        match self.child.as_mut().map(Child::wait) {
            Some(Ok(status)) => status.to_string(),
            Some(Err(error)) => error.to_string(),
            None => "it hung up; the service manager knows more".to_owned(),
        }
    }

    fn kill(&mut self) {
        // Her workers go with her.
        match &mut self.child {
            Some(child) => {
                let _is_gone = child.kill();
                let _ended = child.wait();
            }
            // She ends when nobody is there any more.
            None => {
                let _is_gone = shutdown(self.line.as_ref(), Shutdown::Both);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
