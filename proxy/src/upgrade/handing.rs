//! How an edge ends: told to stop, or replaced. Does what `machine.rs` decides, in the process that
//! is to be replaced, and begins in the new one where it was given everything.
//!
//! SIGTERM waits for the requests under way, SIGINT does not; SIGUSR2 is an upgrade to the program
//! now on disk.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use yagura_control::clock::monotonic;
use yagura_control::order::{EdgeProcess, Outcome, Refusal};

use super::lock::FolderLock;
use super::machine::{Act, Event, Patience, State};
use super::message::{Line, Message, PROTOCOL};
use super::sockets::Sockets;
use super::{Asked, Program, Role, is_ending, not_upgraded, taking};
use crate::error::EdgeError;
use crate::notify::{Notifier, Word};
use crate::public::Accepting;
use crate::redirect_hits::recorder;
use crate::state::Edge;

/// How often it is looked whether readers are done, and time is over.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a program may take to read the configuration.
const CHECK: Duration = Duration::from_secs(10);

/// What the process that may be replaced holds.
pub struct Handing {
    pub edge: Arc<Edge>,
    pub program: Program,
    pub sockets: Arc<Sockets>,
    /// None for an edge without a folder.
    pub lock: Option<Arc<FolderLock>>,
    pub patience: Patience,
    pub notifier: Arc<Notifier>,
    /// Becomes true when connections are to be accepted.
    pub open: watch::Sender<bool>,
    /// Becomes true when no connection is to be accepted any more.
    pub leave: watch::Sender<bool>,
    pub accepting: watch::Receiver<Accepting>,
    /// What is asked at the desk.
    pub asked: tokio::sync::Mutex<mpsc::Receiver<Asked>>,
    /// The line to the process before this one.
    pub before: Mutex<Option<Line>>,
    /// Why the process ends, when it is not because it was told to.
    pub failure: Arc<Mutex<Option<EdgeError>>>,
}

#[async_trait]
impl ShutdownSignalWatch for Handing {
    async fn recv(&self) -> ShutdownSignal {
        let signals = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
            signal(SignalKind::user_defined2()),
            // Heard by the errands; until they begin, it must not end the process.
            signal(SignalKind::hangup()),
        );
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut replace), Ok(_)) = signals else {
            tracing::error!("signals cannot be heard; the edge ends only by being killed");
            return std::future::pending().await;
        };
        let mut asked = self.asked.lock().await;
        tokio::select! {
            begun = self.begin() => if let Err(error) = begun {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return ShutdownSignal::FastShutdown;
            },
            _ = terminate.recv() => return ShutdownSignal::FastShutdown,
            _ = interrupt.recv() => return ShutdownSignal::FastShutdown,
        }
        let (tell, mut events) = mpsc::unbounded_channel();
        let mut course = Course::new(self, tell);
        while course.state != State::Over {
            tokio::select! {
                _ = terminate.recv() => course.happened(Event::Stop).await,
                _ = interrupt.recv() => break,
                _ = replace.recv() => course.is_asked(None, None).await,
                Some(asked) = asked.recv() => {
                    course.is_asked(asked.binary, Some(asked.reply)).await;
                }
                Some((attempt, event)) = events.recv() => course.heard(attempt, event).await,
                () = tokio::time::sleep(LOOK_AGAIN), if course.state.is_timed() => {
                    course.time_passed().await;
                }
            }
        }
        self.edge.traffic.drain();
        // Nothing is under way any more, or nobody waits for it: pingora need not wait again.
        ShutdownSignal::FastShutdown
    }
}

