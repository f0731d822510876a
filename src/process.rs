//! What `edge`, `cms` and `ops` have in common as processes: a runtime, the stop signals, the
//! bond to the process that started them, and room for many connections; and who runs a command.

use std::future::Future;

use anyhow::Context;
use nix::unistd::{User, geteuid};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    PidfdFlags, Resource, Rlimit, Signal, getpid, getppid, getrlimit, kill_process, pidfd_open,
    set_parent_process_death_signal, setrlimit,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::ProcessArguments;

/// Prepares the process: log, open files, and the bond to its parent when one was asked for.
pub(crate) fn prepare(arguments: &ProcessArguments) -> anyhow::Result<()> {
    crate::logging::start();
    raise_open_files();
    if arguments.end_with_parent {
        set_parent_process_death_signal(Some(Signal::TERM)).context("cannot follow the parent")?;
    }
    Ok(())
}

/// Prepares a process that takes over from the one that started it: its bond is to the supervisor of
/// both, which becomes its parent when the process before it is gone.
pub(crate) fn prepare_under(supervisor: u32) -> anyhow::Result<()> {
    crate::logging::start();
    raise_open_files();
    let before = getppid().context("nobody started this process")?;
    let before = pidfd_open(before, PidfdFlags::empty()).context("cannot watch the parent")?;
    let following = move || {
        let mut wait = [PollFd::new(&before, PollFlags::IN)];
        while poll(&mut wait, None).is_err() {}
        // The bond holds as long as this thread lives, which is as long as the process does.
        let bound = set_parent_process_death_signal(Some(Signal::TERM));
        if bound.is_err() || parent() != Some(supervisor) {
            let _ends_itself = kill_process(getpid(), Signal::TERM);
        }
        loop {
            std::thread::park();
        }
    };
    let thread = std::thread::Builder::new().name("supervisor".to_owned());
    thread.spawn(following).context("cannot start a thread")?;
    Ok(())
}

/// The process that started this one.
pub(crate) fn parent() -> Option<u32> {
    u32::try_from(getppid()?.as_raw_nonzero().get()).ok()
}

/// Who runs this, as the system knows them.
pub(crate) fn user() -> String {
    let uid = geteuid();
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

/// Every connection is an open file, and the usual limit of 1,024 is soon reached.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Runs `body` on a runtime of its own. `body` receives a future that ends at SIGTERM or SIGINT.
pub(crate) fn run<F>(body: impl FnOnce(Stop) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = Stop::new()?;
        body(stop).await
    })
}

/// The signals that end a process.
pub(crate) struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    /// Begins to listen; from now on the signals no longer kill the process at once.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ends when one of them arrives. May be dropped and called again.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
