//! Makes sights of single looks: how long something has been so without a gap, how old an answer is,
//! how much traffic came in the last minute. Pure; times are of a clock that never jumps, counted
//! from the start of the process.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use yagura_control::Timestamp;

use super::seen::{DirectTraffic, DnsSight, DoorsSight, Leads, Seen};
use super::stage::{Ingress, Stage};

/// The longest time between two looks for something to count as seen all along, and the longest for
/// which a look says how things are.
const LONGEST_GAP: Duration = Duration::from_secs(30);
/// For how long it is believed that nothing is missing.
const READY_FOR: Duration = Duration::from_secs(60);

/// What one server of the zone holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where it leads.
    pub leads: Leads,
    /// The longest TTL of direct records in it, in seconds; zero when there are none.
    pub direct_ttl_s: u32,
}

/// One look at every server of the zone; none for one that did not answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The one that takes changes.
    pub primary: Option<Held>,
    /// Which cloud that one leads to, where it leads to one.
    pub cloud: Option<Arc<str>>,
    /// Those that answer readers.
    pub servers: Vec<Option<Held>>,
}

/// What this process has seen of one site since its start.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The stage that all of it belongs to.
    stage: Option<(Stage, Timestamp)>,
    look: Option<(Look, Duration)>,
    /// Since when every server leads there, and when that was seen last.
    everywhere: Option<(Leads, Duration, Duration)>,
    doors: Option<(bool, Duration)>,
    ready: Option<(bool, Duration)>,
    /// How many direct requests there were altogether, at times.
    counts: VecDeque<(u64, Duration)>,
    /// The span that they are counted over.
    span: Duration,
    peak: u64,
}

impl Watch {
    /// Where the site stands. What was seen at another stage says nothing of this one: how long the
    /// DNS leads to the cloud is counted from when nobody leads it away any more.
    pub fn stands_at(&mut self, ingress: &Ingress) {
        let stage = (ingress.stage, ingress.since);
        if self.stage == Some(stage) {
            return;
        }
        self.stage = Some(stage);
        self.everywhere = None;
        self.look = None;
        self.doors = None;
        self.ready = None;
        if !ingress.stage.admits_direct() {
            self.peak = 0;
        }
    }

    /// Every server was asked, beginning at `at`.
    pub fn looked(&mut self, look: Look, at: Duration) {
        let mut servers = look.servers.iter();
        let first = servers.next().copied().flatten();
        let same = |held: &Held| {
            let mut others = servers.clone();
            others.all(|other| other.is_some_and(|other| other.leads == held.leads))
        };
        let everywhere = first.filter(same).map(|held| held.leads);
        self.everywhere = everywhere.map(|leads| match self.everywhere {
            Some((before, since, last)) if before == leads && at <= last + LONGEST_GAP => {
                (leads, since, at)
            }
            _ => (leads, at, at),
        });
        self.look = Some((look, at));
    }

    /// The doors were asked.
    pub const fn asked_doors(&mut self, all_stand_by: bool, at: Duration) {
        self.doors = Some((all_stand_by, at));
    }

    /// It was looked whether anything is missing.
    pub const fn checked(&mut self, ready: bool, at: Duration) {
        self.ready = Some((ready, at));
    }

    /// So many direct requests there were altogether until now, let in or not.
    pub fn counted(&mut self, total: u64, at: Duration, span: Duration) {
        self.span = span;
        self.counts.push_back((total, at));
        // The newest of those that are old enough is the one to compare with.
        let is_old =
            |count: Option<&(u64, Duration)>| count.is_some_and(|(_, then)| *then + span <= at);
        while is_old(self.counts.get(1)) {
            self.counts.pop_front();
        }
        let is_open = self.stage.is_some_and(|(stage, _)| stage.admits_direct());
        if let Some(requests) = self.requests(at).filter(|_| is_open) {
            self.peak = self.peak.max(requests);
        }
    }

    fn requests(&self, at: Duration) -> Option<u64> {
        let (before, then) = self.counts.front()?;
        let (total, last) = self.counts.back()?;
        let known = *then + self.span <= at && at <= *last + LONGEST_GAP;
        known.then(|| total.saturating_sub(*before))
    }

    /// What it comes to.
    #[must_use]
    pub fn seen(&self, at: Duration, cloud_is_sound: bool, reviewed: bool) -> Seen {
        let fresh = |then: Duration, span: Duration| at <= then + span;
        Seen {
            dns: self.dns(at),
            doors: DoorsSight {
                age: self.doors.map(|(_, then)| at.saturating_sub(then)),
                all_stand_by: self.doors.is_some_and(|(all, _)| all),
            },
            ready: self
                .ready
                .is_some_and(|(ready, then)| ready && fresh(then, READY_FOR)),
            traffic: self.requests(at).map(|requests| DirectTraffic {
                requests,
                peak: self.peak,
            }),
            cloud_is_sound,
            reviewed,
        }
    }

