//! What is known about both ways to a site: the facts that a switch is decided on, and that
//! `yagura cloud status` tells. Plain data and words; `run.rs` fills it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use yagura_config::settings::DnsRecord;
use yagura_control::Timestamp;

use super::moved;
use super::window::Standing;

/// Facts older than so many intervals are none.
const OLD: u32 = 6;
/// A day, in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// Everything that is known about one site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// When the paths were asked last; the epoch before the first time.
    pub at: Timestamp,
    /// The direct path, one entry an address.
    pub direct: Vec<PathSeen>,
    /// How it stands: it works when every address answers.
    pub direct_standing: Standing,
    /// The median of its times, in milliseconds: of the slowest address.
    pub direct_ms: Option<u32>,
    /// The path through each cloud that the site is behind.
    pub clouds: Vec<CloudSeen>,
    /// The certificates that are shown on the direct path, one entry a name.
    pub names: Vec<NameSeen>,
    /// When the servers were asked last.
    pub servers_at: Timestamp,
    /// The servers that answer for the names.
    pub servers: Vec<ServerSeen>,
}

/// The path through one cloud.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CloudSeen {
    /// The cloud's name.
    pub cloud: String,
    /// One entry an address; empty when its records lead to none.
    pub paths: Vec<PathSeen>,
    /// How it stands: it works when any address answers, because browsers try another one.
    pub standing: Standing,
    /// The median of its times, in milliseconds.
    pub ms: Option<u32>,
    /// The share of good answers among the last sixty, in percent.
    pub share_percent: Option<u8>,
}

/// One address of a path, as it answered last.
#[derive(Clone, Debug, PartialEq)]
pub struct PathSeen {
    /// The address.
    pub address: SocketAddr,
    /// How many milliseconds the answer took, or why there is none.
    pub answer: Result<u32, String>,
    /// The edge that answers there; the direct path alone.
    pub edge: Option<String>,
}

/// What an edge says at [`DOOR_PATH`](crate::ingress::DOOR_PATH): of its door nothing is asked here, because the state machine
/// asks anew before it relies on one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DoorSeen {
    /// Its name.
    pub edge: String,
    /// The site.
    pub site: String,
}

/// The certificate of one name on the direct path: of the worst address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSeen {
    /// The name.
    pub name: String,
    /// Until when it is valid; none when none was seen.
    pub not_after: Option<Timestamp>,
    /// Why readers would not believe it, or why it was not seen.
    pub fault: Option<String>,
}

impl Facts {
    /// Whether the paths were asked just now, for probes at that interval. Older facts are none.
    #[must_use]
    pub fn are_fresh(&self, interval: Duration, now: Timestamp) -> bool {
        now.since(self.at) <= interval * OLD
    }
}

impl NameSeen {
    /// Whether readers believe it.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.fault.is_none() && self.not_after.is_some_and(|end| now < end)
    }

    /// The same.
    ///
    /// # Errors
    /// Why they do not, in words.
    pub fn believed(&self, now: Timestamp) -> Result<(), String> {
        let why = || self.fault.clone();
        let unseen = || "none was seen".to_owned();
        self.is_good(now)
            .then_some(())
            .ok_or_else(|| why().unwrap_or_else(unseen))
    }
}

/// What one server that answers for the names holds of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSeen {
    /// Its address.
    pub server: SocketAddr,
    /// Its records that name addresses: A, AAAA and CNAME.
    pub held: Vec<HeldRecord>,
    /// The longest time for which caches may keep any of its records, HTTPS records among them.
    pub ttl: Option<Duration>,
    /// Why it did not answer.
    pub fault: Option<String>,
}

/// One record of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// The name, lower case, without the last dot.
    pub name: String,
    /// What it holds.
    pub record: DnsRecord,
}

impl Facts {
    /// The longest time for which caches may keep what the servers give now.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.servers.iter().filter_map(|server| server.ttl).max()
    }

    /// Whether any server outside answers; an edge for which none does is cut off itself.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        self.servers.iter().any(|server| server.fault.is_none())
    }

    /// The path through a cloud.
    #[must_use]
    pub fn cloud(&self, name: &str) -> Option<&CloudSeen> {
        self.clouds.iter().find(|seen| seen.cloud == name)
    }

    /// The first of these record sets, by cloud, that the names hold at some server: the cloud that
    /// readers come through now.
    #[must_use]
    pub fn cloud_in_use<'a>(
        &self,
        behind: impl Iterator<Item = (&'a String, &'a Vec<DnsRecord>)>,
    ) -> Option<&'a str> {
        let held: BTreeSet<&DnsRecord> = self
            .servers
            .iter()
            .flat_map(|server| &server.held)
            .map(|held| &held.record)
            .collect();
        let mut behind = behind;
        let found = behind.find(|(_, records)| records.iter().any(|one| held.contains(one)));
        found.map(|(cloud, _)| cloud.as_str())
    }

    /// The names whose certificate is good, and the days until the first of these ends.
    #[must_use]
    pub fn certificates(&self, now: Timestamp) -> (usize, Option<u64>) {
        let good = self.names.iter().filter(|name| name.is_good(now));
        let ends = good.clone().filter_map(|name| name.not_after).min();
        (
            good.count(),
            ends.map(|end| end.0.saturating_sub(now.0) / DAY_MS),
        )
    }

    /// What a switch now would mean, in one line.
    #[must_use]
    pub fn words(&self, now: Timestamp) -> String {
        let mut parts = vec![self.direct_words(now)];
        if !self.names.is_empty() {
            let (good, days) = self.certificates(now);
            let of = self.names.len();
            parts.push(match days {
                Some(days) => format!("certificate valid {days} days for {good} of {of} names"),
                None => format!("no valid certificate for {of} names"),
            });
        }
        match self.ttl() {
            Some(ttl) => {
                let percent = moved::TOLD_PERCENT;
                let minutes = moved::time_until(percent, ttl).as_secs().div_ceil(60);
                parts.push(format!("TTL {} s", ttl.as_secs()));
                parts.push(format!(
                    "expected {percent} % of readers moved in {minutes} min"
                ));
            }
            None => parts.push("TTL not seen".to_owned()),
        }
        parts.extend(self.clouds.iter().map(|cloud| cloud.words(now)));
        parts.join(", ")
    }

    fn direct_words(&self, now: Timestamp) -> String {
        match (self.direct_standing, self.direct_ms) {
            (Standing::Failing { .. }, _) => {
                let failed = self.direct.iter().find_map(|path| {
                    let why = path.answer.as_ref().err()?;
                    Some(format!(": {}: {why}", path.address))
                });
                let lasting = lasting(self.direct_standing.failed(now));
                format!("direct path FAILS{lasting}{}", failed.unwrap_or_default())
            }
            (Standing::Sound { .. }, Some(ms)) => format!("direct path {ms} ms"),
            _ => "direct path not known yet".to_owned(),
        }
    }
}

