//! When a new file of the log begins, what the full one is called, and which old ones go. No I/O.

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use yagura_config::settings::RotationSettings;
use yagura_control::Timestamp;

/// In the name of a file that is not written any more: when it was left, in Japan.
const FORM: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]");

/// What is known of the file being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// Bytes in it.
    pub bytes: u64,
    /// When its last line was written.
    pub written_at: Timestamp,
}

/// Whether the next line begins a new file: this one is full, or of another day in Japan.
#[must_use]
pub fn is_due(current: Current, now: Timestamp, settings: &RotationSettings) -> bool {
    let of_today = current.written_at.in_japan().date() == now.in_japan().date();
    current.bytes > 0 && (current.bytes >= settings.at_bytes || !of_today)
}

/// What a file that is left at this time is called: `access.jsonl` becomes
/// `access.20261124T090000.jsonl`. `again` tells those of one second apart.
#[must_use]
pub fn name(file: &str, now: Timestamp, again: u32) -> String {
    let (stem, end) = parts(file);
    let stamp = now.in_japan().format(FORM).unwrap_or_default();
    match again {
        0 => format!("{stem}.{stamp}{end}"),
        again => format!("{stem}.{stamp}_{again:03}{end}"),
    }
}

/// When that file was left, with the number that tells those of one second apart; none if it is no
/// such file of this log.
#[must_use]
pub fn left_at(file: &str, candidate: &str) -> Option<(Timestamp, u32)> {
    let (stem, end) = parts(file);
    let rest = candidate.strip_prefix(stem)?.strip_prefix('.')?;
    let stamp = rest.strip_suffix(end)?;
    let (stamp, again) = match stamp.split_once('_') {
        None => (stamp, 0),
        Some((stamp, again)) => (stamp, again.parse().ok()?),
    };
    let left = PrimitiveDateTime::parse(stamp, FORM).ok()?;
    let left = Timestamp::from(left.assume_offset(yagura_control::timestamp::JST));
    (name(file, left, again) == candidate).then_some((left, again))
}

/// Which files of a folder go: those kept too long, and the oldest of too many.
#[must_use]
pub fn to_remove(
    file: &str,
    folder: &[String],
    now: Timestamp,
    settings: &RotationSettings,
) -> Vec<String> {
    let of_log = folder
        .iter()
        .filter_map(|name| Some((left_at(file, name)?, name)));
    let mut old: Vec<_> = of_log.collect();
    old.sort_unstable();
    let too_many = old.len().saturating_sub(settings.keep_files);
    let goes = |index: usize, left: Timestamp| index < too_many || now.since(left) > settings.keep;
    old.iter()
        .enumerate()
        .filter(|(index, ((left, _), _))| goes(*index, *left))
        .map(|(_, (_, name))| (*name).clone())
        .collect()
}

/// A file's name before and from its last dot.
fn parts(file: &str) -> (&str, &str) {
    file.rfind('.')
        .filter(|at| *at > 0)
        .map_or((file, ""), |at| file.split_at(at))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_410_187_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn settings(keep_files: usize, days: u32) -> RotationSettings {
        RotationSettings {
            at_bytes: 1000,
            keep_files,
            keep: DAY * days,
        }
    }

    #[test]
    fn a_new_file_begins_when_one_is_full_and_at_midnight_in_japan() {
        let due =
            |bytes, written_at, now| is_due(Current { bytes, written_at }, now, &settings(1, 1));
        assert!(!due(999, NOW, NOW) && due(1000, NOW, NOW));
        // 14:03 in Japan.
        let midnight = NOW.plus(Duration::from_secs(9 * 3600 + 56 * 60 + 53));
        let before = NOW.plus(Duration::from_secs(9 * 3600 + 56 * 60 + 52));
        assert!(!due(1, NOW, before) && due(1, NOW, midnight));
        assert!(!due(0, NOW, midnight));
    }

    #[test]
    fn a_file_that_is_left_has_the_time_in_its_name() {
        assert_eq!(name("access.jsonl", NOW, 0), "access.20261123T140307.jsonl");
        assert_eq!(name("access", NOW, 7), "access.20261123T140307_007");
        assert_eq!(name(".log", NOW, 0), ".log.20261123T140307");
    }

    #[test]
    fn the_oldest_go_and_what_is_kept_too_long_and_nothing_else() {
        let at = |days: u32| name("a.log", Timestamp(NOW.0 - 86_400_000 * u64::from(days)), 0);
        let mut folder: Vec<String> = (0..5).map(at).collect();
        folder.extend(["a.log", "b.20200101T000000.log", "a.20200101T000000.gz"].map(String::from));
        let removed = |keep, days| {
            let mut removed = to_remove("a.log", &folder, NOW, &settings(keep, days));
            removed.sort_unstable();
            removed
        };
        assert_eq!(removed(3, 10), [at(4), at(3)]);
        assert_eq!(removed(10, 2), [at(4), at(3)]);
        assert_eq!(removed(10, 10), Vec::<String>::new());
        assert_eq!(removed(1, 10).len(), 4);
    }

    proptest! {
        #[test]
        fn names_are_read_as_they_were_written(
            file in "[a-z.]{1,12}", seconds in 0u64..4_000_000_000, again in 0u32..2000,
        ) {
            let at = Timestamp(seconds * 1000);
            prop_assert_eq!(left_at(&file, &name(&file, at, again)), Some((at, again)));
            prop_assert_eq!(left_at(&file, &file), None);
        }

        #[test]
        fn no_other_name_is_taken_for_one(file in "[a-z.]{1,8}", other in "[a-z0-9T._]{0,30}") {
            if let Some((at, again)) = left_at(&file, &other) {
                prop_assert_eq!(name(&file, at, again), other);
            }
        }
    }
}
