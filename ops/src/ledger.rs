//! The minutes on disk: `NAME-2026-11.jsonl`, one line a minute, only ever appended to.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use time::{Date, PrimitiveDateTime, Time};
use yagura_control::Timestamp;

use crate::error::OpsError;
use crate::minute::Minute;

/// A month in Japan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    year: i32,
    month: time::Month,
}

impl Month {
    /// The month of an instant.
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        let day = instant.in_japan().date();
        Self {
            year: day.year(),
            month: day.month(),
        }
    }

    /// Its first minute, and the first of the next month, in minutes since 1970.
    #[must_use]
    pub fn minutes(self) -> (u64, u64) {
        let next = self.month.next();
        let year = if next == time::Month::January {
            self.year + 1
        } else {
            self.year
        };
        (
            first_minute(self.year, self.month),
            first_minute(year, next),
        )
    }
}

fn first_minute(year: i32, month: time::Month) -> u64 {
    const JAPAN_S: i64 = 9 * 3600;
    let Ok(day) = Date::from_calendar_date(year, month, 1) else {
        return 0;
    };
    let seconds = PrimitiveDateTime::new(day, Time::MIDNIGHT)
        .assume_utc()
        .unix_timestamp()
        - JAPAN_S;
    u64::try_from(seconds / 60).unwrap_or(0)
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, u8::from(self.month))
    }
}

impl FromStr for Month {
    type Err = OpsError;

    fn from_str(text: &str) -> Result<Self, OpsError> {
        let wrong = || OpsError::NotAMonth(text.to_owned());
        let (year, month) = text.split_once('-').ok_or_else(wrong)?;
        let digits = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(month, 2) {
            return Err(wrong());
        }
        let month: u8 = month.parse().map_err(|_| wrong())?;
        let month = time::Month::try_from(month).map_err(|_| wrong())?;
        Ok(Self {
            year: year.parse().map_err(|_| wrong())?,
            month,
        })
    }
}

/// Appends a minute to the ledger of its indicator and month.
///
/// # Errors
/// The disk refuses.
pub fn append(folder: &Path, indicator: &str, minute: Minute) -> Result<(), OpsError> {
    let month = Month::of(Timestamp(minute.number * 60_000));
    let path = file(folder, indicator, month);
    let write = || -> std::io::Result<()> {
        let mut line = serde_json::to_vec(&minute)?;
        line.push(b'\n');
        let mut file = File::options().append(true).create(true).open(&path)?;
        file.write_all(&line)?;
        file.sync_data()
    };
    write().map_err(OpsError::at(&path))
}

/// The minutes of a month; a line that a power cut left unfinished is passed over.
///
/// # Errors
/// The ledger cannot be read.
pub fn read(folder: &Path, indicator: &str, month: Month) -> Result<Vec<Minute>, OpsError> {
    let path = file(folder, indicator, month);
    let text = std::fs::read_to_string(&path).map_err(OpsError::at(&path))?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

/// Indicators that have a ledger for the month, by name.
///
/// # Errors
/// The folder cannot be read.
pub fn indicators(folder: &Path, month: Month) -> Result<Vec<String>, OpsError> {
    let ending = format!("-{month}.jsonl");
    let entries = std::fs::read_dir(folder)
        .map_err(OpsError::at(folder))?
        .flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            Some(
                entry
                    .file_name()
                    .to_str()?
                    .strip_suffix(&ending)?
                    .to_owned(),
            )
        })
        .collect();
    names.sort();
    Ok(names)
}

fn file(folder: &Path, indicator: &str, month: Month) -> PathBuf {
    folder.join(format!("{indicator}-{month}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_at_midnight_in_japan() {
        let november: Month = "2026-11".parse().unwrap();
        let (first, next) = november.minutes();
        assert_eq!(next - first, 30 * 24 * 60);
        assert_eq!(Month::of(Timestamp(first * 60_000)), november);
        assert_eq!(
            Month::of(Timestamp(first * 60_000 - 1)).to_string(),
            "2026-10"
        );
        assert_eq!(Month::of(Timestamp(next * 60_000)).to_string(), "2026-12");
        for text in ["2026-13", "2026-0", "26-01", "2026/01", "+026-01", ""] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let month: Month = "2026-11".parse().unwrap();
        let first = month.minutes().0;
        let minutes = [0, 1, 2].map(|offset| Minute {
            number: first + offset,
            asked: 6,
            answered: 6,
        });
        for minute in minutes {
            append(folder.path(), "public", minute).unwrap();
        }
        let path = folder.path().join("public-2026-11.jsonl");
        let mut torn = File::options().append(true).open(path).unwrap();
        torn.write_all(b"{\"number\":1").unwrap();
        assert_eq!(read(folder.path(), "public", month).unwrap(), minutes);
        assert_eq!(indicators(folder.path(), month).unwrap(), ["public"]);
    }
}
