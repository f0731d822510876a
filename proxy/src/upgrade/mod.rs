//! Replacing the running program without a reader noticing.
//!
//! The old process starts the new one, hands over the listening sockets and the folder, and ends
//! when its readers are done; when the new one does not get ready, the old one goes on.
//! `docs/decisions/upgrade.md` says why it is done here and not by pingora.
//!
//! - `machine.rs`: what follows from what; pure. `handing.rs`: does it, in the old process.
//! - `taking.rs`: the new process's side. `message.rs`: what they say to each other.
//! - `sockets.rs`: listening sockets by name. `lock.rs`: who may write to the folder.

mod handing;
pub mod lock;
mod machine;
pub mod message;
#[cfg(test)]
mod simulation;
pub mod sockets;
pub mod taking;

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot, watch};
use yagura_control::order::{Outcome, Refusal, RefusalCode};

pub use handing::Handing;
pub use machine::Patience;

/// How a process like this one is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file it was started from.
    pub file: PathBuf,
    /// Arguments with which it only reads the configuration, and ends.
    pub check: Vec<OsString>,
    /// Arguments with which it takes over.
    pub take_over: Vec<OsString>,
}

/// What this process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Waits for the word of the process before it.
    Waiting,
    /// Does everything.
    Owner,
    /// Answers, and neither takes orders that change something nor writes to the disk.
    Sealed,
    /// Ends with the readers who are here.
    Leaving,
}

/// Who asks for an upgrade.
#[derive(Debug)]
pub struct Asked {
    /// The program, when it is another file.
    pub binary: Option<PathBuf>,
    /// Hears what came of it.
    pub reply: oneshot::Sender<Result<Outcome, Refusal>>,
}

/// Where upgrades are asked for, and the role is told.
#[derive(Debug)]
pub struct Desk {
    asked: mpsc::Sender<Asked>,
    role: watch::Sender<Role>,
}

impl Desk {
    /// A desk, and the end that hears what is asked.
    #[must_use]
    pub fn new(role: Role) -> (Self, mpsc::Receiver<Asked>) {
        let (asked, hear) = mpsc::channel(4);
        let role = watch::Sender::new(role);
        (Self { asked, role }, hear)
    }

    /// Asks for an upgrade and waits for its end.
    ///
    /// # Errors
    /// There was none, and why.
    pub async fn ask(&self, binary: Option<PathBuf>) -> Result<Outcome, Refusal> {
        let (reply, came) = oneshot::channel();
        let asked = Asked { binary, reply };
        self.asked.send(asked).await.map_err(|_| is_ending())?;
        came.await.unwrap_or_else(|_| Err(is_ending()))
    }

    /// The role, as it changes.
    #[must_use]
    pub fn role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }

    fn set_role(&self, role: Role) {
        self.role.send_replace(role);
    }
}

/// What who asks a process that ends is told: the next one hears him in a moment.
fn is_ending() -> Refusal {
    Refusal {
        code: RefusalCode::Upgrading,
        message: "this process is ending".to_owned(),
        hint: "ask again in a moment".to_owned(),
    }
}

fn not_upgraded(message: String) -> Refusal {
    Refusal {
        code: RefusalCode::NotUpgraded,
        message,
        hint: "the edge goes on as it was; look at its log, and try again".to_owned(),
    }
}
