//! The names of one site in the DNS: asks every server what it holds of them, and has them changed.
//! What the answers mean is decided in `dns_view.rs`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use yagura_certs::acme::Failure;
use yagura_certs::dns::{self, Name, NoAnswer, RData, RecordSet, Switch, Zone};
use yagura_config::Settings;
use yagura_config::settings::{BypassSettings, DnsChanger, DnsRecord};
use yagura_control::Clock;

use super::dns_view::{Records, Sets, Shown};
use super::seen::{Hand, Leads, Terms};
use super::watch::{Held, Look};
use crate::certificates::authorities;
use crate::probes::facts::{HeldRecord, ServerSeen};

/// How long one server may take to tell all of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The names, and how they are looked at and changed.
pub struct Names {
    names: Vec<String>,
    asked: Vec<Name>,
    sets: Sets,
    terms: Terms,
    /// Present where this edge changes them.
    zone: Option<Zone>,
    /// The servers that answer for them; those that the zone names when there are none here.
    servers: Vec<SocketAddr>,
}

/// What a look at every server gave.
pub struct Looked {
    /// For the machine.
    pub look: Look,
    /// For people: a line each server.
    pub evidence: Vec<String>,
    /// For whoever asks about the site: those that answer readers.
    pub servers: Vec<ServerSeen>,
}

impl Names {
    /// Those of a site, as it is configured now.
    ///
    /// # Errors
    /// A name or a record cannot stand in the DNS, or the key cannot be used.
    pub fn of(
        bypass: &BypassSettings,
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let (hand, zone) = match &bypass.dns {
            DnsChanger::Manual => (Hand::Manual, None),
            DnsChanger::Elsewhere => (Hand::Elsewhere, None),
            DnsChanger::Update(name) => {
                let zone = authorities::zone_named(&settings.certificates, name, clock)?;
                (Hand::Ours, Some(zone))
            }
        };
        let advice = "correct [site.bypass] and reload";
        let full = |name: &String| dns::absolute(name).map_err(|error| Failure::new(error, advice));
        let asked = bypass.names.iter().map(full);
        Ok(Self {
            asked: asked.collect::<Result<Vec<_>, _>>()?,
            names: bypass.names.clone(),
            sets: Sets::of(bypass).map_err(|error| Failure::new(error, advice))?,
            terms: Terms {
                hand,
                ttl_s: u32::try_from(bypass.ttl.as_secs()).unwrap_or(u32::MAX),
                quiet_permille: u64::from(bypass.quiet.0),
            },
            zone,
            servers: bypass.servers.clone(),
        })
    }