impl Handing {
    /// Waits, where there was a process before this one, until everything is this one's; then begins
    /// to accept connections and to take orders.
    async fn begin(&self) -> Result<(), EdgeError> {
        let before = self
            .before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let line = match before {
            None => None,
            Some(mut line) => {
                // A thread of its own, which nothing waits for when this process is told to stop.
                let (tell, given) = oneshot::channel();
                std::thread::spawn(move || {
                    let given = taking::be_given(&mut line);
                    tell.send(given.map(|()| line))
                });
                let given = given.await.unwrap_or_else(|error| {
                    let cause = std::io::Error::other(error);
                    Err(EdgeError::TakeOver { cause })
                });
                let line = given?;
                tracing::info!("everything was handed over to this process");
                Some(line)
            }
        };
        self.open.send_replace(true);
        let mut accepting = self.accepting.clone();
        let accepts = accepting.wait_for(|accepting| *accepting == Accepting::Yes);
        if accepts.await.is_err() {
            return std::future::pending().await;
        }
        self.edge.switchboard.unseal();
        self.edge.upgrades.set_role(Role::Owner);
        if let Some(line) = line {
            taking::taken(&line);
        }
        let version = env!("CARGO_PKG_VERSION");
        let status = format!("yagura {version} answers");
        self.notifier.tell(&[Word::Ready, Word::Status(&status)]);
        Ok(())
    }

    fn is_quiet(&self, replaced: bool) -> bool {
        let traffic = &self.edge.traffic;
        let accepts_none = *self.accepting.borrow() == Accepting::Ended && traffic.waiting() == 0;
        // Who is silent between two requests is waited for when another process answers meanwhile.
        let nobody_here = !replaced || self.edge.limits.open() == 0;
        accepts_none && nobody_here && traffic.count() == 0
    }
}

/// Who is told what came of an upgrade.
type Reply = oneshot::Sender<Result<Outcome, Refusal>>;

/// The new process of an upgrade under way.
struct Successor {
    pid: u32,
    version: String,
    line: Line,
    /// Becomes true when it is gone.
    gone: watch::Receiver<bool>,
}

/// One life's course, from upgrade to upgrade.
struct Course<'h> {
    handing: &'h Handing,
    state: State,
    began: Instant,
    tell: mpsc::UnboundedSender<(u64, Event)>,
    /// Counts upgrades, so that what was said in one is not heard in the next.
    attempt: u64,
    binary: PathBuf,
    reply: Option<Reply>,
    version: Arc<Mutex<String>>,
    successor: Option<Successor>,
    replaced: bool,
    hurries: bool,
}

impl<'h> Course<'h> {
    fn new(handing: &'h Handing, tell: mpsc::UnboundedSender<(u64, Event)>) -> Self {
        Self {
            handing,
            state: State::Serving,
            began: monotonic(),
            tell,
            attempt: 0,
            binary: handing.program.file.clone(),
            reply: None,
            version: Arc::default(),
            successor: None,
            replaced: false,
            hurries: false,
        }
    }

    async fn is_asked(&mut self, binary: Option<PathBuf>, reply: Option<Reply>) {
        if matches!(self.state, State::Leaving { .. } | State::Over) {
            answer(reply, Err(is_ending()));
            return;
        }
        if self.state != State::Serving {
            let (_, acts) = self.decided(Event::Asked);
            for act in acts {
                if let Act::Refused(why) = act {
                    answer(reply, Err(not_upgraded(why)));
                    return;
                }
            }
            return;
        }
        self.attempt += 1;
        self.binary = binary.unwrap_or_else(|| self.handing.program.file.clone());
        self.reply = reply;
        tracing::info!(program = %self.binary.display(), "an upgrade is ordered");
        self.happened(Event::Asked).await;
    }

    async fn heard(&mut self, attempt: u64, event: Event) {
        if attempt == self.attempt {
            self.happened(event).await;
        }
    }

    async fn time_passed(&mut self) {
        let leaving = matches!(self.state, State::Leaving { .. });
        let waits_for_all = self.replaced && !self.hurries;
        if leaving && self.handing.is_quiet(waits_for_all) {
            self.happened(Event::Quiet).await;
        } else {
            self.happened(Event::Tick).await;
        }
    }

    fn decided(&self, event: Event) -> (State, Vec<Act>) {
        let now = monotonic().saturating_duration_since(self.began);
        self.state.apply(event, now, &self.handing.patience)
    }

    async fn happened(&mut self, event: Event) {
        self.hurries |= event == Event::Stop;
        let (state, acts) = self.decided(event);
        self.state = state;
        for act in acts {
            self.carry_out(act).await;
        }
    }

