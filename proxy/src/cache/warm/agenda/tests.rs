//! The agenda played through in simulated time, and thrown about by chance.

use super::*;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const HOUR: Duration = Duration::from_secs(3600);

/// Does what the agenda says for a while; gives when each URL was asked for.
fn simulate(
    agenda: &mut Agenda,
    until: Duration,
    mut came: impl FnMut(&str, Duration) -> Came,
    takes: Duration,
) -> Vec<(Duration, String)> {
    let mut chance = StdRng::seed_from_u64(1);
    let mut under_way: Vec<(Duration, String)> = Vec::new();
    let (mut now, mut asked) = (Duration::ZERO, Vec::new());
    while now < until {
        let wake = match agenda.next(now) {
            Next::Ask(path, _) => {
                asked.push((now, path.clone()));
                under_way.push((now + takes, path));
                assert!(under_way.len() <= MOST_UNDER_WAY);
                continue;
            }
            Next::Wait(at) => at,
            Next::Nothing => until,
        };
        let back = under_way.iter().map(|(at, _)| *at).min();
        now = back.unwrap_or(until).min(wake);
        while let Some(index) = under_way.iter().position(|(at, _)| *at <= now) {
            let (_, path) = under_way.remove(index);
            let came = came(&path, now);
            agenda.ended(&path, came, now, chance.random_range(0.0..1.0));
        }
    }
    asked
}

fn of_pages(pages: usize) -> Agenda {
    let mut agenda = Agenda::new(50);
    for page in 0..pages {
        agenda.fetch(&format!("/{page}"), Some(page as u64 + 1), Duration::ZERO);
    }
    agenda
}

#[test]
fn one_broken_url_is_asked_for_seldom_and_holds_up_nobody() {
    let mut agenda = of_pages(1000);
    let takes = Duration::from_millis(20);
    let came = |path: &str, _| match path {
        "/7" => Came::BrokenUrl,
        _ => Came::Held,
    };
    let asked = simulate(&mut agenda, HOUR, came, takes);
    assert_eq!((agenda.owed(), agenda.failing()), (1, 1));
    assert_eq!(agenda.failing_urls().collect::<Vec<_>>(), ["/7"]);
    let broken = asked.iter().filter(|(_, path)| path == "/7").count();
    assert!(broken <= 16, "asked {broken} times in an hour");
    let done = asked.iter().rfind(|(_, path)| path != "/7").unwrap().0;
    assert!(done <= Duration::from_secs(21), "the others took {done:?}");
    agenda.fetch("/7", Some(2000), HOUR);
    assert_eq!(
        agenda.next(HOUR),
        Next::Ask("/7".into(), Kind::Fetch),
        "what changed is tried at once"
    );
}

#[test]
fn a_dead_origin_is_left_alone_and_its_return_is_noticed() {
    for dead in [Came::BrokenOrigin, Came::BrokenUrl] {
        let mut agenda = of_pages(1000);
        let back_at = HOUR * 2;
        let came = |_: &str, now| if now < back_at { dead } else { Came::Held };
        let asked = simulate(&mut agenda, HOUR * 3, came, Duration::from_millis(20));
        let while_dead = asked.iter().filter(|(at, _)| *at < back_at).count();
        assert!(while_dead < 250, "{dead:?}: {while_dead} in two hours");
        assert_eq!(agenda.owed(), 0, "{dead:?}");
        assert!(agenda.rests_until(HOUR * 3).is_none());
    }
}

#[test]
fn a_change_that_overtakes_its_fetch_is_fetched_again() {
    let mut agenda = of_pages(1);
    assert!(matches!(agenda.next(Duration::ZERO), Next::Ask(..)));
    agenda.fetch("/0", Some(9), Duration::ZERO);
    assert!(!agenda.ended("/0", Came::Held, Duration::ZERO, 0.0));
    assert_eq!(agenda.first_untried(), Some(9));
    let later = Duration::from_secs(1);
    assert!(matches!(agenda.next(later), Next::Ask(..)));
    assert!(agenda.ended("/0", Came::Held, later, 0.0));
    assert_eq!((agenda.owed(), agenda.first_untried()), (0, None));
}

#[test]
fn what_is_to_be_confirmed_waits_for_its_time_and_gives_way_to_a_change() {
    let mut agenda = Agenda::new(50);
    agenda.confirm("/a", HOUR);
    assert_eq!(agenda.next(Duration::ZERO), Next::Wait(HOUR));
    assert_eq!(agenda.owed(), 0);
    agenda.fetch("/a", None, Duration::ZERO);
    agenda.confirm("/a", HOUR);
    assert_eq!(
        agenda.next(Duration::ZERO),
        Next::Ask("/a".into(), Kind::Fetch)
    );
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Fetch(u8),
    Confirm(u8),
    Drop(u8),
    Next,
    Ended(usize, u8),
    Heard,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0_u8..6).prop_map(Event::Fetch),
        (0_u8..6).prop_map(Event::Confirm),
        (0_u8..6).prop_map(Event::Drop),
        Just(Event::Next),
        Just(Event::Next),
        (any::<usize>(), 0_u8..4).prop_map(|(which, came)| Event::Ended(which, came)),
        Just(Event::Heard),
    ];
    proptest::collection::vec(event, 0..200)
}

proptest! {
    #[test]
    fn whatever_happens_nothing_wanted_is_lost_and_the_counts_are_right(events in events()) {
        let mut agenda = Agenda::new(1000);
        let (mut now, mut wanted, mut under_way) = (Duration::ZERO, BTreeSet::new(), Vec::new());
        for (number, event) in events.into_iter().enumerate() {
            now += Duration::from_millis(300);
            match event {
                Event::Fetch(path) => {
                    agenda.fetch(&path.to_string(), Some(number as u64), now);
                    wanted.insert(path.to_string());
                }
                Event::Confirm(path) => agenda.confirm(&path.to_string(), now),
                Event::Drop(path) => {
                    agenda.drop(&path.to_string());
                    wanted.remove(&path.to_string());
                }
                Event::Next => if let Next::Ask(path, _) = agenda.next(now) {
                    under_way.push(path);
                },
                Event::Ended(which, came) if !under_way.is_empty() => {
                    let path = under_way.swap_remove(which % under_way.len());
                    let came = [Came::Held, Came::BrokenUrl, Came::BrokenOrigin, Came::BrokenDisk]
                        [usize::from(came)];
                    if agenda.ended(&path, came, now, 0.5) {
                        wanted.remove(&path);
                    }
                }
                Event::Ended(..) => {}
                Event::Heard => agenda.heard_from_origin(now),
            }
            prop_assert!(under_way.len() <= MOST_UNDER_WAY);
            prop_assert_eq!(agenda.under_way, under_way.len());
            prop_assert!(wanted.iter().all(|path| agenda.is_owed(path)), "a wish was lost");
            prop_assert_eq!(agenda.owed(), wanted.len());
            let waiting = agenda.wishes.values().filter(|wish| wish.state == State::Waiting);
            prop_assert_eq!(agenda.queue.len(), waiting.count());
            let failing = agenda.wishes.values().filter(|wish| wish.failures > 0).count();
            prop_assert_eq!(agenda.failing(), failing);
            let untried: BTreeSet<u64> = agenda.wishes.values().filter_map(|wish| wish.seq).collect();
            prop_assert_eq!(&agenda.untried, &untried);
        }
    }
}
