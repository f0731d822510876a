//! The thread that writes the log: it takes lines from the queue, writes many at a time, and tells
//! when some are missing. Whatever the disk does, it goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use yagura_config::settings::AccessLogSettings;
use yagura_control::{Clock, Timestamp};

use super::address::Veil;
use super::file::LogFile;
use super::line;
use super::{Message, Shared};

/// Bytes of lines that are written together.
const TOGETHER: usize = 64 << 10;
/// How often it looks whether there is something else to do.
const TICK: Duration = Duration::from_secs(1);
/// How often it looks for files that are kept too long.
const RETIRE: Duration = Duration::from_secs(3600);

/// Writes what comes until it is told to end.
pub struct Writer {
    pub settings: AccessLogSettings,
    pub file: LogFile,
    pub shared: Arc<Shared>,
    pub clock: Arc<dyn Clock>,
    pub veil: Veil,
    pub told: Told,
    pub retired_at: Timestamp,
}

/// Lost lines that the log itself tells of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    queue: u64,
    disk: u64,
}

impl Writer {
    /// Writes until [`Shared::ending`] is set and the queue is empty.
    pub fn run(mut self, messages: &Receiver<Message>) {
        let mut bytes = Vec::with_capacity(2 * TOGETHER);
        loop {
            let first = match messages.recv_timeout(TICK) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if self.shared.reopening.swap(false, Ordering::AcqRel) {
                self.file.close();
            }
            let mut lines = 0;
            let mut next = first;
            let drained = loop {
                match next {
                    None => break true,
                    Some(Message::Wake) => {}
                    Some(Message::Line(line)) => {
                        line.write(&self.settings, &mut self.veil, &mut bytes);
                        lines += 1;
                    }
                }
                if bytes.len() >= TOGETHER {
                    break false;
                }
                next = messages.try_recv().ok();
            };
            self.flush(&mut bytes, lines);
            self.retire();
            if drained && self.shared.ending.load(Ordering::Acquire) {
                return;
            }
        }
    }

    /// Writes lines, and before them which are missing.
    fn flush(&mut self, bytes: &mut Vec<u8>, lines: u64) {
        let lost = Told {
            queue: self.shared.lost_in_queue.load(Ordering::Relaxed),
            disk: self.shared.lost_on_disk.load(Ordering::Relaxed),
        };
        let now = self.clock.now();
        let mut missing = Vec::new();
        for (lost, told, because) in [
            (lost.queue, self.told.queue, "the queue was full"),
            (lost.disk, self.told.disk, "the disk took nothing"),
        ] {
            if lost > told {
                line::write_missing(lost - told, because, now, &mut missing);
            }
        }
        if bytes.is_empty() && missing.is_empty() {
            return;
        }
        missing.append(bytes);
        match self.file.append(&missing, now) {
            Ok(()) => {
                self.shared.written.fetch_add(lines, Ordering::Relaxed);
                if lost.queue > self.told.queue {
                    let lines = lost.queue - self.told.queue;
                    tracing::warn!(
                        lines,
                        "the disk is slower than the readers: lines of the access log were lost"
                    );
                }
                if self.shared.failing.swap(false, Ordering::Relaxed) {
                    let lines = lost.disk - self.told.disk;
                    tracing::warn!(lines_lost = lines, "the access log is written again");
                }
                self.told = lost;
            }
            Err(error) => {
                self.shared.lost_on_disk.fetch_add(lines, Ordering::Relaxed);
                // Told once, not for each of a thousand readers.
                if !self.shared.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(file = %self.settings.file.display(), %error,
                        "the access log cannot be written; readers are served all the same");
                }
            }
        }
    }

    fn retire(&mut self) {
        let now = self.clock.now();
        if now.since(self.retired_at) < RETIRE {
            return;
        }
        self.retired_at = now;
        if let Err(error) = self.file.retire(now) {
            tracing::warn!(%error, "old files of the access log cannot be removed");
        }
    }
}
