//! What the machine goes by besides its stage: terms that the configuration sets, and what was seen.
//! Plain data; `watch.rs` makes it of single looks, and `run.rs` looks.

use std::sync::Arc;
use std::time::Duration;

use super::stage::Ingress;

/// Where a server of the zone leads readers, by the records that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leads {
    /// To a cloud: every name holds exactly its records.
    Cloud,
    /// Here: every name holds exactly the direct ones.
    Direct,
    /// Anything else: somebody's own records, or some names so and others so.
    Elsewhere,
}

/// Who changes the DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// This edge, by dynamic updates.
    Ours,
    /// A person, who is told what to change.
    Manual,
    /// Another edge.
    Elsewhere,
}

/// What the configuration sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Who changes the DNS.
    pub hand: Hand,
    /// The TTL that records are given, in seconds.
    pub ttl_s: u32,
    /// Direct traffic below so many thousandths of its peak counts as ceased.
    pub quiet_permille: u64,
}

/// The longest TTL that the configuration allows for names that can be switched.
const LONGEST_TTL_S: u32 = 300;

impl Terms {
    /// The time that must pass before a door may close, since the DNS was seen to lead to the cloud
    /// everywhere: twice the longest TTL that direct records had.
    #[must_use]
    pub fn drain(&self, longest_ttl_s: u32) -> Duration {
        let twice = longest_ttl_s.max(self.ttl_s).saturating_mul(2);
        let least = match self.hand {
            Hand::Ours => 0,
            // Whoever changes it may have written a longer TTL while we could not look.
            Hand::Manual | Hand::Elsewhere => self.ttl_s.saturating_mul(5).min(LONGEST_TTL_S),
        };
        Duration::from_secs(u64::from(twice.max(least)))
    }

    /// How old a sight of the doors may be for the DNS to be changed by it. With `update_time` it is
    /// less than the time in which any of these doors could close.
    #[must_use]
    pub fn doors_age(&self) -> Duration {
        (self.ttl() / 2).min(Duration::from_secs(10))
    }

    /// How long an update may be under way to the server; then it is given up.
    #[must_use]
    pub fn update_time(&self) -> Duration {
        self.ttl().min(Duration::from_secs(15))
    }

    /// The span that direct requests are counted over: a minute, and less where records live shorter.
    #[must_use]
    pub fn span(&self) -> Duration {
        (self.ttl() * 2).min(Duration::from_secs(60))
    }

    fn ttl(&self) -> Duration {
        Duration::from_secs(u64::from(self.ttl_s))
    }
}

/// What was seen of the DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsSight {
    /// Where the server that takes changes leads; none when it did not answer. Where changes are
    /// others' business, the first of the servers.
    pub primary: Option<Leads>,
    /// Which cloud it is, where it leads to one.
    pub cloud: Option<Arc<str>>,
    /// Where every server leads, and for how long that was seen without a gap.
    pub everywhere: Option<(Leads, Duration)>,
    /// Whether some server leads anywhere but to the cloud.
    pub astray: bool,
    /// The longest TTL of direct records, in seconds; zero when there are none.
    pub longest_ttl_s: u32,
}

/// What was seen of the doors of all edges that the direct records lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorsSight {
    /// Since how long ago this is known; none when they were not asked yet.
    pub age: Option<Duration>,
    /// Whether each of them is open, and its edge stands by it.
    pub all_stand_by: bool,
}

/// What was seen of direct traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectTraffic {
    /// Requests in the last whole span of [`Terms::span`].
    pub requests: u64,
    /// The most in such a span since the door was opened, as far as this process knows.
    pub peak: u64,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Of the DNS.
    pub dns: DnsSight,
    /// Of the doors.
    pub doors: DoorsSight,
    /// Whether nothing is missing for publishing directly.
    pub ready: bool,
    /// Of direct traffic; none until a whole span was watched.
    pub traffic: Option<DirectTraffic>,
    /// Whether the cloud's path is sound, and for how long enough to be believed.
    pub cloud_is_sound: bool,
    /// Whether an approver has looked at the break-glass bypass and found it right.
    pub reviewed: bool,
}

impl DoorsSight {
    /// Whether the DNS may be led to them.
    #[must_use]
    pub fn may_be_led_to(&self, terms: &Terms) -> bool {
        self.all_stand_by && self.age.is_some_and(|age| age <= terms.doors_age())
    }
}

impl DirectTraffic {
    /// Whether it has ceased, measured by the peak of this bypass and by what came before it.
    #[must_use]
    pub fn has_ceased(&self, ingress: &Ingress, terms: &Terms) -> bool {
        let peak = ingress.peak.max(self.peak);
        let allowed = peak.saturating_mul(terms.quiet_permille);
        let remains = self.requests.saturating_sub(ingress.background);
        remains.saturating_mul(1000) <= allowed
    }
}

/// A span in words.
#[must_use]
pub fn minutes(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        hand: Hand::Ours,
        ttl_s: 60,
        quiet_permille: 10,
    };

    #[test]
    fn traffic_has_ceased_below_its_share_of_the_highest_peak_known() {
        let ceased_but_for = |background, requests, own_peak, kept_peak| {
            let traffic = DirectTraffic {
                requests,
                peak: own_peak,
            };
            let ingress = Ingress {
                peak: kept_peak,
                background,
                ..Ingress::default()
            };
            traffic.has_ceased(&ingress, &TERMS)
        };
        let ceased = |requests, own, kept| ceased_but_for(0, requests, own, kept);
        assert!(ceased(0, 0, 0));
        assert!(!ceased(1, 1, 99));
        assert!(ceased(1, 1, 100));
        assert!(ceased(10, 1000, 0));
        assert!(!ceased(11, 1000, 1000));
        // Who came before the door was opened comes after it is closed too.
        assert!(ceased_but_for(3, 3, 5, 5) && !ceased_but_for(3, 4, 5, 5));
        assert!(ceased_but_for(3, 13, 1000, 0));
    }

    #[test]
    fn a_door_waits_twice_the_longest_ttl() {
        assert_eq!(TERMS.drain(0).as_secs(), 120);
        assert_eq!(TERMS.drain(300).as_secs(), 600);
        assert_eq!(TERMS.drain(3600).as_secs(), 7200);
        for hand in [Hand::Manual, Hand::Elsewhere] {
            let terms = Terms { hand, ..TERMS };
            assert_eq!(terms.drain(60).as_secs(), 300);
            assert_eq!(terms.drain(300).as_secs(), 600);
        }
    }

    #[test]
    fn no_door_closes_while_an_update_is_under_way_to_lead_to_it() {
        for ttl_s in 1..=300 {
            let terms = Terms { ttl_s, ..TERMS };
            assert!(
                terms.doors_age() + terms.update_time() < terms.drain(0),
                "{ttl_s}"
            );
        }
    }

    #[test]
    fn old_sights_of_doors_count_for_nothing() {
        let sight = |age: Option<u64>, all_stand_by| DoorsSight {
            age: age.map(Duration::from_secs),
            all_stand_by,
        };
        assert!(sight(Some(10), true).may_be_led_to(&TERMS));
        for no in [
            sight(None, true),
            sight(Some(11), true),
            sight(Some(0), false),
        ] {
            assert!(!no.may_be_led_to(&TERMS), "{no:?}");
        }
    }
}
