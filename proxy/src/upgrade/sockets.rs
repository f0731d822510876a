//! The sockets an edge listens on, by name, so that they outlive the process: another process is
//! given them (`SCM_RIGHTS`), or the service manager holds them (`LISTEN_FDS`, sd_listen_fds(3)).
//!
//! A name says what is listened for and where (`public 0.0.0.0:443`, `control /run/edge.sock`). What
//! the configuration no longer names is closed; what it names anew is bound.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::EdgeError;

/// Sockets that were there when the process started, and those in use.
#[derive(Debug, Default)]
pub struct Sockets {
    /// From a process before this one, by name.
    given: Mutex<BTreeMap<String, OwnedFd>>,
    /// From the service manager, by address.
    activated: Mutex<Vec<TcpListener>>,
    /// In use, by name.
    used: Mutex<BTreeMap<String, OwnedFd>>,
}

impl Sockets {
    /// Those of the process before this one.
    #[must_use]
    pub fn given(names: Vec<String>, sockets: Vec<OwnedFd>) -> Self {
        Self {
            given: Mutex::new(names.into_iter().zip(sockets).collect()),
            ..Self::default()
        }
    }

    /// Those of the service manager, if it gives any.
    #[must_use]
    pub fn activated() -> Self {
        let mut fds = listenfd::ListenFd::from_env();
        let mut activated = Vec::new();
        for index in 0..fds.len() {
            match fds.take_tcp_listener(index) {
                Ok(Some(listener)) => activated.push(listener),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, index, "a socket of the service manager is no TCP listener");
                }
            }
        }
        Self {
            activated: Mutex::new(activated),
            ..Self::default()
        }
    }

    /// A TCP listener for this purpose, at this address.
    ///
    /// # Errors
    /// The address is in use or cannot be listened on.
    pub fn tcp(&self, purpose: &str, address: SocketAddr) -> Result<TcpListener, EdgeError> {
        let name = format!("{purpose} {address}");
        let listening = || {
            let listener = match self.found(&name) {
                Some(socket) => TcpListener::from(socket),
                None => match self.activated_at(address) {
                    Some(listener) => listener,
                    None => TcpListener::bind(address)?,
                },
            };
            listener.set_nonblocking(true)?;
            self.keep(name.clone(), listener.as_fd())?;
            Ok(listener)
        };
        listening().map_err(|cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => EdgeError::AddressInUse { address },
            _ => EdgeError::Address { address, cause },
        })
    }

    /// A Unix listener for this purpose, at this path; `make` makes one where there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn unix(
        &self,
        purpose: &str,
        path: &Path,
        make: impl FnOnce(&Path) -> Result<UnixListener, EdgeError>,
    ) -> Result<UnixListener, EdgeError> {
        let name = format!("{purpose} {}", path.display());
        let listener = match self.found(&name) {
            Some(socket) => UnixListener::from(socket),
            None => make(path)?,
        };
        let kept = listener.set_nonblocking(true);
        let kept = kept.and_then(|()| self.keep(name, listener.as_fd()));
        kept.map_err(EdgeError::at(path))?;
        Ok(listener)
    }

    /// Closes what was given and nobody asked for.
    pub fn close_the_rest(&self) {
        for name in std::mem::take(&mut *lock(&self.given)).into_keys() {
            tracing::info!(name, "no longer listened on");
        }
        lock(&self.activated).clear();
    }

    /// Lets go of all of them; who accepts has its own hold of them.
    pub fn let_go(&self) {
        lock(&self.used).clear();
    }

    /// Shows all that are in use, with their names.
    pub fn show<T>(&self, with: impl FnOnce(Vec<String>, &[BorrowedFd<'_>]) -> T) -> T {
        let used = lock(&self.used);
        let sockets: Vec<_> = used.values().map(AsFd::as_fd).collect();
        with(used.keys().cloned().collect(), &sockets)
    }

    fn found(&self, name: &str) -> Option<OwnedFd> {
        lock(&self.given).remove(name)
    }

    fn activated_at(&self, address: SocketAddr) -> Option<TcpListener> {
        let mut activated = lock(&self.activated);
        let is_there =
            |listener: &TcpListener| listener.local_addr().is_ok_and(|local| local == address);
        let index = activated.iter().position(is_there)?;
        Some(activated.swap_remove(index))
    }

    fn keep(&self, name: String, socket: BorrowedFd<'_>) -> io::Result<()> {
        let socket = socket.try_clone_to_owned()?;
        lock(&self.used).insert(name, socket);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_is_the_same_socket_and_the_rest_is_closed() {
        let old = Sockets::default();
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let (kept, gone) = (first.local_addr().unwrap(), "127.0.0.1:1");
        drop(first);
        let listener = old.tcp("public", kept).unwrap();
        assert!(matches!(
            old.tcp("other", kept),
            Err(EdgeError::AddressInUse { .. })
        ));
        let new = old.show(|names, sockets| {
            let sockets = sockets.iter().map(|s| s.try_clone_to_owned().unwrap());
            Sockets::given(names, sockets.collect())
        });
        let again = new.tcp("public", kept).unwrap();
        drop(listener);
        old.let_go();
        let knocking = std::net::TcpStream::connect(kept).unwrap();
        again.set_nonblocking(false).unwrap();
        assert_eq!(again.accept().unwrap().1, knocking.local_addr().unwrap());
        let unwanted = Sockets::given(
            vec![format!("public {gone}")],
            vec![again.as_fd().try_clone_to_owned().unwrap()],
        );
        unwanted.close_the_rest();
        assert!(unwanted.found(&format!("public {gone}")).is_none());
    }
}