    /// What the machine goes by.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The records by place.
    #[must_use]
    pub const fn sets(&self) -> &Sets {
        &self.sets
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Asks every server at once.
    pub async fn look(&self) -> Looked {
        let (primary, servers) = match self.places().await {
            Ok(places) => places,
            Err(error) => {
                return Looked {
                    look: Look::default(),
                    evidence: vec![error.to_string()],
                    servers: Vec::new(),
                };
            }
        };
        let mut asking = JoinSet::new();
        let all: Vec<SocketAddr> = servers.iter().chain([&primary]).copied().collect();
        for server in &all {
            let (server, names) = (*server, self.asked.clone());
            asking.spawn(async move { (server, held(server, &names).await) });
        }
        let mut evidence = Vec::new();
        let mut answers: Vec<(SocketAddr, Held, Option<Arc<str>>)> = Vec::new();
        let mut shown = Vec::new();
        while let Some(answered) = asking.join_next().await {
            let Ok((server, answer)) = answered else {
                continue;
            };
            if servers.contains(&server) {
                shown.push(seen(server, &self.names, &answer));
            }
            match answer {
                Ok(records) => {
                    let shown = Shown {
                        names: &self.names,
                        records: &records,
                    };
                    evidence.push(format!("{server} holds {shown}"));
                    let (held, cloud) = self.sets.judged(&records);
                    answers.push((server, held, cloud));
                }
                Err(error) => evidence.push(error.to_string()),
            }
        }
        evidence.sort();
        evidence.dedup();
        shown.sort_by_key(|seen| servers.iter().position(|it| *it == seen.server));
        shown.dedup_by_key(|seen| seen.server);
        let of = |server: &SocketAddr| answers.iter().find(|(address, ..)| address == server);
        let first = of(&primary);
        Looked {
            look: Look {
                primary: first.map(|(_, held, _)| *held),
                cloud: first.and_then(|(_, _, cloud)| cloud.clone()),
                servers: servers
                    .iter()
                    .map(|server| of(server).map(|(_, held, _)| *held))
                    .collect(),
            },
            evidence,
            servers: shown,
        }
    }

    /// The server that takes changes, and those that answer readers.
    async fn places(&self) -> Result<(SocketAddr, Vec<SocketAddr>), NoAnswer> {
        match &self.zone {
            Some(zone) if self.servers.is_empty() => Ok((zone.server(), zone.servers().await?)),
            Some(zone) => Ok((zone.server(), self.servers.clone())),
            // The configuration has one at the least.
            None => {
                let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
                let first = self.servers.first().copied().unwrap_or(nobody);
                Ok((first, self.servers.clone()))
            }
        }
    }

    /// Has the names lead there, where they lead to the other place now.
    ///
    /// # Errors
    /// Nothing was changed, unless the answer was lost.
    pub async fn lead(&self, to: Leads, cloud: Option<&str>) -> Result<(), Failure> {
        let (zone, switch) = self.switch(to, cloud)?;
        let update = switch.update(zone.name());
        self.sent(zone, zone.change(&update)).await
    }

    /// Whether that would be done: the same without a change.
    ///
    /// # Errors
    /// Why it would be refused.
    pub async fn would_lead(&self, to: Leads, cloud: Option<&str>) -> Result<(), Failure> {
        let (zone, switch) = self.switch(to, cloud)?;
        let update = switch.trial(zone.name());
        self.sent(zone, zone.change(&update)).await
    }

    /// Gives names that hold nothing yet the records of a cloud.
    ///
    /// # Errors
    /// They hold something, or the server refuses.
    pub async fn begin(&self) -> Result<(), Failure> {
        let (zone, switch) = self.switch(Leads::Cloud, None)?;
        let switch = Switch {
            from: RecordSet::default(),
            ..switch
        };
        let update = switch.update(zone.name());
        self.sent(zone, zone.change(&update)).await
    }

    async fn sent(
        &self,
        zone: &Zone,
        change: impl Future<Output = Result<(), NoAnswer>>,
    ) -> Result<(), Failure> {
        // Given up, an update is under way no longer: other doors count on that.
        let sent = tokio::time::timeout(self.terms.update_time(), change).await;
        let sent = sent.unwrap_or(Err(NoAnswer::Silent(zone.server())));
        sent.map_err(|error| Failure::new(&error, error.advice()))
    }

    fn switch(&self, to: Leads, cloud: Option<&str>) -> Result<(&Zone, Switch), Failure> {
        let nobody = || {
            Failure::new(
                "nobody here changes the DNS",
                "this is a fault of the program",
            )
        };
        let zone = self.zone.as_ref().ok_or_else(nobody)?;
        let advice = "add its records to [site.bypass.cloud] and reload";
        let unknown = || {
            let cloud = cloud.unwrap_or("the cloud");
            Failure::new(
                format!("what the names hold behind {cloud} is not known"),
                advice,
            )
        };
        let behind = self.sets.behind(cloud).ok_or_else(unknown)?.clone();
        let direct = self.sets.direct().clone();
        let (from, to) = match to {
            Leads::Direct => (behind, direct),
            Leads::Cloud | Leads::Elsewhere => (direct, behind),
        };
        let switch = Switch {
            names: self.asked.clone(),
            from,
            to,
            ttl_s: self.terms.ttl_s,
        };
        Ok((zone, switch))
    }
}

/// Where the records of a server lead is judged by the machine; this is the same for people.
fn seen(server: SocketAddr, names: &[String], answer: &Result<Records, NoAnswer>) -> ServerSeen {
    let mut seen = ServerSeen {
        server,
        held: Vec::new(),
        ttl: None,
        fault: answer.as_ref().err().map(ToString::to_string),
    };
    let of_names = names.iter().zip(answer.iter().flatten());
    for (name, (ttl_s, data)) in
        of_names.flat_map(|(name, held)| held.iter().map(move |one| (name, one)))
    {
        seen.ttl = seen.ttl.max(Some(Duration::from_secs((*ttl_s).into())));
        let record = record(data).map(|record| HeldRecord {
            name: name.clone(),
            record,
        });
        seen.held
            .extend(record.filter(|it| !seen.held.contains(it)));
    }
    seen
}

/// A record that names addresses.
fn record(data: &RData) -> Option<DnsRecord> {
    Some(match data {
        RData::A(address) => DnsRecord::A(address.0),
        RData::AAAA(address) => DnsRecord::Aaaa(address.0),
        RData::CNAME(name) => {
            let target = name.0.to_ascii().to_ascii_lowercase();
            DnsRecord::Cname(target.trim_end_matches('.').to_owned())
        }
        _ => return None,
    })
}

async fn held(server: SocketAddr, names: &[Name]) -> Result<Records, NoAnswer> {
    let asking = async {
        let mut records = Vec::new();
        for name in names {
            records.push(dns::held(server, name).await?);
        }
        Ok(records)
    };
    let answered = tokio::time::timeout(PATIENCE, asking).await;
    answered.unwrap_or(Err(NoAnswer::Silent(server)))
}
