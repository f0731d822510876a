//! Which generations are kept. Pure: from instants, settings and `now` to a verdict on each.
//!
//! Days, months and years are those of Japan's calendar, in which the contract speaks. Of each hour,
//! day, month and year, the newest generation is kept, for as many of them as are configured and have
//! one. A generation from the future, after a clock that was wrong, is kept: whoever put the clock
//! right decides, not we; and it takes no other's place. The newest is always kept.

use std::collections::BTreeSet;

use serde::Serialize;
use yagura_config::settings::KeepSettings;
use yagura_control::Timestamp;

/// Why a generation is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is the newest.
    Newest,
    /// It is young.
    Young,
    /// It is the newest of its hour.
    Hourly,
    /// Of its day.
    Daily,
    /// Of its month.
    Monthly,
    /// Of its year.
    Yearly,
}

/// For every instant, in the order given: the reasons for which it is kept; with none it goes.
#[must_use]
pub fn plan(instants: &[Timestamp], keep: &KeepSettings, now: Timestamp) -> Vec<Vec<Reason>> {
    let mut order: Vec<usize> = (0..instants.len()).collect();
    let at = |index: usize| instants.get(index).copied().unwrap_or_default();
    order.sort_by_key(|index| std::cmp::Reverse((at(*index), *index)));
    let mut verdicts = vec![Vec::new(); instants.len()];
    let mut say = |index: usize, reason: Reason| {
        if let Some(reasons) = verdicts.get_mut(index) {
            reasons.push(reason);
        }
    };
    if let Some(newest) = order.first() {
        say(*newest, Reason::Newest);
    }
    for index in &order {
        if now.since(at(*index)) <= keep.all_within {
            say(*index, Reason::Young);
        }
    }
    type Bucket = fn(Timestamp) -> i64;
    let rules: [(Reason, usize, Bucket); 4] = [
        (Reason::Hourly, keep.hourly, hour),
        (Reason::Daily, keep.daily, day),
        (Reason::Monthly, keep.monthly, month),
        (Reason::Yearly, keep.yearly, year),
    ];
    for (reason, most, bucket) in rules {
        let mut seen = BTreeSet::new();
        for index in order.iter().filter(|index| at(**index) <= now) {
            if seen.len() < most && seen.insert(bucket(at(*index))) {
                say(*index, reason);
            }
        }
    }
    verdicts
}

fn hour(at: Timestamp) -> i64 {
    at.in_japan().unix_timestamp().div_euclid(3_600)
}

fn day(at: Timestamp) -> i64 {
    i64::from(at.in_japan().to_julian_day())
}

fn month(at: Timestamp) -> i64 {
    year(at) * 12 + i64::from(u8::from(at.in_japan().month()))
}

