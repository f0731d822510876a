//! Keys of session tickets: a new one twice a day, each forgotten a day after it was made. Pure: time
//! and randomness are arguments.
//!
//! Whoever has a ticket's key can read what was said in TLS 1.2 sessions that it resumed, so keys are
//! not kept longer than readers gain from them (RFC 5077, section 5.5).

use std::fmt::Write;
use std::time::Duration;

use yagura_control::Timestamp;

use crate::inspect::hex;

/// How long a key makes tickets.
pub const TURN: Duration = Duration::from_secs(12 * 3600);
/// How long a ticket is good.
pub const TICKET: Duration = Duration::from_secs(12 * 3600);

/// Bytes of a key's name, which stands in the ticket.
pub const NAME: usize = 16;
/// Bytes of a key.
pub const SECRET: usize = 32;

/// A key, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKey {
    /// Its name.
    pub name: [u8; NAME],
    /// The key.
    pub secret: [u8; SECRET],
    /// When it was made.
    pub made_at: Timestamp,
}

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKey")
            .field("made_at", &self.made_at.rfc3339())
            .finish_non_exhaustive()
    }
}

/// Keys, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketKeys(Vec<TicketKey>);

impl TicketKeys {
    /// The key that tickets are made with.
    #[must_use]
    pub fn newest(&self) -> Option<&TicketKey> {
        self.0.first()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &TicketKey> {
        self.0.iter()
    }

    /// The keys from now on, where they differ: with a fresh one when the newest has made tickets
    /// long enough, without those whose tickets are no longer good. A key of the future, because the
    /// clock was set back, counts as made now.
    #[must_use]
    pub fn turned(&self, now: Timestamp, fresh: impl FnOnce() -> TicketKey) -> Option<Self> {
        let mut keys: Vec<TicketKey> = self
            .0
            .iter()
            .filter(|key| now.since(key.made_at) < TURN + TICKET)
            .cloned()
            .collect();
        let is_due = keys
            .first()
            .is_none_or(|key| now.since(key.made_at) >= TURN);
        if is_due {
            keys.insert(0, fresh());
        }
        (is_due || keys.len() != self.0.len()).then_some(Self(keys))
    }

    /// As lines of a file: name, key, and when it was made in milliseconds since 1970.
    #[must_use]
    pub fn written(&self) -> String {
        let mut text = String::new();
        for key in &self.0 {
            let (name, secret) = (hex(&key.name), hex(&key.secret));
            let _memory_is_there = writeln!(text, "{name} {secret} {}", key.made_at.0);
        }
        text
    }

    /// What [`written`](Self::written) wrote; nothing when a line is something else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let key = |line: &str| {
            let mut words = line.split(' ');
            let key = TicketKey {
                name: bytes(words.next()?)?,
                secret: bytes(words.next()?)?,
                made_at: Timestamp(words.next()?.parse().ok()?),
            };
            words.next().is_none().then_some(key)
        };
        text.lines().map(key).collect::<Option<_>>().map(Self)
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Vec<u32> = text
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn key(number: u8, made_at: u64) -> TicketKey {
        TicketKey {
            name: [number; NAME],
            secret: [number; SECRET],
            made_at: Timestamp(made_at),
        }
    }

    #[test]
    fn keys_turn_twice_a_day_and_are_forgotten_after_a_day() {
        let mut keys = TicketKeys::default();
        let mut number = 0;
        let mut seen = Vec::new();
        for hour in 0..60 {
            let now = Timestamp(hour * HOUR);
            let turned = keys.turned(now, || {
                number += 1;
                key(number, now.0)
            });
            if let Some(turned) = turned {
                keys = turned;
                seen.push(hour);
            }
            let oldest = keys.iter().last().unwrap();
            assert!(now.since(oldest.made_at) < TURN + TICKET);
            // A ticket of the last twelve hours can be read.
            let made_with = keys.iter().find(|key| now.since(key.made_at) >= TURN);
            assert!(hour < 12 || made_with.is_some());
        }
        assert_eq!(seen, [0, 12, 24, 36, 48]);
    }

    #[test]
    fn a_clock_that_jumps_leaves_a_key() {
        let keys = TicketKeys(vec![key(1, 100 * HOUR)]);
        assert_eq!(keys.turned(Timestamp(HOUR), || key(2, HOUR)), None);
        let ahead = keys
            .turned(Timestamp(1000 * HOUR), || key(2, 1000 * HOUR))
            .unwrap();
        assert_eq!(ahead.0, [key(2, 1000 * HOUR)]);
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", TicketKeys(vec![key(0xab, 0)]));
        assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(made: Vec<(u8, u64)>) {
            let keys = TicketKeys(made.into_iter().map(|(number, at)| key(number, at)).collect());
            prop_assert_eq!(TicketKeys::read(&keys.written()), Some(keys));
        }

        #[test]
        fn anything_else_is_no_panic(text in "\\PC{0,200}") {
            let _read = TicketKeys::read(&text);
        }
    }
}
