//! The certificates that readers are shown: which ones, swapped under their hands, and ordered anew.
//!
//! - `mod.rs`: the table that handshakes, status and figures ask.
//! - `choice.rs`: which version of a certificate is served; pure.
//! - `ends.rs`: warnings that one ends; `elsewhere.rs`: those that are not served here.
//! - `watch.rs`: looks at the store's pointers every second and swaps what changed.
//! - `keeper.rs`: orders certificates when `yagura_certs::renewal` says so, on the edge that is holder.
//! - `hand_over.rs`: the holder gives other edges what it holds; `take_over.rs`: they take it.
//! - `staples.rs`: the issuers' word on them (OCSP).
//! - `authorities.rs`: authorities, zones and secrets from the settings.
//!
//! The store is the single truth: whoever brings a certificate saves a version there, and nothing
//! else is needed for it to be served. The edge never stops for a certificate.

pub mod authorities;
mod choice;
pub mod elsewhere;
mod ends;
pub mod hand_over;
pub mod keeper;
mod serve;
pub mod staples;
pub mod take_over;
#[cfg(test)]
mod tests;
pub mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use yagura_certs::acme::Pending;
use yagura_certs::expiry::warning::Stage;
use yagura_certs::inspect::sha256;
use yagura_certs::renewal::State;
use yagura_certs::tls::Tickets;
use yagura_certs::{Inspected, Resolver, Store};
use yagura_config::Settings;
use yagura_config::settings::UnknownNames;
use yagura_control::Timestamp;
use yagura_control::order::{CertificateStatus, RenewalFailure};

use crate::error::EdgeError;
pub use authorities::unusable_secrets;
use elsewhere::Elsewhere;
use ends::Told;
use serve::Served;
use staples::Staples;
use take_over::Borrowed;

/// What the local authority's certificate is called in status and figures.
const LOCAL: &str = "local";

/// The table.
pub struct Certificates {
    /// Folder of the store; none where the edge keeps nothing.
    folder: Option<PathBuf>,
    /// Folder of the accounts at authorities.
    accounts: PathBuf,
    resolver: Resolver,
    tickets: Arc<Tickets>,
    pending: Arc<Pending>,
    served: Mutex<Served>,
    renewals: Mutex<BTreeMap<String, State>>,
    staples: Mutex<Staples>,
    elsewhere: Mutex<BTreeMap<String, Elsewhere>>,
    /// Warnings of ends that were told.
    told: Mutex<Told>,
    /// Proofs that are shown for other edges.
    borrowed: Mutex<Borrowed>,
    /// Other edges that did not take what they were handed, with why.
    unreached: Mutex<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates")
            .field("resolver", &self.resolver)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// What is to be served with these settings; what the store does not have comes from the local
    /// authority.
    ///
    /// # Errors
    /// TLS is spoken and there is no certificate at all, not even a local one.
    pub fn open(settings: &Settings, now: Timestamp) -> Result<Self, EdgeError> {
        let data = settings.edge.as_ref().and_then(|edge| edge.data.clone());
        let folder = data.as_ref().map(|data| data.join("certs"));
        let unknown = settings.edge.as_ref().map(|edge| edge.tls.unknown_names);
        let certificates = Self {
            tickets: Tickets::open(
                folder.as_deref().filter(|_| serve::speaks_tls(settings)),
                now,
            ),
            folder,
            accounts: data.as_deref().unwrap_or(Path::new(".")).join("acme"),
            resolver: Resolver::that_refuses_unknown(unknown == Some(UnknownNames::Refuse)),
            pending: Arc::default(),
            served: Mutex::default(),
            renewals: Mutex::default(),
            staples: Mutex::default(),
            elsewhere: Mutex::default(),
            told: Mutex::default(),
            borrowed: Mutex::default(),
            unreached: Mutex::default(),
        };
        if let Some(folder) = &certificates.folder {
            let mut renewals = certificates.renewals();
            for wanted in &settings.certificates.wanted {
                renewals.insert(wanted.name.clone(), State::load(folder, &wanted.name));
            }
        }
        let looked = certificates.look(settings, now, true, true);
        let speaks_tls = serve::speaks_tls(settings);
        if speaks_tls && certificates.served().is_empty() {
            looked?;
        }
        Ok(certificates)
    }

    /// What readers who come back show in place of a whole handshake.
    #[must_use]
    pub const fn tickets(&self) -> &Arc<Tickets> {
        &self.tickets
    }

    /// The proofs that are shown to authorities at the moment.
    #[must_use]
    pub fn pending(&self) -> &Pending {
        &self.pending
    }

