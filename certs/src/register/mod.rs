//! The register: every certificate the site depends on. Those of the store, requests under way,
//! and those that live elsewhere (the security cloud's own), which are looked at from outside.
//!
//! - `probe.rs`: asks a server which certificate it shows.
//! - `calendar.rs`: the dates as an iCalendar file.
//!
//! Printing is the command's; warnings are decided in `crate::expiry::warning`.

pub mod calendar;
pub mod probe;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;
use yagura_control::Timestamp;

use crate::CertError;
use crate::csr::{Requests, State};
use crate::expiry::warning::{Renewal, Stage, begins, stage, warns};
use crate::inspect::Certificate;
use crate::store::{How, Store};
use probe::{NoAnswer, Seen};

/// One certificate the site depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// What it is called in the store or in the configuration.
    pub name: String,
    /// Where it lives.
    #[serde(flatten)]
    pub place: Place,
    /// What it says; `None` when there is none yet, or it cannot be read.
    #[serde(flatten)]
    pub facts: Option<Facts>,
    /// What is wrong, in sentences.
    pub troubles: Vec<String>,
}

/// Where a certificate lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// In the store.
    Stored {
        /// Its version.
        version: Option<u32>,
        /// How it came.
        how: Option<How>,
        /// Who brought it.
        by: Option<String>,
    },
    /// With the authority: a request is under way.
    Requested {
        /// How far it is.
        state: State,
        /// Since when.
        since: String,
        /// For which names.
        names: Vec<String>,
    },
    /// On a server that is not ours to configure.
    Watched {
        /// Where it was looked at.
        address: String,
    },
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Host names.
    pub names: Vec<String>,
    /// Whom it is for.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The issuer's number for it.
    pub serial: String,
    /// Its key.
    pub key: String,
    /// Since when it is valid.
    #[serde(serialize_with = "crate::store::about::rfc3339::serialize")]
    pub not_before: Timestamp,
    /// Until when it is valid.
    #[serde(serialize_with = "crate::store::about::rfc3339::serialize")]
    pub not_after: Timestamp,
    /// From when its successor is to be seen to.
    #[serde(serialize_with = "crate::store::about::rfc3339::serialize")]
    pub renew_from: Timestamp,
    /// SHA-256 of it.
    pub sha256: String,
    /// How near its end is.
    pub stage: Option<Stage>,
    /// Whether somebody has to see to it.
    pub warns: bool,
}

impl Facts {
    /// What one says at an instant.
    #[must_use]
    pub fn of(certificate: &Certificate, renewal: Renewal, now: Timestamp) -> Self {
        let (not_before, not_after) = (certificate.not_before, certificate.not_after);
        let stage = stage(not_before, not_after, now);
        let first = match renewal {
            Renewal::ByItself => Stage::ThirtyDays,
            Renewal::ByHand => Stage::SixtyDays,
        };
        Self {
            names: certificate.names.iter().cloned().collect(),
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            serial: certificate.serial.clone(),
            key: certificate.key.to_string(),
            not_before,
            not_after,
            renew_from: begins(not_before, not_after, first),
            sha256: certificate.sha256(),
            stage,
            warns: stage.is_some_and(|stage| warns(stage, renewal)),
        }
    }
}

/// Everything in a store: the certificate in use under each name, and requests under way.
///
/// # Errors
/// The store's folder cannot be read; what is wrong with one certificate stands in its entry.
pub fn stored(store: &Store, now: Timestamp) -> Result<Vec<Entry>, CertError> {
    let mut entries = Vec::new();
    for name in store.names()? {
        if !store.versions(&name)?.is_empty() {
            entries.push(in_use(store, &name, now));
        }
        match Requests::of(store).newest(&name) {
            Ok(Some(it)) if matches!(it.state, State::Requested | State::Received) => {
                entries.push(Entry {
                    name,
                    place: Place::Requested {
                        state: it.state,
                        since: it.at.rfc3339(),
                        names: it.application.names,
                    },
                    facts: None,
                    troubles: Vec::new(),
                });
            }
            Ok(_) => {}
            Err(error) => entries.push(Entry {
                name,
                place: Place::Requested {
                    state: State::None,
                    since: String::new(),
                    names: Vec::new(),
                },
                facts: None,
                troubles: vec![error.to_string()],
            }),
        }
    }
    Ok(entries)
}

/// A certificate that lives elsewhere, looked at now: what the server at `address` shows to readers
/// of a host, judged by the authorities of a file or of the system. See [`probe::look`].
#[must_use]
pub fn from_outside(
    name: &str,
    address: &str,
    (server_name, trust): (&str, Option<&Path>),
    patience: Duration,
    now: Timestamp,
) -> Entry {
    match probe::roots(trust) {
        Ok(roots) => {
            let seen = probe::look(address, server_name, &roots, patience, now);
            watched(name, address, &seen, now)
        }
        Err(error) => Entry::watched(name, address, Err(error.to_string())),
    }
}

fn watched(name: &str, address: &str, seen: &Result<Seen, NoAnswer>, now: Timestamp) -> Entry {
    let seen = seen.as_ref().map_err(ToString::to_string).map(|seen| {
        let leaf = seen.chain.first();
        let facts = leaf.map(|leaf| Facts::of(leaf, Renewal::ByHand, now));
        (facts, seen.fault.clone())
    });
    Entry::watched(name, address, seen)
}

impl Entry {
    /// One that is not in the store: what it says and what is wrong with it, or why it is not seen.
    #[must_use]
    pub fn watched(
        name: &str,
        address: &str,
        seen: Result<(Option<Facts>, Option<String>), String>,
    ) -> Self {
        let (facts, trouble) = match seen {
            Ok(seen) => seen,
            Err(trouble) => (None, Some(trouble)),
        };
        Self {
            name: name.to_owned(),
            place: Place::Watched {
                address: address.to_owned(),
            },
            facts,
            troubles: trouble.into_iter().collect(),
        }
    }
}

fn in_use(store: &Store, name: &str, now: Timestamp) -> Entry {
    let mut troubles = Vec::new();
    let version = match store.load_usable(name) {
        Ok(usable) => usable.map(|usable| {
            for (version, error) in &usable.passed_over {
                let which = match version {
                    0 => "the pointer to the present version".to_owned(),
                    version => format!("version {version}"),
                };
                let used = usable.version;
                troubles.push(format!("{which} is damaged, {used} is used: {error}"));
            }
            usable.version
        }),
        Err(error) => {
            troubles.push(error.to_string());
            None
        }
    };
    let about = version.and_then(|version| store.about(name, version)?.brought);
    let renewal = match about.as_ref().map(|it| it.how) {
        Some(How::Hand | How::Rollback) => Renewal::ByHand,
        Some(How::Local | How::Acme | How::Edge) | None => Renewal::ByItself,
    };
    let leaf = version.and_then(|version| {
        let pem = store.version(name, version).ok()?;
        let der = CertificateDer::from_pem_slice(pem.chain.as_bytes()).ok()?;
        Certificate::read(&der).ok()
    });
    Entry {
        name: name.to_owned(),
        place: Place::Stored {
            version,
            how: about.as_ref().map(|it| it.how),
            by: about.map(|it| it.by),
        },
        facts: leaf.map(|leaf| Facts::of(&leaf, renewal, now)),
        troubles,
    }
}
