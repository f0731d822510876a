//! A month in figures.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use yagura_control::Timestamp;

use crate::error::OpsError;
use crate::ledger::{self, Month};
use crate::minute::Minute;

/// What is known of a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    /// The month, as `2026-11`.
    pub month: String,
    /// One entry an indicator.
    pub indicators: Vec<Indicator>,
}

/// One indicator in a month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Indicator {
    /// Its name in the configuration.
    pub name: String,
    /// Minutes of the month that have passed.
    pub minutes: u64,
    /// Minutes of which something is known.
    pub known: u64,
    /// Minutes in which the service was unavailable.
    pub unavailable: u64,
    /// Known minutes in which it was available, in per cent; none when nothing is known.
    pub availability_percent: Option<f64>,
}

/// The figures of a month from the ledgers in a folder.
///
/// # Errors
/// A ledger cannot be read.
pub fn statement(folder: &Path, month: Month, now: Timestamp) -> Result<Statement, OpsError> {
    let names = ledger::indicators(folder, month)?;
    let indicator = |name: String| {
        let minutes = ledger::read(folder, &name, month)?;
        Ok(counted(name, &minutes, month, now))
    };
    let indicators = names
        .into_iter()
        .map(indicator)
        .collect::<Result<_, OpsError>>()?;
    Ok(Statement {
        month: month.to_string(),
        indicators,
    })
}

fn counted(name: String, minutes: &[Minute], month: Month, now: Timestamp) -> Indicator {
    let (first, next) = month.minutes();
    // A desk that was started again within a minute wrote that minute twice: both count.
    let mut known: BTreeMap<u64, Minute> = BTreeMap::new();
    for minute in minutes
        .iter()
        .filter(|minute| (first..next).contains(&minute.number))
    {
        let entry = known.entry(minute.number).or_insert(Minute {
            asked: 0,
            answered: 0,
            ..*minute
        });
        entry.asked += minute.asked;
        entry.answered += minute.answered;
    }
    let passed = (now.0 / 60_000).clamp(first, next) - first;
    let unavailable = known
        .values()
        .filter(|minute| minute.is_unavailable())
        .count() as u64;
    let count = known.values().filter(|minute| minute.asked > 0).count() as u64;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a month has 44,640 minutes at most"
    )]
    let availability_percent =
        (count > 0).then(|| 100.0 * (count - unavailable) as f64 / count as f64);
    Indicator {
        name,
        minutes: passed,
        known: count,
        unavailable,
        availability_percent,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn november() -> Month {
        "2026-11".parse().unwrap()
    }

    #[test]
    fn a_minute_written_twice_counts_once() {
        let first = november().minutes().0;
        let half = Minute {
            number: first,
            asked: 3,
            answered: 3,
        };
        let down = Minute {
            number: first + 1,
            asked: 6,
            answered: 0,
        };
        let now = Timestamp((first + 10) * 60_000);
        let told = counted("public".to_owned(), &[half, half, down], november(), now);
        assert_eq!((told.minutes, told.known, told.unavailable), (10, 2, 1));
        assert_eq!(told.availability_percent, Some(50.0));
    }

    proptest! {
        #[test]
        fn availability_is_between_nothing_and_everything(answers in proptest::collection::vec((0u64..50_000, 0u32..7, 0u32..7), 0..200)) {
            let (first, next) = november().minutes();
            let minutes: Vec<Minute> = answers
                .into_iter()
                .map(|(offset, asked, answered)| Minute { number: first + offset, asked, answered: answered.min(asked) })
                .collect();
            let told = counted(String::new(), &minutes, november(), Timestamp(next * 60_000));
            prop_assert!(told.unavailable <= told.known && told.known <= next - first);
            prop_assert!(told.availability_percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
        }
    }
}