    /// Looks at the store, and swaps what changed. `again` looks at everything, whether its pointer
    /// moved or not; `may_write` lets the local authority issue.
    ///
    /// # Errors
    /// The local authority's certificate is needed and cannot be had; everything else is served.
    fn look(
        &self,
        settings: &Settings,
        now: Timestamp,
        again: bool,
        may_write: bool,
    ) -> Result<(), EdgeError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mut served = self.served();
        let store = Store::new(folder);
        let wanted = &settings.certificates.wanted;
        let mut changed = served.look(&store, wanted, now, again);
        let mut outcome = Ok(());
        if may_write && serve::speaks_tls(settings) {
            match served.look_local(folder, settings, now, again) {
                Ok(renewed) => changed |= renewed,
                Err(error) => outcome = Err(error.into()),
            }
        }
        drop(served);
        if changed {
            self.install(settings);
        }
        outcome
    }

    /// Puts what is chosen, with its staples, before the next handshake.
    fn install(&self, settings: &Settings) {
        let (certificates, local) = self.served().in_order(&settings.certificates.wanted);
        let staples = locked(&self.staples);
        let stapled = certificates
            .into_iter()
            .map(|(name, inspected)| staples.put_on(&name, inspected));
        let stapled: Vec<Inspected> = stapled.collect();
        self.resolver.install_over(&stapled, local.as_ref());
    }

    /// How each certificate stands.
    #[must_use]
    pub fn status(&self) -> Vec<CertificateStatus> {
        let served = self.served();
        let renewals = self.renewals();
        let mut all: Vec<CertificateStatus> = served
            .wanted()
            .map(|(name, seen)| {
                let version = seen.choice.version.as_ref();
                let state = renewals.get(name);
                let failure = state.and_then(State::newest_failure);
                CertificateStatus {
                    name: name.to_owned(),
                    names: version.map_or_else(Vec::new, |(_, inspected)| names(inspected)),
                    not_after: version.map(|(_, inspected)| inspected.not_after()),
                    version: version.map(|(number, _)| *number),
                    sha256: version.map_or_else(String::new, |(_, it)| sha256(it.fingerprint())),
                    source: seen.source.clone(),
                    alarm: seen.choice.alarm.clone(),
                    failure: failure.map(|(authority, failed)| RenewalFailure {
                        authority: authority.to_owned(),
                        at: failed.at,
                        words: failed.words.clone(),
                        advice: failed.advice.clone(),
                    }),
                    failures: state.map_or(0, |state| state.failures),
                    next_attempt: state.and_then(|state| state.next_attempt),
                }
            })
            .collect();
        all.extend(served.local().map(|local| CertificateStatus {
            name: LOCAL.to_owned(),
            names: names(local),
            sha256: sha256(local.fingerprint()),
            not_after: Some(local.not_after()),
            source: "local authority".to_owned(),
            ..CertificateStatus::default()
        }));
        all
    }

    /// The certificates whose end somebody has to hear of, in words, by name.
    fn ending(&self, settings: &Settings, now: Timestamp) -> BTreeMap<String, (Stage, String)> {
        let served = self.served();
        let wanted = settings.certificates.wanted.iter();
        let ending = wanted.filter_map(|certificate| {
            let inspected = served.chosen(&certificate.name)?;
            let stage = ends::warned(certificate, inspected, now)?;
            let words = ends::words(certificate, inspected, stage);
            Some((certificate.name.clone(), (stage, words)))
        });
        ending.collect()
    }

    /// Tells which certificates reached another stage before their end.
    fn tell_of_ends(&self, settings: &Settings, now: Timestamp) {
        let ending = self.ending(settings, now);
        let stages = ending
            .iter()
            .map(|(name, (stage, _))| (name.clone(), *stage));
        let mut told = locked(&self.told);
        for name in told.news(&stages.collect()) {
            match ending.get(&name) {
                Some((stage, words)) if *stage >= Stage::ThreeDays => tracing::error!("{words}"),
                Some((_, words)) => tracing::warn!("{words}"),
                None => {}
            }
        }
    }

    /// What needs somebody, in words: certificates that end, here and elsewhere, edges that lack what
    /// this one holds, and issuers' refusals.
    #[must_use]
    pub fn warnings(&self, settings: &Settings, now: Timestamp) -> Vec<String> {
        let ending = self.ending(settings, now);
        let ending = ending.into_values().map(|(_, words)| words);
        let unreached = locked(&self.unreached);
        let words = |(edge, why): (&String, &String)| {
            let why = why.replace("\n  ", "; ");
            format!("{edge} was not handed the certificates: {why}")
        };
        let staples = locked(&self.staples);
        let unreached = unreached.iter().map(words);
        let elsewhere = self.elsewhere().into_iter().flat_map(|(name, seen)| {
            let troubles = seen.troubles.into_iter();
            troubles.map(move |trouble| format!("certificate {name}, elsewhere: {trouble}"))
        });
        let warnings = ending.chain(elsewhere).chain(unreached);
        warnings.chain(staples.warnings()).collect()
    }

    fn note_unreached(&self, failures: BTreeMap<String, String>) {
        let mut unreached = locked(&self.unreached);
        for (edge, why) in &failures {
            if unreached.get(edge) != Some(why) {
                tracing::error!(
                    edge,
                    why,
                    "certificates are not handed over; it is tried again"
                );
            }
        }
        *unreached = failures;
    }

    /// The certificates in service that are present versions, by name, with their hashes.
    fn held(&self) -> Vec<(String, String)> {
        let served = self.served();
        let names = served.wanted().map(|(name, _)| name.to_owned());
        let held = |name: String| {
            let present = served.present(&name)?;
            Some((name, sha256(present.fingerprint())))
        };
        names.filter_map(held).collect()
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        locked(&self.served)
    }

    fn renewals(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        locked(&self.renewals)
    }
}

/// What a lock guards, also after a panic of who held it: each is a table whose rows are whole.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn names(inspected: &Inspected) -> Vec<String> {
    inspected.names().map(str::to_owned).collect()
}

/// A handshake of `acme-tls/1` is for an authority and shows a proof or nothing; every other one
/// shows the certificate of its name.
impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if Pending::is_offered(&hello) {
            return self.pending.resolve(hello);
        }
        self.resolver.resolve(hello)
    }
}
