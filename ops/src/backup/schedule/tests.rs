//! The schedule at instants that are chosen, and through months that are simulated.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::status::Standing;
use super::*;

const NOW: Timestamp = Timestamp(1_795_410_187_000);
const MINUTE: Duration = Duration::from_secs(60);

fn settings() -> BackupSettings {
    let text = "[backup]\npassword_file = \"p\"\ndatabase = \"sqlite:cms.db\"\nmedia = \"m\"\ndata = \"d\"\n\
                [[backup.target]]\nname = \"disk\"\nfolder = \"disk\"\n";
    let settings = yagura_config::parse(text, std::path::Path::new("yagura.toml"));
    settings.ok().and_then(|it| it.backup).unwrap()
}

#[test]
fn a_database_is_looked_at_each_minute_and_a_large_one_each_five() {
    let settings = settings();
    for (size, expected) in [
        (None, 60),
        (Some(0), 60),
        (Some(500_000_000), 60),
        (Some(500_000_001), 300),
        (Some(5_000_000_000), 300),
    ] {
        let every = every(&settings, Part::Database, size);
        assert_eq!(every.as_secs(), expected, "{size:?}");
    }
    assert_eq!(every(&settings, Part::Files, Some(u64::MAX)), HOUR);
}

#[test]
fn what_is_due_when() {
    let ago = |seconds: u64| Timestamp(NOW.0 - seconds * 1_000);
    let ahead = |seconds: u64| Timestamp(NOW.0 + seconds * 1_000);
    for (last, expected) in [
        (None, true),
        (Some(ago(59)), false),
        (Some(NOW), false),
        (Some(ago(60)), true),
        (Some(ago(999_999)), true),
        (Some(ahead(1)), true),
    ] {
        assert_eq!(is_due(last, MINUTE, NOW), expected, "{last:?}");
    }
    let day = 86_400;
    for (done, tried, expected) in [
        (None, None, true),
        (Some(ago(day - 1)), None, false),
        (Some(ago(day)), Some(ago(day)), true),
        (Some(ago(2 * day)), Some(ago(3_599)), false),
        (Some(ago(2 * day)), Some(ago(3_600)), true),
        (Some(ahead(day)), Some(ahead(day)), true),
    ] {
        assert_eq!(daily(done, tried, NOW), expected, "{done:?} {tried:?}");
    }
    let week = 7 * DAY;
    for (last, tried, since, expected) in [
        (None, None, ago(7 * day - 1), false),
        (None, None, ago(7 * day), true),
        (Some((ago(7 * day - 1), true)), None, ago(99 * day), false),
        (Some((ago(7 * day), true)), None, ago(99 * day), true),
        (Some((ago(day - 1), false)), None, ago(99 * day), false),
        (Some((ago(day), false)), None, ago(99 * day), true),
        (Some((ahead(day), true)), None, ago(99 * day), true),
        // It could not even be written down.
        (
            Some((ago(8 * day), true)),
            Some(ago(60)),
            ago(99 * day),
            false,
        ),
    ] {
        assert_eq!(drill(last, tried, since, week, NOW), expected, "{last:?}");
    }
}

