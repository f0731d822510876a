//! One running `yagura` process; killed when dropped.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::YAGURA;

/// A process that was started and not yet waited for.
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts the program; what it prints is added to `log`.
    pub fn start(arguments: &[&str], log: &Path) -> Self {
        Self::start_command(Command::new(YAGURA).args(arguments), log)
    }

    /// Starts a command that becomes the program; what it prints is added to `log`.
    pub fn start_command(command: &mut Command, log: &Path) -> Self {
        let log = File::options().append(true).create(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child }
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop (SIGTERM) and waits for its end.
    pub async fn stop(mut self) -> ExitStatus {
        signal(self.pid(), "TERM");
        for _ in 0..1000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the process did not stop");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The supervisor ends its children at SIGTERM; the kernel does when it is killed.
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// Sends a signal, by its name without SIG.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status()
        .unwrap();
    assert!(sent.success());
}
