//! Processes this program starts: on the core they belong to, ended with it whatever happens.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use crate::usage::Tree;

/// The core of the server that is measured.
pub const SERVER_CORE: usize = 0;
/// The core of the load, the origin and everything else.
pub const LOAD_CORE: usize = 1;

/// How to start a program.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub program: String,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
}

impl Start {
    /// A program with its arguments.
    pub fn new(program: impl Into<String>, arguments: &[&str]) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
            environment: Vec::new(),
        }
    }

    fn command(&self, core: usize) -> Command {
        // `setpriv` sees to it that the process ends when this one is killed.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "taskset", "-c"])
            .arg(core.to_string())
            .arg(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .kill_on_drop(true);
        command
    }
}

/// A running server with its children; ended when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Pid,
    log: PathBuf,
}

impl Running {
    /// Starts a server; what it prints goes into `log`.
    ///
    /// # Errors
    /// The program is not there.
    pub fn start(start: &Start, core: usize, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = start
            .command(core)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", start.program))?;
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        let group = number.and_then(Pid::from_raw);
        Ok(Self {
            child,
            group: group.context("the process has no number")?,
            log: log.to_owned(),
        })
    }

    /// It and its children.
    pub fn tree(&self) -> Tree {
        Tree::of(self.group)
    }

    /// What it printed, for a message; an error when it has ended.
    pub fn is_alive(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.child.try_wait()? else {
            return Ok(());
        };
        bail!("it ended ({status}):\n{}", self.printed());
    }

    /// What it printed so far.
    pub fn printed(&self) -> String {
        let printed = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&printed).into_owned()
    }

    /// Kills it at once and waits for its end.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        let _gone = rustix::process::kill_process_group(self.group, Signal::KILL);
        self.child.wait().await?;
        Ok(())
    }

    /// Asks it to end, and kills it when that takes long.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let _gone = rustix::process::kill_process_group(self.group, Signal::TERM);
        let ended = tokio::time::timeout(Duration::from_secs(3), self.child.wait()).await;
        if ended.is_err() {
            return self.kill().await;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Children that outlive their parent are in the group too.
        let _gone = rustix::process::kill_process_group(self.group, Signal::KILL);
    }
}

/// Runs a load generator to its end and gives what it printed.
///
/// # Errors
/// It fails, or takes longer than `most`.
pub async fn load(start: &Start, most: Duration) -> anyhow::Result<String> {
    let running = start.command(LOAD_CORE).stdin(Stdio::null()).output();
    let output = tokio::time::timeout(most, running)
        .await
        .with_context(|| format!("{} did not end within {most:?}", start.program))??;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{} failed: {printed}{}",
        start.program,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(printed)
}

/// Starts a load generator that is spoken to through its standard input and output.
///
/// # Errors
/// The program is not there.
pub fn spoken_to(start: &Start) -> anyhow::Result<Child> {
    let mut command = start.command(LOAD_CORE);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command.spawn()?)
}
