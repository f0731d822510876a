//! Whether there may be a copy of a key, answered without a look at the disk: a bit for a part of
//! each name (a Bloom filter with one hash). A bit that is set may be another's; a bit that is not
//! set means that there is none, once all files were counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bits; with 100,000 copies about one look in eighty is in vain.
const BITS: usize = 1 << 23;

/// What is there, at the most.
#[derive(Debug)]
pub struct Presence {
    words: Box<[AtomicU64]>,
    complete: AtomicBool,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            words: (0..BITS / 64).map(|_| AtomicU64::new(0)).collect(),
            complete: AtomicBool::new(false),
        }
    }
}

impl Presence {
    /// Notes a copy; before it has its name.
    pub fn note(&self, name: &[u8; 32]) {
        if let Some((word, bit)) = self.place(name) {
            word.fetch_or(bit, Ordering::Release);
        }
    }

    /// Every file that was there at the start is noted.
    pub fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }

    /// Whether there may be a copy of that name.
    pub fn may_have(&self, name: &[u8; 32]) -> bool {
        let noted = |(word, bit): (&AtomicU64, u64)| word.load(Ordering::Acquire) & bit != 0;
        !self.complete.load(Ordering::Acquire) || self.place(name).is_some_and(noted)
    }

    fn place(&self, name: &[u8; 32]) -> Option<(&AtomicU64, u64)> {
        let number = u64::from_le_bytes(*name.last_chunk::<8>()?);
        let number = usize::try_from(number % BITS as u64).ok()?;
        Some((self.words.get(number / 64)?, 1 << (number % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u32) -> [u8; 32] {
        *blake3::hash(&number.to_be_bytes()).as_bytes()
    }

    #[test]
    fn what_is_there_is_never_denied_and_what_is_not_mostly_is() {
        let presence = Presence::default();
        assert!(presence.may_have(&name(1)), "nothing is known yet");
        (0..100_000).for_each(|number| presence.note(&name(number)));
        presence.complete();
        assert!((0..100_000).all(|number| presence.may_have(&name(number))));
        let wrong = (100_000..200_000).filter(|number| presence.may_have(&name(*number)));
        let wrong = wrong.count();
        assert!(wrong < 2_000, "{wrong} of 100,000 looks in vain");
    }
}