    async fn carry_out(&mut self, act: Act) {
        let handing = self.handing;
        match act {
            Act::Check => self.check(),
            Act::Start => self.start(),
            Act::Seal => self.seal().await,
            Act::Give => self.give(),
            Act::Kill => self.kill().await,
            Act::Resume => self.resume().await,
            Act::Commit => self.commit(),
            Act::Leave => {
                if !self.replaced {
                    handing.notifier.tell(&[Word::Stopping]);
                }
                tracing::info!(
                    under_way = handing.edge.traffic.count(),
                    "stopping; waiting for requests under way"
                );
                handing.edge.upgrades.set_role(Role::Leaving);
                handing.leave.send_replace(true);
                handing.edge.traffic.drain();
                handing.sockets.let_go();
            }
            Act::Succeeded => self.succeeded(),
            Act::Refused(why) => {
                tracing::error!(%why, "not upgraded; the edge goes on as it was");
                let status = format!("not upgraded: {why}");
                handing.notifier.tell(&[Word::Status(&status)]);
                answer(self.reply.take(), Err(not_upgraded(why)));
            }
            Act::End => {
                let under_way = handing.edge.traffic.count();
                if under_way > 0 {
                    tracing::warn!(under_way, "stopping all the same");
                }
            }
        }
    }

    fn check(&self) {
        let (attempt, tell) = (self.attempt, self.tell.clone());
        let (binary, program) = (self.binary.clone(), self.handing.program.clone());
        let version = self.version.clone();
        tokio::spawn(async move {
            let event = match checked(&binary, &program).await {
                Ok(found) => {
                    *version.lock().unwrap_or_else(PoisonError::into_inner) = found;
                    Event::Checked
                }
                Err(why) => Event::Unfit(why),
            };
            let _is_over = tell.send((attempt, event));
        });
    }

    fn start(&mut self) {
        let status = format!("upgrading with {}", self.binary.display());
        self.handing.notifier.tell(&[Word::Status(&status)]);
        match self.started() {
            Ok(successor) => {
                tracing::info!(pid = successor.pid, "the new process was started");
                self.successor = Some(successor);
            }
            Err(error) => self.fails(format!("it cannot be started: {error}")),
        }
    }

    fn fails(&self, why: String) {
        let _is_over = self.tell.send((self.attempt, Event::Failed(why)));
    }

    fn started(&self) -> std::io::Result<Successor> {
        let (near, far) = UnixStream::pair()?;
        let mut child = Command::new(&self.binary)
            .args(&self.handing.program.take_over)
            .stdin(Stdio::from(OwnedFd::from(far)))
            // These name the process they are meant for, which is this one.
            .env_remove("WATCHDOG_PID")
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_FDNAMES")
            // A group of its own, so that all of it can be ended.
            .process_group(0)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let line = Line::new(near);
        let mut hearing = line.another()?;
        let (attempt, tell) = (self.attempt, self.tell.clone());
        let gone = watch::Sender::new(false);
        let successor = Successor {
            pid,
            version: self
                .version
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            line,
            gone: gone.subscribe(),
        };
        let ended = tell.clone();
        tokio::spawn(async move {
            let why = match child.wait().await {
                Ok(status) => format!("the new process ended ({status}) before it was ready"),
                Err(error) => error.to_string(),
            };
            gone.send_replace(true);
            let _is_over = ended.send((attempt, Event::Failed(why)));
        });
        std::thread::Builder::new().spawn(move || {
            while let Ok((message, _)) = hearing.hear() {
                let event = match message {
                    Message::Hello { protocol, .. } if protocol == PROTOCOL => Event::Hello,
                    Message::Hello { protocol, .. } => {
                        let why = format!("it speaks another protocol ({protocol})");
                        Event::Failed(why)
                    }
                    Message::Ready => Event::Ready,
                    Message::Taken => Event::Taken,
                    Message::Failed { why } => Event::Failed(why),
                    Message::Sockets { .. } | Message::Yours => continue,
                };
                if tell.send((attempt, event)).is_err() {
                    return;
                }
            }
        })?;
        Ok(successor)
    }

