//! A worker at work: asked, heard, given back or ended.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{Pool, lock};
use crate::frame::{Answer, LONGEST};

/// How long a worker may be silent whatever CPU time it got: the machine is overloaded, or it hangs.
const SILENCE: Duration = Duration::from_secs(3);

/// A worker, by the edge's end of its socket.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) name: u64,
    /// Which mother's it is.
    pub(super) of: u64,
    pub(super) stream: UnixStream,
    pub(super) asked: u64,
}

/// What a worker said.
pub(super) enum Heard {
    Answer(Answer),
    Gone,
    Silence,
}

/// A worker that is being asked.
pub(super) struct Held<'p> {
    worker: Option<Worker>,
    pool: &'p Pool,
}

impl<'p> Held<'p> {
    /// Takes it.
    pub(super) const fn of(pool: &'p Pool, worker: Worker) -> Self {
        let worker = Some(worker);
        Self { worker, pool }
    }

    /// Asks it.
    pub(super) async fn asked(&mut self, frame: &[u8]) -> Heard {
        match &mut self.worker {
            Some(worker) => heard(worker, frame).await,
            None => Heard::Gone,
        }
    }

    /// It has answered, and may be asked again.
    pub(super) fn give_back(&mut self) {
        let Some(mut worker) = self.worker.take() else {
            return;
        };
        worker.asked += 1;
        if worker.asked < self.pool.settings.recycle {
            lock(&self.pool.idle).push(worker);
        } else {
            self.pool.counts.recycled.fetch_add(1, Ordering::Relaxed);
            self.pool.let_go(&worker);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.pool.let_go(&worker);
        }
    }
}

/// Whether the other end is open, as far as is known without waiting.
pub(super) fn is_there(stream: &UnixStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // A worker that nobody asks says nothing; what can be read is its end.
    let mut seen = [PollFd::new(stream, PollFlags::IN)];
    matches!(poll(&mut seen, Some(&now)), Ok(0))
}

async fn heard(worker: &mut Worker, frame: &[u8]) -> Heard {
    let stream = &mut worker.stream;
    let asking = async {
        stream.write_all(frame).await?;
        let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).await?;
        Answer::of(&bytes).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    };
    let asked: Result<std::io::Result<Answer>, _> = tokio::time::timeout(SILENCE, asking).await;
    match asked {
        Ok(Ok(answer)) => Heard::Answer(answer),
        Ok(Err(_)) => Heard::Gone,
        Err(_) => Heard::Silence,
    }
}