impl CloudSeen {
    fn words(&self, now: Timestamp) -> String {
        let cloud = &self.cloud;
        match (self.standing, self.ms) {
            (Standing::Failing { .. }, _) => {
                let why = self
                    .paths
                    .iter()
                    .find_map(|path| path.answer.as_ref().err());
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                let lasting = lasting(self.standing.failed(now));
                format!("through {cloud} FAILS{lasting}{why}")
            }
            (Standing::Sound { .. }, Some(ms)) => format!("through {cloud} {ms} ms"),
            _ => format!("through {cloud} not known yet"),
        }
    }
}

/// ` for 4 min`; nothing below a minute.
fn lasting(time: Option<Duration>) -> String {
    let minutes = time.unwrap_or_default().as_secs() / 60;
    match minutes {
        0 => String::new(),
        minutes => format!(" for {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_410_187_123);

    fn path(answer: Result<u32, String>) -> PathSeen {
        PathSeen {
            address: ([203, 0, 113, 5], 443).into(),
            answer,
            edge: None,
        }
    }

    fn facts() -> Facts {
        let name = |name: &str, days: u64| NameSeen {
            name: name.to_owned(),
            not_after: Some(Timestamp(NOW.0 + days * DAY_MS + 5)),
            fault: None,
        };
        Facts {
            at: NOW,
            direct: vec![path(Ok(31))],
            direct_standing: Standing::Sound { since: NOW },
            direct_ms: Some(31),
            clouds: vec![CloudSeen {
                cloud: "prefecture".to_owned(),
                standing: Standing::Sound { since: NOW },
                ms: Some(48),
                ..CloudSeen::default()
            }],
            names: vec![
                name("a.example", 61),
                name("b.example", 80),
                name("c.example", 90),
            ],
            servers_at: NOW,
            servers: vec![ServerSeen {
                server: ([198, 51, 100, 53], 53).into(),
                held: vec![HeldRecord {
                    name: "a.example".to_owned(),
                    record: DnsRecord::Cname("town.cloud.example".to_owned()),
                }],
                ttl: Some(Duration::from_secs(120)),
                fault: None,
            }],
        }
    }

    #[test]
    fn what_a_switch_would_mean_is_told_in_one_line() {
        assert_eq!(
            facts().words(NOW),
            "direct path 31 ms, certificate valid 61 days for 3 of 3 names, TTL 120 s, \
             expected 95 % of readers moved in 4 min, through prefecture 48 ms"
        );
        assert_eq!(
            Facts::default().words(NOW),
            "direct path not known yet, TTL not seen"
        );
    }

    #[test]
    fn what_is_bad_is_told_with_why() {
        let mut facts = facts();
        let since = Timestamp(NOW.0 - 250_000);
        facts.direct_standing = Standing::Failing { since };
        facts.direct = vec![path(Err("connection refused".to_owned()))];
        facts.clouds[0].standing = Standing::Failing { since };
        facts.clouds[0].paths = vec![path(Err("status 502".to_owned()))];
        facts.names[0].fault = Some("expired".to_owned());
        facts.servers.clear();
        assert_eq!(
            facts.words(NOW),
            "direct path FAILS for 4 min: 203.0.113.5:443: connection refused, certificate valid \
             80 days for 2 of 3 names, TTL not seen, through prefecture FAILS for 4 min: status 502"
        );
        assert!(!facts.reaches_out());
    }

    #[test]
    fn the_cloud_in_use_is_the_one_whose_records_are_held() {
        let facts = facts();
        let cname = |name: &str| vec![DnsRecord::Cname(name.to_owned())];
        let (old, new) = ("prefecture".to_owned(), "successor".to_owned());
        let (of_old, of_new) = (cname("town.cloud.example"), cname("town.new.example"));
        let behind = [(&new, &of_new), (&old, &of_old)];
        assert_eq!(facts.cloud_in_use(behind.into_iter()), Some("prefecture"));
        assert_eq!(facts.cloud_in_use([(&new, &of_new)].into_iter()), None);
    }
}
