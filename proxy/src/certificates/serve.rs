//! What is served of each certificate, and what it was chosen from.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use yagura_certs::{CertError, Inspected, Store, ensure_local, expiry};
use yagura_config::Settings;
use yagura_config::settings::{CertificateSettings, HostPattern};
use yagura_control::Timestamp;

use super::choice::{Choice, Version, choose, is_valid};

/// How often a certificate with an alarm is looked at again, though its pointer did not move.
const AGAIN: Duration = Duration::from_secs(60);

/// What was seen of one certificate.
pub(super) struct Seen {
    /// The number that the pointer had, or why it had none.
    current: Result<Option<u32>, String>,
    /// What is served.
    pub(super) choice: Choice,
    /// Whether that was valid when it was chosen.
    was_valid: bool,
    looked_at: Timestamp,
    /// Where the version comes from, for people.
    pub(super) source: String,
}

/// Everything that is served.
#[derive(Default)]
pub(super) struct Served {
    seen: BTreeMap<String, Seen>,
    local: Option<Inspected>,
}

impl Served {
    pub(super) fn is_empty(&self) -> bool {
        let mut seen = self.seen.values();
        self.local.is_none() && seen.all(|seen| seen.choice.version.is_none())
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.seen.iter().map(|(name, seen)| (name.as_str(), seen))
    }

    pub(super) const fn local(&self) -> Option<&Inspected> {
        self.local.as_ref()
    }

    /// What is served of a certificate.
    pub(super) fn chosen(&self, name: &str) -> Option<&Inspected> {
        let version = self.seen.get(name)?.choice.version.as_ref();
        version.map(|(_, inspected)| inspected)
    }

    /// The present version of a certificate, where that is what is served.
    pub(super) fn present(&self, name: &str) -> Option<Inspected> {
        let seen = self.seen.get(name)?;
        let (number, inspected) = seen.choice.version.as_ref()?;
        let is_present = seen.current.as_ref().ok().copied().flatten() == Some(*number);
        is_present.then(|| inspected.clone())
    }

    /// Looks at the pointers; true when something else is to be served.
    pub(super) fn look(
        &mut self,
        store: &Store,
        wanted: &[CertificateSettings],
        now: Timestamp,
        again: bool,
    ) -> bool {
        let known = self.seen.len();
        self.seen
            .retain(|name, _| wanted.iter().any(|it| it.name == *name));
        let mut changed = again || known != self.seen.len();
        for certificate in wanted {
            let name = &certificate.name;
            let current = store.current(name).map_err(|error| error.to_string());
            let before = self.seen.get(name);
            if !again && before.is_some_and(|before| !before.is_outdated(&current, now)) {
                continue;
            }
            let new = seen(store, name, (current, before), now);
            let alarm = before.and_then(|before| before.choice.alarm.as_ref());
            tell(name, &new, alarm);
            let served = |choice: &Choice| {
                let version = choice.version.as_ref();
                version.map(|(_, inspected)| inspected.fingerprint().to_owned())
            };
            changed |= before.is_none_or(|before| {
                served(&before.choice) != served(&new.choice) || before.was_valid != new.was_valid
            });
            self.seen.insert(name.clone(), new);
        }
        changed
    }

    /// Has the local authority issue for every host of the sites, when what it issued is due.
    pub(super) fn look_local(
        &mut self,
        folder: &Path,
        settings: &Settings,
        now: Timestamp,
        again: bool,
    ) -> Result<bool, CertError> {
        let is_good = |local: &Inspected| !expiry::is_due(local, now);
        if !again && self.local.as_ref().is_some_and(is_good) {
            return Ok(false);
        }
        let local = ensure_local(folder, &hosts(settings), now)?;
        let before = self.local.as_ref().map(Inspected::fingerprint);
        let changed = before != Some(local.fingerprint());
        self.local = Some(local);
        Ok(changed)
    }

