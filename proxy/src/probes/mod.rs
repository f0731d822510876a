//! Both ways to a site that is behind a security cloud, asked all the time: through the cloud, and
//! directly. So that what a switch would mean is known before anybody needs it (clause 6(11)).
//!
//! - `run.rs`: asks, in regular intervals; `ask.rs` one question, `records.rs` the DNS.
//! - `judge.rs`: what answers mean; pure.
//! - `window.rs`: what the last of them say about a path; pure.
//! - `facts.rs`: everything that is known of a site, and in words.
//! - `moved.rs`: how soon readers follow a change of the DNS; pure.
//! - `proposal.rs`: when people are asked to switch; pure. `propose.rs` asks them.
//! - `show.rs`: answers `yagura cloud status`.
//!
//! What stands in the way of a switch is judged in `crate::bypass::readiness`, and what the servers of
//! the zone hold is looked at by the machine there, for both.
//!
//! Here is the table that holds it. Nothing of this is on the way of a request.

pub mod ask;
pub mod facts;
pub(crate) mod judge;
mod moved;
pub mod proposal;
pub mod propose;
mod records;
pub mod run;
pub mod show;
pub mod window;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use yagura_config::settings::BypassSettings;
use yagura_control::Timestamp;

use facts::{CloudSeen, Facts, NameSeen, PathSeen, ServerSeen};
use window::{Standing, Window};

/// What is known of every site.
#[derive(Debug, Default)]
pub struct Probes {
    sites: Mutex<BTreeMap<String, Watched>>,
}

/// A site's windows with what was seen last.
#[derive(Clone, Debug)]
struct Watched {
    /// What is watched; with other settings everything begins anew.
    of: BypassSettings,
    interval: Duration,
    direct: Window,
    clouds: BTreeMap<String, Window>,
    facts: Facts,
}

/// A path that stands otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Through which cloud; `None` is the direct one.
    pub cloud: Option<String>,
    /// How it stood.
    pub before: Standing,
    /// How it stands.
    pub after: Standing,
    /// Why it fails, in words; empty when it works.
    pub why: String,
}

/// What one round of questions brought.
#[derive(Debug, Default)]
pub struct Round {
    /// Every direct address.
    pub direct: Vec<PathSeen>,
    /// The certificate of every name.
    pub names: Vec<NameSeen>,
    /// Every address of each cloud.
    pub clouds: Vec<(String, Vec<PathSeen>)>,
}

impl Probes {
    /// What is known of a site; `None` before it was looked at.
    #[must_use]
    pub fn facts(&self, site: &str) -> Option<Facts> {
        self.sites().get(site).map(|watched| watched.facts.clone())
    }

    /// Notes a round, and tells which paths stand otherwise now.
    fn note(
        &self,
        site: &str,
        (of, interval): (&BypassSettings, Duration),
        round: Round,
        at: Timestamp,
    ) -> Vec<Turn> {
        let mut sites = self.sites();
        let watched = watched(&mut sites, site, of, interval);
        let mut turns = Vec::new();
        let facts = &mut watched.facts;
        facts.at = at;
        if !round.direct.is_empty() {
            let before = watched.direct.standing();
            watched.direct.note(judge::of_all(&round.direct), at);
            facts.direct_standing = watched.direct.standing();
            facts.direct_ms = watched.direct.median_ms();
            turns.extend(turn(None, before, facts.direct_standing, &round.direct));
            (facts.direct, facts.names) = (round.direct, round.names);
        }
        for (cloud, paths) in round.clouds {
            let window = watched.clouds.entry(cloud.clone());
            let window = window.or_insert_with(|| Window::new(interval));
            let before = window.standing();
            // Where nobody knows an address, nobody knows whether it works.
            if !paths.is_empty() {
                window.note(judge::of_any(&paths), at);
            }
            let standing = window.standing();
            turns.extend(turn(Some(&cloud), before, standing, &paths));
            let seen = CloudSeen {
                standing,
                ms: window.median_ms(),
                share_percent: window.share_percent(),
                paths,
                cloud,
            };
            match facts.clouds.iter_mut().find(|it| it.cloud == seen.cloud) {
                Some(known) => *known = seen,
                None => facts.clouds.push(seen),
            }
        }
        turns
    }

    /// Notes what the servers hold.
    pub(crate) fn note_servers(
        &self,
        site: &str,
        (of, interval): (&BypassSettings, Duration),
        servers: Vec<ServerSeen>,
        at: Timestamp,
    ) {
        let mut sites = self.sites();
        let facts = &mut watched(&mut sites, site, of, interval).facts;
        (facts.servers, facts.servers_at) = (servers, at);
    }

