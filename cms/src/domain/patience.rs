//! How long somebody who guesses must wait: five tries are free, then each wait is twice as long,
//! up to five minutes. After a hundred wrong codes in a row there are no more tries (NIST SP 800-63B
//! section 5.2.2 names that number).

use std::collections::HashMap;
use std::time::Duration;

use yagura_control::Timestamp;

/// Wrong tries in a row before the first wait.
const FREE_TRIES: u32 = 5;
const LONGEST_WAIT_S: u64 = 300;
/// Wrong codes in a row after which a second factor must be given anew.
const MOST_TRIES: u32 = 100;

/// Seconds still to wait after so many wrong tries in a row, the last of them so long ago.
#[must_use]
pub fn wait_s(failures: u32, waited: Duration) -> Option<u64> {
    let beyond = failures.checked_sub(FREE_TRIES)?;
    let wait_s = (1u64 << beyond.min(16)).min(LONGEST_WAIT_S);
    let rest_s = wait_s.saturating_sub(waited.as_secs());
    (rest_s > 0).then_some(rest_s)
}

/// Whether there were so many that no further one is taken.
#[must_use]
pub const fn is_spent(failures: u32) -> bool {
    failures >= MOST_TRIES
}

/// Failed tries by login, also of logins that nobody has: how many in a row, and when the last was.
#[derive(Debug, Default)]
pub struct Guesses(HashMap<String, (u32, Timestamp)>);

impl Guesses {
    /// Seconds that who tries this login must still wait.
    #[must_use]
    pub fn wait_s(&self, login: &str, now: Timestamp) -> Option<u64> {
        let (failures, last) = self.0.get(login).copied()?;
        wait_s(failures, now.since(last))
    }

    /// A try failed.
    pub fn note(&mut self, login: &str, now: Timestamp) {
        // What was tried an hour ago is forgotten, so that guessing at names fills no memory.
        self.0
            .retain(|_, (_, last)| now.since(*last) < Duration::from_secs(3600));
        let entry = self.0.entry(login.to_owned()).or_insert((0, now));
        *entry = (entry.0.saturating_add(1), now);
    }

    /// A try was right.
    pub fn forget(&mut self, login: &str) {
        self.0.remove(login);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_costs_time_and_the_right_password_pays_it_off() {
        let at = |seconds: u64| Timestamp(seconds * 1000);
        let mut guesses = Guesses::default();
        for second in 0..5 {
            assert_eq!(guesses.wait_s("guessed", at(second)), None);
            guesses.note("guessed", at(second));
        }
        assert_eq!(guesses.wait_s("guessed", at(4)), Some(1));
        assert_eq!(guesses.wait_s("another", at(4)), None);
        guesses.note("guessed", at(5));
        assert_eq!(guesses.wait_s("guessed", at(5)), Some(2));
        assert_eq!(guesses.wait_s("guessed", at(7)), None);
        guesses.note("another", at(7));
        guesses.forget("guessed");
        assert_eq!(guesses.wait_s("guessed", at(7)), None);
        guesses.note("third", at(7 + 3600));
        assert_eq!(guesses.0.len(), 1, "what is old is forgotten");
    }

    #[test]
    fn waits_double_up_to_five_minutes() {
        let waits: Vec<_> = (4..16)
            .map(|failures| wait_s(failures, Duration::ZERO))
            .collect();
        let expected = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
        let expected: Vec<_> = expected.map(|wait| (wait > 0).then_some(wait)).into();
        assert_eq!(waits, expected);
        assert_eq!(wait_s(u32::MAX, Duration::from_secs(299)), Some(1));
        assert_eq!(wait_s(u32::MAX, Duration::from_secs(300)), None);
    }

    /// What a thief of a password gains: three of a million codes are right at a time, and no more
    /// than a hundred may be tried.
    #[test]
    fn a_hundred_guesses_are_the_last() {
        assert!(!is_spent(99));
        assert!(is_spent(100));
        let right = 3.0 * f64::from(MOST_TRIES) / 1_000_000.0;
        assert!(right < 1.0 / 3000.0, "{right}");
    }
}
