//! A zone that we may change, and proofs of DNS-01 in it (RFC 8555, section 8.4).
//!
//! A proof counts as shown when every server that answers for the zone has it: an authority asks any
//! of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{Name, RData, RecordType};
use secrecy::SecretSlice;
use yagura_control::Clock;

use super::client::{Key, KeyAlgorithm, NoAnswer, ask, change};
use super::look;
use super::name::absolute;
use super::update::{Change, Update};
use crate::acme::{Failure, Proof, Solver};

/// How long proofs may stay in caches, in seconds.
const TTL_S: u32 = 60;
/// How often servers are asked whether they have a proof, and how long between.
const LOOKS: u32 = 120;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Where a zone is, and what changes it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The zone's name.
    pub zone: String,
    /// The server that takes updates.
    pub server: SocketAddr,
    /// The servers that answer for the zone; those of its NS records when there are none here.
    pub answering: Vec<SocketAddr>,
    /// The name of the key at the server.
    pub key_name: String,
    /// How the key signs.
    pub algorithm: KeyAlgorithm,
    /// The key.
    pub secret: SecretSlice<u8>,
}

/// A zone, and how to change it.
#[derive(Clone)]
pub struct Zone {
    name: Name,
    server: SocketAddr,
    answering: Vec<SocketAddr>,
    key: Key,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Zone")
            .field("name", &self.name)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Zone {
    /// A zone; signatures carry the time of this clock.
    ///
    /// # Errors
    /// A name is none.
    pub fn new(place: Place, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let advice = "correct `zone` or `key_name` of [[dns]]";
        let name = |text: &str| absolute(text).map_err(|error| Failure::new(error, advice));
        Ok(Self {
            name: name(&place.zone)?,
            server: place.server,
            answering: place.answering,
            key: Key {
                name: name(&place.key_name)?,
                algorithm: place.algorithm,
                secret: place.secret,
            },
            clock,
        })
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The server that takes changes.
    #[must_use]
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Changes records; all of it or nothing.
    ///
    /// # Errors
    /// The server's words.
    pub async fn change(&self, update: &Update) -> Result<(), NoAnswer> {
        change(self.server, &self.key, update, self.clock.now()).await
    }

    /// What every server that answers for the zone holds of a name and type.
    ///
    /// # Errors
    /// One of them does not answer.
    pub async fn held(
        &self,
        name: &Name,
        kind: RecordType,
    ) -> Result<Vec<(SocketAddr, Vec<RData>)>, NoAnswer> {
        let mut held = Vec::new();
        for server in self.servers().await? {
            held.push((server, ask(server, name, kind).await?));
        }
        Ok(held)
    }

    /// The servers that answer for the zone.
    ///
    /// # Errors
    /// They are not configured, and the zone does not name them.
    pub async fn servers(&self) -> Result<Vec<SocketAddr>, NoAnswer> {
        if !self.answering.is_empty() {
            return Ok(self.answering.clone());
        }
        look::servers(self.server, &self.name).await
    }

    fn record(&self, proof: &Proof) -> Result<(Name, RData), Failure> {
        let Proof::Record { name, value } = proof else {
            let words = "a zone shows records alone";
            return Err(Failure::new(words, "this is a fault of the program"));
        };
        let advice = "look whether the name can stand in the DNS";
        let full = absolute(&format!("_acme-challenge.{name}"));
        let full = full.map_err(|error| Failure::new(error, advice))?;
        if !self.name.zone_of(&full) {
            let words = format!("{name} does not lie in the zone {}", self.name);
            let advice = "set `dns` of the authority to the [[dns]] that holds the name";
            return Err(Failure::new(words, advice));
        }
        Ok((full, RData::TXT(TXT::new(vec![value.clone()]))))
    }

    fn update(&self, changes: Vec<Change>) -> Update {
        Update {
            zone: self.name.clone(),
            prerequisites: Vec::new(),
            changes,
        }
    }

    /// Waits until every server has the record.
    async fn seen(&self, name: &Name, data: &RData) -> Result<(), Failure> {
        let mut missing = Err(NoAnswer::Silent(self.server));
        for look in 0..LOOKS {
            missing = self.held(name, RecordType::TXT).await.map(|held| {
                let without = held.into_iter().filter(|(_, held)| !held.contains(data));
                without.map(|(server, _)| server).collect::<Vec<_>>()
            });
            if missing.as_ref().is_ok_and(Vec::is_empty) {
                return Ok(());
            }
            let pause = FIRST_PAUSE * (1 + look / 2);
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
        match missing {
            Ok(servers) => {
                let shown: Vec<String> = servers.iter().map(ToString::to_string).collect();
                let words = format!("{name} was added and is not shown by {}", shown.join(", "));
                let advice = "look whether the primary notifies its secondaries (NOTIFY, transfers), \
                              or list the servers that answer in `servers` of [[dns]]";
                Err(Failure::new(words, advice))
            }
            Err(error) => Err(told(&error)),
        }
    }
}

fn told(error: &NoAnswer) -> Failure {
    Failure::new(error, error.advice())
}

#[async_trait]
impl Solver for Zone {
    async fn show(&self, proofs: &[Proof]) -> Result<(), Failure> {
        let records = proofs.iter().map(|proof| self.record(proof));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        if records.is_empty() {
            return Ok(());
        }
        let add = records.iter().map(|(name, data)| Change::Add {
            name: name.clone(),
            ttl_s: TTL_S,
            data: data.clone(),
        });
        let added = self.change(&self.update(add.collect())).await;
        added.map_err(|error| told(&error))?;
        for (name, data) in &records {
            self.seen(name, data).await?;
        }
        Ok(())
    }

    async fn withdraw(&self, proofs: &[Proof]) {
        let records = proofs.iter().filter_map(|proof| self.record(proof).ok());
        let remove: Vec<Change> = records
            .map(|(name, data)| Change::Remove(name, data))
            .collect();
        if remove.is_empty() {
            return;
        }
        if let Err(error) = self.change(&self.update(remove)).await {
            tracing::warn!(%error, "a proof stays in the DNS; it does no harm");
        }
    }
}
