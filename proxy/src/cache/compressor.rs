//! Threads that encode stored bodies after they were filled, so that no reader waits for it.
//!
//! They are few and of low priority, and what waits for them is bounded: in a rush some responses
//! stay as they are until they are filled again, which costs bytes and never time.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::encoding::Coding;
use super::hot::Hot;
use super::prepared::Prepared;

/// Threads.
const THREADS: usize = 2;
/// Responses that may wait.
const WAITING: usize = 4096;
/// How much later than readers' threads they are given a processor.
const NICENESS: i32 = 10;

/// The way to the threads.
#[derive(Debug)]
pub struct Compressor(SyncSender<Weak<Prepared>>);

impl Compressor {
    /// Starts the threads. They end when the compressor is dropped.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(hot: &Arc<Hot>) -> std::io::Result<Self> {
        let (send, receive) = sync_channel(WAITING);
        let receive = Arc::new(Mutex::new(receive));
        for number in 0..THREADS {
            let (hot, receive) = (hot.clone(), receive.clone());
            std::thread::Builder::new()
                .name(format!("compress-{number}"))
                .spawn(move || work(&hot, &receive))?;
        }
        Ok(Self(send))
    }

    /// Has a response encoded, unless too many wait already.
    pub fn add(&self, prepared: &Arc<Prepared>) {
        if prepared.wants_encoding() {
            let _stays_as_it_is = self.0.try_send(Arc::downgrade(prepared));
        }
    }
}

fn work(hot: &Hot, waiting: &Mutex<Receiver<Weak<Prepared>>>) {
    // On Linux this is of the thread alone.
    let _as_important_as_the_others = rustix::process::nice(NICENESS);
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(next) = next else { return };
        // What nobody holds any more was replaced meanwhile.
        let Some(prepared) = next.upgrade() else {
            continue;
        };
        let body = &prepared.stored.body;
        let encoded = Coding::ALL.map(|coding| coding.encode(body));
        if prepared.add_encodings(encoded) {
            hot.weigh_again(&prepared);
        }
    }
}