fn year(at: Timestamp) -> i64 {
    i64::from(at.in_japan().year())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_410_187_000);
    const MINUTE: u64 = 60_000;
    const DAY: u64 = 1_440 * MINUTE;

    fn kept(instants: &[Timestamp], keep: &KeepSettings) -> Vec<Timestamp> {
        let verdicts = plan(instants, keep, NOW);
        let kept = instants
            .iter()
            .zip(&verdicts)
            .filter(|(_, why)| !why.is_empty());
        kept.map(|(at, _)| *at).collect()
    }

    #[test]
    fn a_year_of_minutes_becomes_what_the_plan_says() {
        let instants: Vec<_> = (0..400 * 1_440)
            .map(|n| Timestamp(NOW.0 - n * MINUTE))
            .collect();
        let kept = kept(&instants, &KeepSettings::default());
        // 121 minutes, 45 or 46 hours beyond them, 33 days beyond those, 12 months, and the year's end.
        assert!(
            (121 + 45 + 32 + 11..=121 + 48 + 35 + 13 + 5).contains(&kept.len()),
            "{}",
            kept.len()
        );
        let oldest = kept.iter().min().unwrap();
        assert!(NOW.0 - oldest.0 > 350 * DAY);
    }

    #[test]
    fn the_newest_of_a_day_in_japan_is_its_generation() {
        // 14:59 and 15:01 in UTC are two days in Japan.
        let evening = Timestamp(1_795_359_540_000);
        let night = Timestamp(evening.0 + 2 * MINUTE);
        let keep = KeepSettings {
            all_within: Duration::ZERO,
            hourly: 1,
            daily: 2,
            monthly: 1,
            yearly: 1,
        };
        assert_eq!(kept(&[evening, night], &keep).len(), 2);
    }

    proptest! {
        #[test]
        fn what_the_contract_asks_for_is_always_there(
            ages in prop::collection::vec(0_u64..800 * DAY, 0..300),
            hourly in 1_usize..60, daily in KeepSettings::LEAST_DAILY..60,
            monthly in 1_usize..20, yearly in 1_usize..9, within in 0_u64..10_000,
        ) {
            let keep = KeepSettings { all_within: Duration::from_secs(within), hourly, daily, monthly, yearly };
            // Some are of the future.
            let instants: Vec<_> = ages.iter().map(|age| Timestamp(NOW.0 + DAY - age)).collect();
            let kept = kept(&instants, &keep);
            prop_assert_eq!(kept.iter().max(), instants.iter().max());
            // Today and two days back, of the days that have one.
            let days: BTreeSet<i64> = instants.iter().map(|at| day(*at)).collect();
            let of_kept: BTreeSet<i64> = kept.iter().map(|at| day(*at)).collect();
            for day in days.iter().rev().take(daily) {
                prop_assert!(of_kept.contains(day));
            }
            for at in &instants {
                if *at >= NOW || NOW.since(*at) <= keep.all_within {
                    prop_assert!(kept.contains(at));
                }
            }
            // What is of the future takes no day's place.
            let days: BTreeSet<i64> = instants.iter().filter(|at| **at <= NOW).map(|at| day(*at)).collect();
            for day in days.iter().rev().take(daily) {
                prop_assert!(of_kept.contains(day));
            }
            // Never more than the plan can name.
            let young = instants.iter().filter(|at| NOW.since(**at) <= keep.all_within).count();
            prop_assert!(kept.len() <= young + 1 + hourly + daily + monthly + yearly);
        }

        /// A generation each hour, tidied each day, with a clock that jumps: the newest of today and of
        /// the two days back, by the clock as it is then, are there after every tidying.
        #[test]
        fn no_jump_of_the_clock_takes_the_floor_away(
            jumps in prop::collection::btree_map(0_u64..40 * 24, -9_000_i64..9_000, 0..8),
            keep_hourly in 0_usize..3,
        ) {
            let keep = KeepSettings {
                all_within: Duration::ZERO,
                hourly: keep_hourly,
                daily: KeepSettings::LEAST_DAILY,
                monthly: 0,
                yearly: 0,
            };
            let mut there: Vec<Timestamp> = Vec::new();
            let mut by = 0;
            for hour in 0..40 * 24 {
                by = jumps.get(&hour).copied().unwrap_or(by);
                let now = Timestamp(NOW.0.saturating_add_signed((by + i64::try_from(hour).unwrap()) * 3_600_000));
                there.push(now);
                if hour % 24 != 0 {
                    continue;
                }
                let expected: BTreeSet<i64> = there.iter().filter(|at| **at <= now).map(|at| day(*at)).collect();
                let verdicts = plan(&there, &keep, now);
                let mut verdicts = verdicts.iter();
                there.retain(|_| verdicts.next().is_some_and(|why| !why.is_empty()));
                let days: BTreeSet<i64> = there.iter().map(|at| day(*at)).collect();
                for day in expected.iter().rev().take(KeepSettings::LEAST_DAILY) {
                    prop_assert!(days.contains(day));
                }
                prop_assert!(there.contains(&now));
            }
        }

        #[test]
        fn a_plan_carried_out_twice_takes_nothing_more(
            ages in prop::collection::btree_set(0_u64..800 * DAY, 0..300),
        ) {
            let keep = KeepSettings::default();
            let instants: Vec<_> = ages.iter().map(|age| Timestamp(NOW.0 - age)).collect();
            let once = kept(&instants, &keep);
            prop_assert_eq!(kept(&once, &keep), once);
        }

        #[test]
        fn the_order_does_not_matter(ages in prop::collection::btree_set(0_u64..800 * DAY, 0..100)) {
            let keep = KeepSettings::default();
            let mut instants: Vec<_> = ages.iter().map(|age| Timestamp(NOW.0 - age)).collect();
            let mut one = kept(&instants, &keep);
            instants.reverse();
            let mut other = kept(&instants, &keep);
            one.sort_unstable();
            other.sort_unstable();
            prop_assert_eq!(one, other);
        }
    }
}
