//! One JSON line a request, written by a thread of its own.
//!
//! What could identify a reader is left out: addresses are cut to their network, and of the URL the
//! query, in which people type names. When the disk is slower than the readers, lines are dropped
//! and their number is told; a reader never waits for the log.

use std::io::Write;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use serde::Serialize;
use yagura_control::Timestamp;

use crate::error::EdgeError;
use crate::front::Answer;
use crate::visit::Visit;

/// Lines that may wait for the disk.
const WAITING: usize = 65_536;

/// One request.
#[derive(Debug, Serialize)]
pub struct Line {
    /// When it began, milliseconds since 1970.
    pub at: Timestamp,
    /// The site's name; empty when there was none.
    pub site: String,
    /// Its method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Status answered with; 0 when nobody was there to answer.
    pub status: u16,
    /// Bytes of the body sent.
    pub bytes: u64,
    /// Microseconds from its first byte to the answer's last.
    pub took_us: u64,
    /// What the cache did: `hit`, `stale`, `confirmed`, `last-good`, `miss`, `none` and so on.
    pub cache: &'static str,
    /// The reader's network.
    pub network: String,
}

impl Line {
    /// The line of a plain hit.
    #[must_use]
    pub fn of_hit(
        answer: &Answer,
        path: &str,
        client: Option<IpAddr>,
        bytes: u64,
        began: Instant,
    ) -> Self {
        Self {
            at: answer.at,
            site: answer.site.settings.name.clone(),
            method: if answer.head_only { "HEAD" } else { "GET" }.to_owned(),
            path: path.to_owned(),
            status: answer.status(),
            bytes,
            took_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            cache: "hit",
            network: network(client),
        }
    }

    /// The line of a visit that ends.
    #[must_use]
    pub fn of(visit: &Visit, method: &str, status: u16, bytes: u64) -> Self {
        let site = visit.site.as_ref();
        let path = visit.target.split('?').next().unwrap_or_default();
        Self {
            at: visit.at,
            site: site.map_or_else(String::new, |site| site.settings.name.clone()),
            method: method.to_owned(),
            path: path.to_owned(),
            status,
            bytes,
            took_us: u64::try_from(visit.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            cache: visit.outcome,
            network: network(visit.client),
        }
    }
}

/// The log, or none.
pub struct AccessLog(Option<Open>);

struct Open {
    lines: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// Opens the file for appending.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open(path: Option<&Path>) -> Result<Self, EdgeError> {
        let Some(path) = path else {
            return Ok(Self(None));
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(EdgeError::at(folder))?;
        }
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(EdgeError::at(path))?;
        let (lines, waiting) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let seen = dropped.clone();
        let writing = move || write(file, &waiting, &seen);
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(writing)
            .map_err(EdgeError::at(path))?;
        Ok(Self(Some(Open { lines, dropped })))
    }

    /// Whether lines are wanted; ask before making one.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Lines that were lost since the start, because the disk was slower than the readers.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let dropped = self.0.as_ref().map(|open| &open.dropped);
        dropped.map_or(0, |dropped| dropped.load(Ordering::Relaxed))
    }

    /// Adds a line.
    pub fn add(&self, line: Line) {
        if let Some(open) = &self.0
            && open.lines.try_send(line).is_err()
        {
            open.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write(file: std::fs::File, lines: &Receiver<Line>, dropped: &AtomicU64) {
    let mut file = std::io::BufWriter::new(file);
    let mut told = 0;
    while let Ok(first) = lines.recv() {
        let mut next = Some(first);
        while let Some(line) = next {
            let written =
                serde_json::to_writer(&mut file, &line).is_ok() && file.write_all(b"\n").is_ok();
            if !written {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
            next = lines.try_recv().ok();
        }
        let _counted_as_dropped_next_time = file.flush();
        let lost = dropped.load(Ordering::Relaxed);
        if lost > told {
            tracing::warn!(lines = lost - told, "lines of the access log were lost");
            told = lost;
        }
    }
}

/// The network of an address: the first 24 bits of IPv4, the first 48 of IPv6.
#[must_use]
pub fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => {
            let [first, second, third, _] = address.octets();
            format!("{first}.{second}.{third}.0/24")
        }
        Some(IpAddr::V6(address)) => {
            let [first, second, third, ..] = address.segments();
            format!("{first:x}:{second:x}:{third:x}::/48")
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_address_is_cut_to_its_network() {
        let cut = |text: &str| network(text.parse().ok());
        assert_eq!(cut("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(cut("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(cut("2001:db8:1:2::9"), "2001:db8:1::/48");
        assert_eq!(cut(""), "");
    }
}
