//! A supervised process: one that was started here, or the one that took over from it and told so
//! (`MAINPID=`, sd_notify(3)). The edge's processes tell it as they would tell systemd.

use std::path::Path;

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, set_child_subreaper,
    waitpid,
};
use tokio::net::UnixDatagram;
use tokio::process::Child;
use tokio::sync::watch;

/// Where the edge says who it is from now on.
pub(crate) struct Successions {
    socket: UnixDatagram,
}

impl Successions {
    /// Listens at a path. From now on this process becomes the parent of processes whose own is gone.
    pub(crate) fn listen(path: &Path) -> anyhow::Result<Self> {
        set_child_subreaper(Some(getpid())).context("cannot supervise processes of processes")?;
        let _not_there = std::fs::remove_file(path);
        let socket = UnixDatagram::bind(path);
        let socket = socket.with_context(|| format!("cannot listen at {}", path.display()))?;
        Ok(Self { socket })
    }

    /// The next process that took over.
    pub(crate) async fn next(&self) -> u32 {
        let mut message = [0; 4096];
        loop {
            let Ok(length) = self.socket.recv(&mut message).await else {
                return std::future::pending().await;
            };
            let text = message.get(..length).unwrap_or_default();
            if let Some(pid) = main_process(&String::from_utf8_lossy(text)) {
                return pid;
            }
        }
    }
}

fn main_process(message: &str) -> Option<u32> {
    let mut lines = message.lines();
    lines.find_map(|line| line.strip_prefix("MAINPID=")?.parse().ok())
}

/// A running process.
pub(crate) enum Life {
    /// Started here.
    Child(Child),
    /// Took over from one that was.
    Successor(Successor),
}

/// A process that was started by another one.
pub(crate) struct Successor {
    pid: Pid,
    /// Becomes true at its end.
    gone: watch::Receiver<bool>,
}

impl Life {
    /// Follows the process that took over; the one before it ends by itself.
    pub(crate) fn followed_by(self, pid: u32) -> anyhow::Result<Self> {
        if let Self::Successor(mut before) = self {
            tokio::spawn(async move { before.end().await });
        }
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.context("no process number")?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).context("it is gone already")?;
        let (tell, gone) = watch::channel(false);
        // It is no child yet: the process before it is its parent until that one is gone.
        let waiting = move || {
            let mut end = [PollFd::new(&handle, PollFlags::IN)];
            while poll(&mut end, None).is_err() {}
            tell.send_replace(true);
        };
        let thread = std::thread::Builder::new().name("successor".to_owned());
        thread.spawn(waiting)?;
        Ok(Self::Successor(Successor { pid, gone }))
    }

    /// Waits for its end, and tells how it ended.
    pub(crate) async fn end(&mut self) -> String {
        match self {
            Self::Child(child) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Successor(successor) => successor.end().await,
        }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = match self {
            Self::Child(child) => {
                let id = child.id().and_then(|id| i32::try_from(id).ok());
                id.and_then(Pid::from_raw)
            }
            Self::Successor(successor) => Some(successor.pid),
        };
        if let Some(pid) = pid {
            let _gone_already = kill_process(pid, signal);
        }
    }
}

impl Successor {
    async fn end(&mut self) -> String {
        let _gone = self.gone.wait_for(|gone| *gone).await;
        // Where the process before it still runs, that one hears how it ended.
        match waitpid(Some(self.pid), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => format!("exit status: {code}"),
                (None, Some(signal)) => format!("signal: {signal}"),
                (None, None) => "it ended".to_owned(),
            },
            _ => "it ended".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_read_out_of_any_message() {
        assert_eq!(main_process("STATUS=well\nMAINPID=12\n"), Some(12));
        assert_eq!(main_process("READY=1"), None);
        assert_eq!(main_process("MAINPID=me"), None);
    }
}