    fn dns(&self, at: Duration) -> DnsSight {
        let look = self.look.as_ref();
        let Some((look, _)) = look.filter(|(_, then)| at <= *then + LONGEST_GAP) else {
            return DnsSight::default();
        };
        let all = || look.servers.iter().chain([&look.primary]).flatten();
        DnsSight {
            primary: look.primary.map(|held| held.leads),
            cloud: look.cloud.clone(),
            everywhere: self
                .everywhere
                .map(|(leads, since, last)| (leads, last.saturating_sub(since))),
            astray: all().any(|held| held.leads != Leads::Cloud),
            longest_ttl_s: all().map(|held| held.direct_ttl_s).max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOUD: Option<Held> = Some(Held {
        leads: Leads::Cloud,
        direct_ttl_s: 0,
    });
    const DIRECT: Option<Held> = Some(Held {
        leads: Leads::Direct,
        direct_ttl_s: 60,
    });

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn look(primary: Option<Held>, servers: &[Option<Held>]) -> Look {
        Look {
            primary,
            cloud: None,
            servers: servers.to_vec(),
        }
    }

    fn everywhere(watch: &Watch, at: u64) -> Option<(Leads, u64)> {
        let seen = watch.seen(s(at), true, false);
        seen.dns
            .everywhere
            .map(|(leads, held)| (leads, held.as_secs()))
    }

    #[test]
    fn what_is_everywhere_is_counted_only_while_everybody_says_so_without_a_gap() {
        let mut watch = Watch::default();
        watch.looked(look(CLOUD, &[CLOUD, CLOUD]), s(10));
        assert_eq!(everywhere(&watch, 10), Some((Leads::Cloud, 0)));
        watch.looked(look(CLOUD, &[CLOUD, CLOUD]), s(30));
        assert_eq!(everywhere(&watch, 35), Some((Leads::Cloud, 20)));
        // One does not answer, another leads elsewhere, or nobody looked for long.
        watch.looked(look(CLOUD, &[CLOUD, None]), s(40));
        assert_eq!(everywhere(&watch, 40), None);
        watch.looked(look(CLOUD, &[CLOUD, CLOUD]), s(50));
        assert_eq!(everywhere(&watch, 50), Some((Leads::Cloud, 0)));
        watch.looked(look(CLOUD, &[CLOUD, DIRECT]), s(60));
        assert_eq!(everywhere(&watch, 60), None);
        watch.looked(look(CLOUD, &[CLOUD, CLOUD]), s(70));
        watch.looked(look(CLOUD, &[CLOUD, CLOUD]), s(101));
        assert_eq!(everywhere(&watch, 101), Some((Leads::Cloud, 0)));
        watch.looked(look(CLOUD, &[]), s(102));
        assert_eq!(everywhere(&watch, 102), None, "nobody is not everybody");
    }

    #[test]
    fn old_looks_say_nothing_and_another_stage_begins_anew() {
        let mut watch = Watch::default();
        let mut ingress = Ingress::default();
        watch.stands_at(&ingress);
        watch.looked(look(DIRECT, &[DIRECT, CLOUD]), s(10));
        watch.asked_doors(true, s(10));
        watch.checked(true, s(10));
        let seen = watch.seen(s(15), true, false);
        assert_eq!(seen.dns.primary, Some(Leads::Direct));
        assert!(seen.dns.astray && seen.ready && seen.doors.all_stand_by);
        assert_eq!((seen.dns.longest_ttl_s, seen.doors.age), (60, Some(s(5))));
        let old = watch.seen(s(71), true, false);
        assert_eq!((old.dns, old.ready), (DnsSight::default(), false));
        watch.stands_at(&ingress);
        assert_eq!(watch.seen(s(15), true, false), seen);
        ingress = ingress.at(Stage::Armed, Timestamp(1));
        watch.stands_at(&ingress);
        assert_eq!(watch.seen(s(15), false, false), Seen::default());
    }

    #[test]
    fn traffic_is_known_after_a_whole_minute_and_its_peak_is_of_the_open_door() {
        let mut watch = Watch::default();
        let closed = Ingress::default();
        let open = closed.at(Stage::Open, Timestamp(1));
        watch.stands_at(&closed);
        let traffic = |watch: &Watch, at| {
            let traffic = watch.seen(s(at), true, false).traffic;
            traffic.map(|traffic| (traffic.requests, traffic.peak))
        };
        for second in 0..60 {
            watch.counted(1000 + second * 10, s(second), s(60));
            assert_eq!(traffic(&watch, second), None);
        }
        watch.counted(1600, s(60), s(60));
        assert_eq!(traffic(&watch, 60), Some((600, 0)));
        watch.stands_at(&open);
        watch.counted(1600, s(61), s(60));
        assert_eq!(traffic(&watch, 61), Some((590, 590)));
        for second in 62..200 {
            watch.counted(1600, s(second), s(60));
        }
        assert_eq!(traffic(&watch, 199), Some((0, 590)));
        assert_eq!(traffic(&watch, 231), None, "nobody has counted since");
        watch.stands_at(&closed);
        assert_eq!(traffic(&watch, 199), Some((0, 0)));
    }
}
