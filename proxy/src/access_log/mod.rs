//! The access log: one JSON object a request, one a line.
//!
//! A reader never waits for it: lines go through a bounded queue to a thread of its own
//! (`writer.rs`), and when that is slower than the readers, or the disk takes nothing, lines are
//! dropped, counted and told of. What a worker does is to copy a few hundred bytes (`asked.rs`,
//! `line.rs`); what may be written of them is decided behind the queue (`address.rs`, `target.rs`).
//! Files are left and removed by `rotate.rs` and `file.rs`. The fields stand in
//! docs/operations/what-the-edge-tells.md, the reasons in docs/decisions/access-log.md.

mod address;
pub mod asked;
mod file;
pub mod line;
pub mod request_id;
mod rotate;
pub mod target;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use yagura_config::settings::AccessLogSettings;
use yagura_control::Clock;

use crate::error::EdgeError;
use address::Veil;
use file::LogFile;
pub use line::Line;
use writer::{Told, Writer};

/// Lines that may wait for the disk. With the bounds of each they are at most about 60 MiB, usually
/// a tenth of it.
const WAITING: usize = 32_768;

/// The log, or none.
pub struct AccessLog(Option<Open>);

struct Open {
    messages: SyncSender<Message>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the queue holds.
enum Message {
    /// A line.
    Line(Line),
    /// Nothing: the thread is to look at its flags.
    Wake,
}

/// What the thread and everybody else both know.
#[derive(Default)]
struct Shared {
    written: AtomicU64,
    lost_in_queue: AtomicU64,
    lost_on_disk: AtomicU64,
    failing: AtomicBool,
    reopening: AtomicBool,
    ending: AtomicBool,
}

/// What became of lines since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They stand in the log.
    pub written: u64,
    /// They did not fit into the queue.
    pub lost_in_queue: u64,
    /// The disk did not take them.
    pub lost_on_disk: u64,
    /// The last attempt to write failed.
    pub failing: bool,
}

impl AccessLog {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    /// The file cannot be written, or no thread be started.
    pub fn open(
        settings: Option<&AccessLogSettings>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, EdgeError> {
        let Some(settings) = settings else {
            return Ok(Self(None));
        };
        let file = LogFile::open(&settings.file, settings.rotation.clone())
            .map_err(EdgeError::at(&settings.file))?;
        let (messages, waiting) = sync_channel(WAITING);
        let shared = Arc::new(Shared::default());
        let writer = Writer {
            settings: settings.clone(),
            file,
            shared: shared.clone(),
            clock: clock.clone(),
            veil: Veil::new(settings.addresses),
            told: Told::default(),
            retired_at: yagura_control::Timestamp::ZERO,
        };
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || writer.run(&waiting))
            .map_err(EdgeError::at(&settings.file))?;
        Ok(Self(Some(Open {
            messages,
            shared,
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Whether lines are wanted; ask before making one.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Adds a line.
    pub fn add(&self, line: Line) {
        if let Some(open) = &self.0
            && open.messages.try_send(Message::Line(line)).is_err()
        {
            open.shared.lost_in_queue.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of lines; none without a log.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        let shared = &self.0.as_ref()?.shared;
        Some(Counts {
            written: shared.written.load(Ordering::Relaxed),
            lost_in_queue: shared.lost_in_queue.load(Ordering::Relaxed),
            lost_on_disk: shared.lost_on_disk.load(Ordering::Relaxed),
            failing: shared.failing.load(Ordering::Relaxed),
        })
    }

    /// Opens the file anew, because another program may have taken it away.
    pub fn reopen(&self) {
        if let Some(open) = &self.0 {
            open.shared.reopening.store(true, Ordering::Release);
            let _full_queue_wakes_too = open.messages.try_send(Message::Wake);
        }
    }

    /// Writes what waits, and ends the thread. Lines that are added later are lost.
    pub fn finish(&self) {
        let Some(open) = &self.0 else { return };
        open.shared.ending.store(true, Ordering::Release);
        let _full_queue_wakes_too = open.messages.try_send(Message::Wake);
        let mut thread = open
            .thread
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            let _ended = thread.join();
        }
    }
}
