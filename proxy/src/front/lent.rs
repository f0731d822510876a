//! Memory that a connection holds only while a request is under way.
//!
//! Most connections are silent most of the time. A silent one has no buffers of its own: each thread
//! keeps a few for the requests it is at, which are seldom more than one, and their memory is warm.

use std::cell::RefCell;

use bytes::BytesMut;

/// The buffers of a request.
#[derive(Debug, Default)]
pub struct Lent {
    /// Bytes read and not yet used.
    pub read: BytesMut,
    /// Bytes to be written.
    pub out: BytesMut,
    /// The key of what is asked for.
    pub key: String,
}

/// Buffers that a thread keeps.
const KEPT: usize = 64;
/// Larger ones are not kept.
const LARGEST: usize = 64 << 10;

thread_local! {
    static SPARE: RefCell<Vec<Lent>> = const { RefCell::new(Vec::new()) };
}

impl Lent {
    /// Takes buffers from the thread where it has none.
    pub fn take(&mut self) {
        if self.read.capacity() == 0
            && self.out.capacity() == 0
            && let Some(spare) = SPARE.with_borrow_mut(Vec::pop)
        {
            *self = spare;
        }
    }

    /// Gives the buffers back when nothing is in them; otherwise keeps them.
    pub fn give_back(&mut self) {
        if !self.read.is_empty() {
            return;
        }
        let mut spare = std::mem::take(self);
        if spare.read.capacity().max(spare.out.capacity()) > LARGEST {
            return;
        }
        spare.out.clear();
        spare.key.clear();
        SPARE.with_borrow_mut(|kept| {
            if kept.len() < KEPT {
                kept.push(spare);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_gives_back_the_next_one_takes() {
        let mut first = Lent::default();
        first.read.reserve(1000);
        first.key.push_str("secret");
        first.give_back();
        assert_eq!(first.read.capacity(), 0);
        let mut second = Lent::default();
        second.take();
        assert!(second.read.capacity() >= 1000);
        assert!(second.key.is_empty() && second.read.is_empty());
    }

    #[test]
    fn bytes_that_are_not_used_yet_stay_with_their_connection() {
        let mut lent = Lent::default();
        lent.read.extend_from_slice(b"GET /");
        lent.give_back();
        assert_eq!(&lent.read[..], b"GET /");
    }

    #[test]
    fn large_ones_are_not_kept() {
        let mut lent = Lent::default();
        lent.out.reserve(LARGEST + 1);
        lent.give_back();
        let mut next = Lent::default();
        next.take();
        assert!(next.out.capacity() <= LARGEST);
    }
}
