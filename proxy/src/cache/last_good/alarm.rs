//! Whether the store takes copies, and when that is worth a line in the log. Pure.
//!
//! A disk that is almost full takes one copy and refuses the next. So a success ends the alarm only
//! when the last failure is a while ago; otherwise the log would tell of every change.

use std::time::Duration;

use yagura_control::Timestamp;

/// How long nothing may have failed before a success ends the alarm.
pub const CALM: Duration = Duration::from_secs(5);

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The file system refuses; what it said, and how many bytes it refused.
    Disk {
        /// The file system's words.
        why: String,
        /// The length of what was refused.
        length_bytes: u64,
    },
    /// The quota is used up by copies that may not go.
    Quota {
        /// For the operator.
        why: String,
    },
}

impl Trouble {
    /// For the status and the log.
    pub fn why(&self) -> &str {
        match self {
            Self::Disk { why, .. } | Self::Quota { why } => why,
        }
    }
}

/// The alarm of one store.
#[derive(Debug, Default)]
pub struct Alarm {
    trouble: Option<Trouble>,
    failed_at: Timestamp,
}

impl Alarm {
    /// What is wrong at present.
    pub const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Takes a failure in; true when the alarm begins with it.
    pub fn failed(&mut self, trouble: Trouble, now: Timestamp) -> bool {
        self.failed_at = self.failed_at.max(now);
        self.trouble.replace(trouble).is_none()
    }

    /// Takes a success in; true when the alarm ends with it.
    pub fn succeeded(&mut self, now: Timestamp) -> bool {
        let calm = now.since(self.failed_at) >= CALM || now < self.failed_at;
        calm && self.trouble.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Trouble {
        Trouble::Disk {
            why: "full".into(),
            length_bytes: 1,
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1_000_000 + seconds * 1000)
    }

    #[test]
    fn an_alarm_begins_once_and_ends_once() {
        let mut alarm = Alarm::default();
        assert!(!alarm.succeeded(at(0)), "there is nothing to end");
        assert!(alarm.failed(full(), at(1)));
        assert!(
            !alarm.failed(full(), at(2)),
            "the second failure is no news"
        );
        assert_eq!(alarm.trouble().map(Trouble::why), Some("full"));
        assert!(alarm.succeeded(at(10)));
        assert_eq!(alarm.trouble(), None);
        assert!(!alarm.succeeded(at(11)));
    }

    #[test]
    fn a_disk_that_wavers_is_told_of_once() {
        let mut alarm = Alarm::default();
        let mut news = 0;
        for second in 0..60 {
            news += usize::from(alarm.failed(full(), at(second)));
            news += usize::from(alarm.succeeded(at(second)));
        }
        assert_eq!(news, 1);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_the_alarm_up() {
        let mut alarm = Alarm::default();
        alarm.failed(full(), at(3600));
        assert!(alarm.succeeded(at(10)));
    }
}