    /// Nothing on the disk is this process's from now on.
    async fn seal(&self) {
        let edge = self.handing.edge.clone();
        edge.upgrades.set_role(Role::Sealed);
        let lock = self.handing.lock.clone();
        let sealing = tokio::task::spawn_blocking(move || {
            edge.switchboard.seal();
            edge.cache.seal();
            recorder::record(&edge);
            if let Some(hits) = &edge.redirect_hits {
                hits.let_go();
            }
            if let Some(lock) = lock {
                lock.let_go();
            }
        });
        if let Err(error) = sealing.await {
            tracing::error!(%error, "sealing");
        }
    }

    fn give(&self) {
        let Some(successor) = &self.successor else {
            return;
        };
        let given = self.handing.sockets.show(|names, sockets| {
            let message = Message::Sockets { names };
            successor.line.say(&message, sockets)
        });
        if let Err(error) = given {
            self.fails(format!("the sockets cannot be given: {error}"));
        }
    }

    async fn kill(&mut self) {
        let Some(mut successor) = self.successor.take() else {
            return;
        };
        let pid = i32::try_from(successor.pid).ok().and_then(Pid::from_raw);
        // Its processes too, when it has some.
        if let Some(pid) = pid {
            let _gone_already = kill_process_group(pid, Signal::KILL);
        }
        let _gone = successor.gone.wait_for(|gone| *gone).await;
    }

    async fn resume(&self) {
        let (edge, lock) = (self.handing.edge.clone(), self.handing.lock.clone());
        let resuming = tokio::task::spawn_blocking(move || {
            if let Some(lock) = lock {
                lock.take_again()?;
            }
            edge.switchboard.resume()?;
            edge.cache.unseal();
            edge.upgrades.set_role(Role::Owner);
            Ok::<_, EdgeError>(())
        });
        match resuming.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "readers are answered, but no orders taken; restart the edge");
            }
            Err(error) => tracing::error!(%error, "resuming"),
        }
    }

    fn commit(&self) {
        let Some(successor) = &self.successor else {
            return;
        };
        if let Err(error) = successor.line.say(&Message::Yours, &[]) {
            self.fails(format!("the new process does not hear: {error}"));
        }
    }

    fn succeeded(&mut self) {
        self.replaced = true;
        let Some(successor) = &self.successor else {
            return;
        };
        let main = Word::MainProcess(successor.pid);
        self.handing.notifier.tell(&[main]);
        let to = EdgeProcess {
            version: successor.version.clone(),
            pid: successor.pid,
        };
        let from = EdgeProcess {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
        };
        tracing::info!(pid = to.pid, version = %to.version, "upgraded; this process ends when its readers are done");
        answer(self.reply.take(), Ok(Outcome::Upgraded { from, to }));
    }
}

fn answer(reply: Option<Reply>, result: Result<Outcome, Refusal>) {
    if let Some(reply) = reply {
        let _nobody_waits = reply.send(result);
    }
}

/// The version of a program that reads the configuration.
async fn checked(binary: &Path, program: &Program) -> Result<String, String> {
    let shown = binary.display();
    let version = output(binary, &["--version".into()]).await?;
    let text = String::from_utf8_lossy(&version.stdout);
    let Some(version) = text.trim().strip_prefix("yagura ") else {
        return Err(format!("{shown} is no yagura"));
    };
    let read = output(binary, &program.check).await?;
    if !read.status.success() {
        let words = String::from_utf8_lossy(&read.stderr);
        return Err(format!(
            "yagura {version} does not take the configuration: {}",
            words.trim()
        ));
    }
    Ok(version.to_owned())
}

async fn output(
    binary: &Path,
    arguments: &[std::ffi::OsString],
) -> Result<std::process::Output, String> {
    let shown = binary.display();
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(CHECK, command.output()).await;
    let output = output.map_err(|_| format!("{shown} takes too long to answer"))?;
    output.map_err(|error| format!("{shown} cannot be started: {error}"))
}
