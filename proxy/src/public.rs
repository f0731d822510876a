//! The public listeners as one service of pingora's: it is given sockets that are bound already, so
//! that they may come from another process, and stops accepting by a word of our own.

use std::future::poll_fn;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use pingora::listeners::ConnectionFilter;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::{Service, listening};
use tokio::sync::watch;

use crate::front::Front;
use crate::state::Traffic;

/// What is known of accepting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepting {
    /// Not yet.
    NotYet,
    /// Connections are accepted.
    Yes,
    /// No more.
    Ended,
}

/// The service.
pub struct Public {
    inner: listening::Service<Front>,
    /// Sockets by the address that pingora looks them up with.
    sockets: Vec<(String, OwnedFd)>,
    doors: Doors,
}

/// When it accepts.
pub struct Doors {
    /// It begins when this becomes true.
    pub open: watch::Receiver<bool>,
    /// It ends when this becomes true.
    pub leave: ShutdownWatch,
    /// Told of both.
    pub accepting: watch::Sender<Accepting>,
}

impl Public {
    /// A service at these sockets.
    pub fn new(
        mut inner: listening::Service<Front>,
        sockets: Vec<(String, OwnedFd)>,
        traffic: Arc<Traffic>,
        doors: Doors,
    ) -> Self {
        inner.set_connection_filter(Arc::new(Counting(traffic)));
        Self {
            inner,
            sockets,
            doors,
        }
    }
}

#[async_trait]
impl Service for Public {
    async fn start_service(
        &mut self,
        fds: Option<ListenFds>,
        _pingoras_own: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        if let Some(table) = &fds {
            let mut table = table.lock();
            for (address, socket) in self.sockets.drain(..) {
                table.add(address, socket.into_raw_fd());
            }
        }
        let Doors {
            open,
            leave,
            accepting,
        } = &mut self.doors;
        if open.wait_for(|open| *open).await.is_err() {
            return;
        }
        let mut serving = pin!(
            self.inner
                .start_service(fds, leave.clone(), listeners_per_fd)
        );
        // The first look at it starts the loops that accept: the sockets listen already.
        let under_way = poll_fn(|context| Poll::Ready(serving.as_mut().poll(context).is_pending()));
        if under_way.await {
            accepting.send_replace(Accepting::Yes);
            serving.await;
        }
        accepting.send_replace(Accepting::Ended);
    }

    fn name(&self) -> &'static str {
        "public"
    }
}

/// Counts connections from the accepting on: one that was accepted and not yet looked at must not be
/// forgotten when the process ends.
#[derive(Debug)]
struct Counting(Arc<Traffic>);

#[async_trait]
impl ConnectionFilter for Counting {
    async fn should_accept(&self, _from: Option<&std::net::SocketAddr>) -> bool {
        self.0.accepted();
        true
    }
}
