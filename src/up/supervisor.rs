//! Starts the three processes and starts again whichever dies.
//!
//! Each process has a loop of its own, so that one that keeps dying never delays another. Its
//! output goes to `log/NAME.log` in the data folder; who died, of what, and what was started is
//! said on the supervisor's standard error and in `log/up.log`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use yagura_control::clock::monotonic;
use yagura_control::{Clock, SystemClock};

use super::life::{Life, Successions};
use super::restart::Deaths;
use super::town::Town;
use crate::process::Stop;

/// How long a process may take to end when asked; longer than the edge's own grace.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
/// Between tries when the system refuses to start a process at all.
const START_RETRY: Duration = Duration::from_secs(1);

/// What is needed to start a process of the town.
pub(crate) struct Supervisor {
    program: PathBuf,
    config: PathBuf,
    logs: PathBuf,
    log: File,
    /// Where the edge tells that another process took over; its path is in the environment of the edge.
    told_at: PathBuf,
    successions: Successions,
}

impl Supervisor {
    /// Prepares the supervision of `town`; starts nothing yet.
    pub(crate) fn new(town: &Town) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the running program")?;
        let logs = town.data.join("log");
        let log = append(&logs.join("up.log"))?;
        let told_at = town.data.join("run/up.sock");
        Ok(Self {
            successions: Successions::listen(&told_at)?,
            told_at,
            program,
            config: town.config(),
            logs,
            log,
        })
    }

    /// Keeps all three running until the stop signal, then ends them: the edge first, so that no
    /// reader meets a dead origin.
    pub(crate) async fn run(&self, stop: &mut Stop) {
        let (end_edge, edge_ends) = watch::channel(false);
        let (end_others, others_end) = watch::channel(false);
        let edge = async {
            self.keep("edge", edge_ends).await;
            end_others.send_replace(true);
        };
        let signal = async {
            stop.wait().await;
            self.say("stopping");
            end_edge.send_replace(true);
        };
        tokio::join!(
            signal,
            edge,
            self.keep("cms", others_end.clone()),
            self.keep("ops", others_end),
        );
        self.say("stopped");
    }

    /// Keeps one process running until `ends` says so.
    async fn keep(&self, name: &str, mut ends: watch::Receiver<bool>) {
        let mut deaths = Deaths::default();
        let mut word = "started";
        loop {
            let started = monotonic();
            let child = match self.spawn(name) {
                Ok(child) => child,
                Err(error) => {
                    self.say(&format!("{name} could not be started: {error:#}"));
                    if within(START_RETRY, &mut ends).await {
                        return;
                    }
                    continue;
                }
            };
            let mut pid = child.id().unwrap_or_default();
            self.say(&format!("{name} {word} (pid {pid})"));
            let mut life = Life::Child(child);
            let why = loop {
                tokio::select! {
                    // First: who tells that another took over ends soon after.
                    biased;
                    successor = self.successions.next(), if name == "edge" => {
                        self.say(&format!("{name} (pid {pid}) was upgraded (pid {successor})"));
                        pid = successor;
                        life = match life.followed_by(successor) {
                            Ok(life) => life,
                            Err(error) => break error.to_string(),
                        };
                    }
                    why = life.end() => break why,
                    _ = ends.wait_for(|end| *end) => return self.end(name, life).await,
                }
            };
            self.say(&format!("{name} (pid {pid}) died: {why}"));
            if within(deaths.delay_after(monotonic() - started), &mut ends).await {
                return;
            }
            word = "started again";
        }
    }

    fn spawn(&self, name: &str) -> anyhow::Result<Child> {
        let output = append(&self.logs.join(format!("{name}.log")))?;
        Command::new(&self.program)
            .arg(name)
            .arg("--config")
            .arg(&self.config)
            .arg("--end-with-parent")
            .env("NOTIFY_SOCKET", &self.told_at)
            .env_remove("WATCHDOG_USEC")
            .stdin(std::process::Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in a terminal reaches the supervisor alone, which ends the others in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))
    }

    async fn end(&self, name: &str, mut life: Life) {
        life.signal(Signal::TERM);
        if tokio::time::timeout(STOP_DEADLINE, life.end())
            .await
            .is_err()
        {
            self.say(&format!("{name} did not end in time and is killed"));
            life.signal(Signal::KILL);
            life.end().await;
        }
    }

    fn say(&self, text: &str) {
        tracing::info!("{text}");
        // A full disk must not stop the supervisor; standard error has the line too.
        let _unwritten = writeln!(&self.log, "{} {text}", SystemClock.now().rfc3339());
    }
}

/// Waits for `delay`; true when the end came first.
async fn within(delay: Duration, ends: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout(delay, ends.wait_for(|end| *end))
        .await
        .is_ok()
}

fn append(path: &Path) -> anyhow::Result<File> {
    let file = File::options().append(true).create(true).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}