    /// In the order of the settings; the local authority's apart.
    pub(super) fn in_order(
        &self,
        wanted: &[CertificateSettings],
    ) -> (Vec<(String, Inspected)>, Option<Inspected>) {
        let versions = wanted.iter().filter_map(|certificate| {
            let name = &certificate.name;
            let (_, inspected) = self.seen.get(name)?.choice.version.as_ref()?;
            Some((name.clone(), inspected.clone()))
        });
        (versions.collect(), self.local.clone())
    }
}

impl Seen {
    fn is_outdated(&self, current: &Result<Option<u32>, String>, now: Timestamp) -> bool {
        let version = self.choice.version.as_ref();
        let valid = version.is_some_and(|(_, inspected)| is_valid(inspected, now));
        let alarmed = self.choice.alarm.is_some() && now.since(self.looked_at) >= AGAIN;
        self.current != *current || valid != self.was_valid || alarmed
    }
}

fn seen(
    store: &Store,
    name: &str,
    (current, before): (Result<Option<u32>, String>, Option<&Seen>),
    now: Timestamp,
) -> Seen {
    let read = |number| {
        let pem = store.version(name, number);
        let inspected = pem.and_then(|pem| Inspected::read(&pem.chain, &pem.key));
        Version {
            number,
            inspected: inspected.map_err(|error| error.to_string()),
        }
    };
    let present = current.as_ref().ok().copied().flatten().map(read);
    let good = present.filter(|version| {
        let inspected = version.inspected.as_ref();
        inspected.is_ok_and(|inspected| is_valid(inspected, now))
    });
    let versions = match good {
        Some(good) => vec![good],
        None => {
            let mut all: Vec<Version> = store
                .versions(name)
                .unwrap_or_default()
                .into_iter()
                .map(read)
                .collect();
            // What is served now stays good whatever happened to its files.
            let kept = before.and_then(|before| before.choice.version.as_ref());
            if let Some((number, inspected)) = kept {
                all.retain(|version| version.number != *number || version.inspected.is_ok());
                if all.iter().all(|version| version.number != *number) {
                    all.push(Version {
                        number: *number,
                        inspected: Ok(inspected.clone()),
                    });
                }
            }
            all
        }
    };
    let choice = choose(current.clone(), &versions, now);
    let version = choice.version.as_ref();
    let source = match version {
        None => "local authority".to_owned(),
        Some((number, _)) => {
            let about = store.about(name, *number);
            let brought = about.and_then(|about| about.brought);
            let from = brought.map(|it| format!("{}, {}", it.how.words(), it.by));
            from.unwrap_or_else(|| "it does not say".to_owned())
        }
    };
    Seen {
        was_valid: version.is_some_and(|(_, inspected)| is_valid(inspected, now)),
        current,
        choice,
        looked_at: now,
        source,
    }
}

/// Says once what changed.
fn tell(name: &str, new: &Seen, alarm_before: Option<&String>) {
    match &new.choice.alarm {
        Some(alarm) if alarm_before != Some(alarm) => {
            tracing::error!(certificate = name, %alarm, "the certificate is not what it should be");
        }
        Some(_) => {}
        None => {
            if let Some((version, inspected)) = &new.choice.version {
                let until = inspected.not_after().rfc3339();
                tracing::info!(certificate = name, version, %until, "the certificate is served");
            }
        }
    }
}

/// Whether any listener speaks TLS.
pub(super) fn speaks_tls(settings: &Settings) -> bool {
    let mut listen = settings.edge.iter().flat_map(|edge| &edge.listen);
    listen.any(|listen| listen.tls)
}

/// The hosts that the local authority issues for.
fn hosts(settings: &Settings) -> Vec<String> {
    let hosts = settings.sites.iter().flat_map(|site| &site.hosts);
    let exact = hosts.filter_map(|host| match host {
        HostPattern::Exact(name) => Some(name.clone()),
        HostPattern::Any => None,
    });
    let mut names: Vec<String> = exact.collect();
    if names.is_empty() {
        names.push("localhost".to_owned());
    }
    names
}
