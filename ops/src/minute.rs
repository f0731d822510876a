//! One minute of one indicator.

use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

/// What was seen in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// Minutes since 1970.
    pub number: u64,
    /// Questions asked.
    pub asked: u32,
    /// Questions answered as a reader would want.
    pub answered: u32,
}

impl Minute {
    /// The minute of an instant, with nothing seen yet.
    #[must_use]
    pub const fn of(instant: Timestamp) -> Self {
        Self {
            number: instant.0 / 60_000,
            asked: 0,
            answered: 0,
        }
    }

    /// Counts an answer in.
    pub fn count(&mut self, answered: bool) {
        self.asked += 1;
        self.answered += u32::from(answered);
    }

    /// Whether the service counts as unavailable: at least half of the questions were not answered.
    /// A minute without questions tells nothing and is not one of those.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        self.asked > 0 && self.answered * 2 <= self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_questions_decide() {
        let minute = |asked, answered| {
            Minute {
                number: 0,
                asked,
                answered,
            }
            .is_unavailable()
        };
        assert_eq!(
            [
                minute(6, 6),
                minute(6, 4),
                minute(6, 3),
                minute(6, 0),
                minute(0, 0)
            ],
            [false, false, true, true, false]
        );
    }

    #[test]
    fn an_instant_belongs_to_its_minute() {
        assert_eq!(Minute::of(Timestamp(119_999)).number, 1);
        assert_eq!(Minute::of(Timestamp(120_000)).number, 2);
    }
}