#[test]
fn a_target_that_fails_is_left_alone_for_longer_and_never_for_long() {
    let mut supply = Supply::default();
    let pauses: Vec<_> = (0..70).filter_map(|_| supply.ended(true)).collect();
    let seconds: Vec<_> = pauses.iter().take(7).map(Duration::as_secs).collect();
    assert_eq!(seconds, [2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(pauses.last(), Some(&BACK_OFF.1));
    assert_eq!(supply.ended(false), None);
    assert_eq!(supply.ended(true), Some(BACK_OFF.0));
}

/// What the desk did to one target, in minutes of the true time since the beginning.
#[derive(Default)]
struct Log {
    taken: Vec<u64>,
    tidied: Vec<u64>,
    read: BTreeMap<u32, Vec<u64>>,
    drilled: Vec<u64>,
    alarms: Vec<(u64, bool)>,
}

/// A town over months: a target that is away at times, and a clock that is wrong at times.
struct Simulation {
    settings: BackupSettings,
    /// The target is away.
    away: Box<dyn Fn(u64) -> bool>,
    /// What the clock shows more than the true time, in minutes.
    wrong_by: Box<dyn Fn(u64) -> i64>,
}

impl Simulation {
    fn quiet() -> Self {
        Self {
            settings: settings(),
            away: Box::new(|_| false),
            wrong_by: Box::new(|_| 0),
        }
    }

    /// One step a minute, as `desk.rs` does: supply, tidying, reading, drill, alarm.
    fn run(&self, days: u64) -> Log {
        let mut log = Log::default();
        let (mut supply, mut standing) = (Supply::default(), Standing::default());
        let (mut tidy_tried, mut read_tried, mut drill_tried) = (None, None, None);
        let mut last_drill = None;
        let since = NOW;
        for minute in 0..days * 1_440 {
            let shown = minute.saturating_add_signed((self.wrong_by)(minute) + 600_000);
            let now = Timestamp(NOW.0 - 600_000 * 60_000 + shown * 60_000);
            let away = (self.away)(minute);
            let every = every(&self.settings, Part::Database, None);
            if supply.is_due(Part::Database, every, now) {
                if away {
                    standing.failed(now, "away".to_owned());
                } else {
                    supply.given(Part::Database, now);
                    standing.succeeded(now, Some(now), 1);
                    log.taken.push(minute);
                }
                supply.ended(away);
            }
            let alarm = standing
                .alarm(now, since, self.settings.alarm_after)
                .is_some();
            if alarm != log.alarms.last().is_some_and(|(_, stands)| *stands) {
                log.alarms.push((minute, alarm));
            }
            // The rest is looked at less often.
            if minute % 10 != 0 {
                continue;
            }
            if daily(standing.tidied_at, tidy_tried, now) {
                tidy_tried = Some(now);
                if !away {
                    standing.tidied_at = Some(now);
                    log.tidied.push(minute);
                }
            }
            if let Some(share) = share(&standing.read, read_tried, since, now) {
                read_tried = Some(now);
                if !away {
                    standing.read.insert(share, now);
                    log.read.entry(share).or_default().push(minute);
                }
            }
            if drill(
                last_drill,
                drill_tried,
                since,
                self.settings.drill_every,
                now,
            ) {
                drill_tried = Some(now);
                last_drill = Some((now, !away));
                log.drilled.push(minute);
            }
        }
        log
    }
}

/// The longest time between two of these, and between them and the ends.
fn longest(of: &[u64], days: u64) -> u64 {
    let mut all = vec![0];
    all.extend(of);
    all.push(days * 1_440);
    let gaps = all
        .windows(2)
        .filter_map(|pair| pair[1].checked_sub(pair[0]));
    gaps.max().unwrap_or_default()
}

#[test]
fn half_a_year_without_trouble() {
    let log = Simulation::quiet().run(182);
    assert_eq!(log.taken.len(), 182 * 1_440);
    assert_eq!(log.tidied.len(), 182);
    assert_eq!(log.drilled.len(), 25);
    assert!(longest(&log.drilled, 182) <= 7 * 1_440);
    assert_eq!(log.read.len(), 28);
    for (share, at) in &log.read {
        assert!(longest(at, 182) <= 28 * 1_440, "{share}: {at:?}");
    }
    assert!(log.alarms.is_empty());
}

#[test]
fn a_place_that_is_away_for_a_day_alarms_and_catches_up() {
    let simulation = Simulation {
        away: Box::new(|minute| (20 * 1_440 + 77..21 * 1_440 + 77).contains(&minute)),
        ..Simulation::quiet()
    };
    let log = simulation.run(90);
    let (gone, back) = (20 * 1_440 + 77, 21 * 1_440 + 77);
    assert_eq!(longest(&log.taken, 90), 1_441);
    assert!(log.taken.contains(&back));
    // Three hours after the last generation, and over with the first.
    assert_eq!(log.alarms, [(gone + 180, true), (back, false)]);
    assert!(longest(&log.tidied, 90) <= 2 * 1_440 + 60);
    for (share, at) in &log.read {
        assert!(longest(at, 90) <= 29 * 1_440, "{share}: {at:?}");
    }
    // The drill that fell into that day failed; the next came a day later.
    assert!(longest(&log.drilled, 90) <= 7 * 1_440);
}

#[test]
fn a_month_away_is_made_good_within_two_days() {
    let simulation = Simulation {
        away: Box::new(|minute| (10 * 1_440..40 * 1_440).contains(&minute)),
        ..Simulation::quiet()
    };
    let log = simulation.run(120);
    let back = 40 * 1_440;
    for (share, at) in &log.read {
        let first = at.iter().find(|at| **at >= back);
        assert!(
            first.is_some_and(|at| *at <= back + 2 * 1_440 || *share < 11),
            "{share}: {at:?}"
        );
        let later: Vec<_> = at.iter().copied().filter(|at| *at >= back).collect();
        assert!(longest(&later, 120) <= 28 * 1_440 + back, "{share}: {at:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// A clock that jumps as it likes, by up to a year, and runs on from there: nothing stops, and
    /// what is daily comes daily.
    #[test]
    fn a_clock_that_jumps_stops_nothing(seed in any::<u64>(), count in 1_u64..12) {
        let mut chance = StdRng::seed_from_u64(seed);
        let days = 60;
        let jumps: BTreeMap<u64, i64> = (0..count)
            .map(|_| (chance.random_range(0..days * 1_440), chance.random_range(-500_000..500_000)))
            .collect();
        let wrong_by = move |minute: u64| jumps.range(..=minute).next_back().map_or(0, |(_, by)| *by);
        let simulation = Simulation { wrong_by: Box::new(wrong_by), ..Simulation::quiet() };
        let log = simulation.run(days);
        prop_assert!(longest(&log.taken, days) <= 1);
        // Each time the clock goes back, and not so far as to what was done last, time counts anew.
        prop_assert!(longest(&log.tidied, days) <= (count + 1) * 1_440 + 10);
        prop_assert!(longest(&log.drilled, days) <= (count + 1) * 7 * 1_440 + 10);
        prop_assert_eq!(log.read.len(), 28);
        prop_assert!(log.alarms.iter().all(|(_, stands)| !stands) , "{:?}", log.alarms);
    }

    /// A place that is away while the clock is wrong still alarms.
    #[test]
    fn an_alarm_comes_whatever_the_clock_does(jump in -500_000_i64..500_000, at in 0_u64..500) {
        let simulation = Simulation {
            away: Box::new(|minute| minute >= 2_000),
            wrong_by: Box::new(move |minute| if minute >= 1_750 + at { jump } else { 0 }),
            ..Simulation::quiet()
        };
        let log = simulation.run(3);
        // Three hours, and as long again where the clock went back while it was away.
        prop_assert!(log.alarms.iter().any(|(minute, stands)| *stands && *minute <= 2_250 + 181), "{:?}", log.alarms);
        prop_assert!(log.alarms.last().is_some_and(|(_, stands)| *stands), "{:?}", log.alarms);
    }
}
