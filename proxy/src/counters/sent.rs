//! What went out to readers, in a shard of a thread's own: statuses, bytes, and how long those
//! answers took that did not come straight from memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the spans that are counted, in microseconds; what takes longer is counted too.
pub const SPANS_US: [u64; 7] = [
    1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000,
];

const CLASSES: usize = 5;
const BYTES: usize = CLASSES;
const SPANS: usize = BYTES + 1;
const TOOK_US: usize = SPANS + SPANS_US.len() + 1;

/// One thread's share: two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Shard([AtomicU64; TOOK_US + 1]);

/// What went out, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Answers by the first digit of their status, from 1.
    pub by_class: [u64; CLASSES],
    /// Bytes of bodies.
    pub bytes: u64,
    /// Answers by how long they took, each span for itself; the last has no upper end.
    pub by_span: [u64; SPANS_US.len() + 1],
    /// How long those took together, in microseconds.
    pub took_us: u64,
}

impl Shard {
    /// Counts an answer. A status of 0 means that nobody was there to be answered.
    pub fn add(&self, status: u16, bytes: u64) {
        if let Some(class) = usize::from(status / 100).checked_sub(1) {
            self.raise(class.min(CLASSES - 1), 1);
        }
        self.raise(BYTES, bytes);
    }

    /// Counts how long one took.
    pub fn took(&self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let span = SPANS_US.partition_point(|end| *end < took_us);
        self.raise(SPANS + span, 1);
        self.raise(TOOK_US, took_us);
    }

    fn raise(&self, index: usize, by: u64) {
        if let Some(count) = self.0.get(index) {
            count.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Adds what this thread counted to a sum.
    pub fn add_to(&self, sum: &mut Sent) {
        let own = |index: usize| self.0.get(index).map_or(0, |n| n.load(Ordering::Relaxed));
        for (class, count) in sum.by_class.iter_mut().enumerate() {
            *count += own(class);
        }
        for (span, count) in sum.by_span.iter_mut().enumerate() {
            *count += own(SPANS + span);
        }
        sum.bytes += own(BYTES);
        sum.took_us += own(TOOK_US);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_bytes_and_spans_are_told_apart() {
        let shard = Shard::default();
        for (status, bytes) in [(200, 10), (304, 0), (404, 5), (503, 1), (0, 0)] {
            shard.add(status, bytes);
        }
        for took_ms in [0, 1, 2, 30, 20_000] {
            shard.took(Duration::from_millis(took_ms));
        }
        let mut sum = Sent::default();
        shard.add_to(&mut sum);
        assert_eq!((sum.by_class, sum.bytes), ([0, 1, 1, 1, 1], 16));
        assert_eq!(sum.by_span, [2, 1, 0, 1, 0, 0, 0, 1]);
        assert_eq!(sum.took_us, 20_033_000);
        assert_eq!(size_of::<Shard>(), 128);
    }
}