    /// Forgets sites that are watched no longer.
    fn retain(&self, is_watched: impl Fn(&str) -> bool) {
        self.sites().retain(|site, _| is_watched(site));
    }

    fn sites(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        // Also after a panic of who held it: the rows are whole.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watched<'a>(
    sites: &'a mut BTreeMap<String, Watched>,
    site: &str,
    of: &BypassSettings,
    interval: Duration,
) -> &'a mut Watched {
    let anew = || Watched {
        of: of.clone(),
        interval,
        direct: Window::new(interval),
        clouds: BTreeMap::new(),
        facts: Facts::default(),
    };
    let watched = sites.entry(site.to_owned()).or_insert_with(anew);
    if watched.of != *of || watched.interval != interval {
        *watched = anew();
    }
    watched
}

/// A turn from working to failing, or back. That a path is known at last is none, unless it fails.
fn turn(
    cloud: Option<&str>,
    before: Standing,
    after: Standing,
    paths: &[PathSeen],
) -> Option<Turn> {
    let (failed, fails) = (
        matches!(before, Standing::Failing { .. }),
        matches!(after, Standing::Failing { .. }),
    );
    let is_turn = fails != failed && after != Standing::Unknown;
    is_turn.then(|| Turn {
        cloud: cloud.map(str::to_owned),
        before,
        after,
        why: match fails {
            true => judge::why(paths),
            false => String::new(),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::probes::judge::tests::bypass;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn path(answer: Result<u32, String>) -> PathSeen {
        PathSeen {
            address: SocketAddr::from(([203, 0, 113, 5], 443)),
            answer,
            edge: None,
        }
    }

    fn round(cloud: Result<u32, String>) -> Round {
        Round {
            direct: vec![path(Ok(31))],
            names: Vec::new(),
            clouds: vec![("prefecture".to_owned(), vec![path(cloud)])],
        }
    }

    #[test]
    fn a_turn_is_told_once_and_with_why() {
        let probes = Probes::default();
        let settings = bypass();
        let mut at = Timestamp(0);
        let mut note = |cloud: Result<u32, String>| {
            at = at.plus(INTERVAL);
            probes.note("town", (&settings, INTERVAL), round(cloud), at)
        };
        for _ in 0..5 {
            assert_eq!(note(Ok(48)), []);
        }
        let fails = || Err("status 502".to_owned());
        assert_eq!((note(fails()), note(fails())), (vec![], vec![]));
        let turns = note(fails());
        assert_eq!(turns.len(), 1);
        assert_eq!(turns[0].cloud.as_deref(), Some("prefecture"));
        assert_eq!(turns[0].why, "203.0.113.5:443: status 502");
        assert_eq!(note(fails()), []);
        let back: Vec<Turn> = (0..12).flat_map(|_| note(Ok(48))).collect();
        assert_eq!(back.len(), 1);
        assert!(back[0].after.is_sound());
        let facts = probes.facts("town").unwrap();
        assert_eq!((facts.at, facts.direct_ms), (at, Some(31)));
        assert_eq!(facts.clouds[0].share_percent, Some(80));
    }

    #[test]
    fn other_settings_begin_anew() {
        let probes = Probes::default();
        let mut settings = bypass();
        for second in 1..5 {
            let at = Timestamp(second * 10_000);
            probes.note("town", (&settings, INTERVAL), round(Ok(1)), at);
        }
        assert!(probes.facts("town").unwrap().direct_standing.is_sound());
        settings.direct_port = 8443;
        let at = Timestamp(60_000);
        probes.note("town", (&settings, INTERVAL), round(Ok(1)), at);
        let facts = probes.facts("town").unwrap();
        assert_eq!(facts.direct_standing, Standing::Unknown);
        probes.retain(|_| false);
        assert_eq!(probes.facts("town"), None);
    }

    #[test]
    fn a_cloud_of_no_address_is_not_judged() {
        let probes = Probes::default();
        for second in 1..5 {
            let round = Round {
                clouds: vec![("prefecture".to_owned(), Vec::new())],
                ..Round::default()
            };
            let at = Timestamp(second * 10_000);
            let turns = probes.note("town", (&bypass(), INTERVAL), round, at);
            assert_eq!(turns, []);
        }
        let facts = probes.facts("town").unwrap();
        assert_eq!(facts.clouds[0].standing, Standing::Unknown);
    }
}
