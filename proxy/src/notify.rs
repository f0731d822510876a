//! What the service manager is told (sd_notify(3)): that the edge is ready, reloads, stops, which
//! process it is now, and that it still answers. Without `NOTIFY_SOCKET` nobody is told anything.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Where the service manager listens, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    /// How often it is to be told that the edge answers, at least.
    watchdog: Option<Duration>,
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word<'w> {
    /// Readers are answered, and orders taken.
    Ready,
    /// The configuration is being read again; microseconds of the monotonic clock.
    Reloading(u64),
    /// The process ends.
    Stopping,
    /// The service is another process from now on.
    MainProcess(u32),
    /// The edge answers.
    Alive,
    /// How it stands, for people.
    Status(&'w str),
}

impl Word<'_> {
    fn line(self) -> String {
        match self {
            Self::Ready => "READY=1".to_owned(),
            Self::Reloading(usec) => format!("RELOADING=1\nMONOTONIC_USEC={usec}"),
            Self::Stopping => "STOPPING=1".to_owned(),
            Self::MainProcess(pid) => format!("MAINPID={pid}"),
            Self::Alive => "WATCHDOG=1".to_owned(),
            // A line break would begin another word.
            Self::Status(text) => format!("STATUS={}", text.replace('\n', " ")),
        }
    }
}

impl Notifier {
    /// The service manager that the environment names.
    #[must_use]
    pub fn of_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Self::default();
        };
        let variable = |name| std::env::var(name).ok();
        let own_pid = std::process::id();
        match connected(&name) {
            Ok(socket) => Self {
                socket: Some(socket),
                watchdog: watchdog(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), own_pid),
            },
            Err(error) => {
                tracing::warn!(%error, socket = ?name, "the service manager cannot be told anything");
                Self::default()
            }
        }
    }

    /// How often [`Word::Alive`] is to be told at least; none when nobody waits for it.
    #[must_use]
    pub const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Tells these words in one message.
    pub fn tell(&self, words: &[Word<'_>]) {
        let Some(socket) = &self.socket else { return };
        let lines: Vec<String> = words.iter().map(|word| word.line()).collect();
        if let Err(error) = socket.send(lines.join("\n").as_bytes()) {
            tracing::warn!(%error, "the service manager was not told");
        }
    }
}

fn connected(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(hidden) => SocketAddr::from_abstract_name(hidden)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // A manager that hears nothing must not hold the edge up.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Half of what the manager waits, when it waits for this process (sd_watchdog_enabled(3)).
fn watchdog(usec: Option<String>, pid: Option<String>, own_pid: u32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own_pid)) {
        return None;
    }
    let usec: u64 = usec?.parse().ok()?;
    (usec > 0).then(|| Duration::from_micros(usec / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_in_one_message() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier {
            socket: Some(connected(path.as_os_str()).unwrap()),
            watchdog: None,
        };
        notifier.tell(&[
            Word::MainProcess(12),
            Word::Status("two\nlines"),
            Word::Reloading(7),
        ]);
        let mut message = [0; 200];
        let length = manager.recv(&mut message).unwrap();
        assert_eq!(
            std::str::from_utf8(&message[..length]).unwrap(),
            "MAINPID=12\nSTATUS=two lines\nRELOADING=1\nMONOTONIC_USEC=7"
        );
        Notifier::default().tell(&[Word::Ready, Word::Alive, Word::Stopping]);
    }

    #[test]
    fn the_watchdog_waits_for_the_process_it_names() {
        let of = |usec: &str, pid: Option<&str>| {
            watchdog(Some(usec.to_owned()), pid.map(str::to_owned), 5)
        };
        assert_eq!(of("2000000", Some("5")), Some(Duration::from_secs(1)));
        assert_eq!(of("2000000", None), Some(Duration::from_secs(1)));
        assert_eq!(of("2000000", Some("6")), None);
        assert_eq!(of("0", None), None);
        assert_eq!(of("soon", None), None);
        assert_eq!(watchdog(None, None, 5), None);
    }
}
