//! Certificates that the site depends on and that are not served here: the security cloud's and
//! others, looked at from outside (`[[watched_certificate]]`), and those that this edge shows to
//! operators and to other edges. Nobody renews these by himself, so they are warned of early.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use yagura_certs::expiry::warning::Renewal;
use yagura_certs::inspect::Certificate;
use yagura_certs::register::{self, Entry, Facts};
use yagura_config::Settings;
use yagura_control::Timestamp;

use super::locked;
use crate::state::Edge;

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(3600);
/// How soon again, where something is wrong.
const AGAIN: Duration = Duration::from_secs(300);
/// How often it is looked whether it is time, and whether the configuration changed.
const TICK: Duration = Duration::from_secs(2);
/// How long a server elsewhere may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was seen of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Until when it is valid; what was seen last stays when nothing is seen any more.
    pub ends: Option<Timestamp>,
    /// What is wrong, in words.
    pub troubles: Vec<String>,
}

/// Looks at them until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let mut looked: Option<(Timestamp, Arc<Settings>)> = None;
    loop {
        let settings = edge.switchboard.settings();
        let now = edge.clock.now();
        let wait = match edge.certificates.elsewhere().values().all(is_well) {
            true => EVERY,
            false => AGAIN,
        };
        let is_due = looked.as_ref().is_none_or(|(at, before)| {
            now.since(*at) >= wait
                || now < *at
                || before.watched_certificates != settings.watched_certificates
                || before.control != settings.control
                || before.certificates.others != settings.certificates.others
        });
        if is_due {
            look(&edge, &settings, now).await;
            looked = Some((now, settings));
        }
        tokio::time::sleep(TICK).await;
    }
}

fn is_well(seen: &Elsewhere) -> bool {
    seen.troubles.is_empty()
}

/// Looks at all of them at the same time, so that a dead one holds nobody up.
async fn look(edge: &Arc<Edge>, settings: &Settings, now: Timestamp) {
    let mut looking = tokio::task::JoinSet::new();
    for watched in settings.watched_certificates.clone() {
        looking.spawn_blocking(move || {
            let (name, address) = (&watched.name, &watched.address);
            let of = (watched.server_name.as_str(), watched.trust.as_deref());
            register::from_outside(name, address, of, PATIENCE, now)
        });
    }
    let own = settings
        .control
        .iter()
        .map(|it| ("control", &it.certificate));
    let identity = settings.certificates.others.iter();
    let identity = identity.filter_map(|others| others.identity.as_ref());
    let shown = identity.map(|it| ("holder", &it.certificate));
    for (name, file) in own.chain(shown) {
        let file = file.clone();
        looking.spawn_blocking(move || of_file(name, &file, now));
    }
    let mut seen = BTreeMap::new();
    while let Some(entry) = looking.join_next().await {
        if let Ok(entry) = entry {
            let (name, one) = (entry.name.clone(), seen_of(&entry));
            seen.insert(name, one);
        }
    }
    edge.certificates.note_elsewhere(seen);
}

fn of_file(name: &str, file: &Path, now: Timestamp) -> Entry {
    let read = CertificateDer::from_pem_file(file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))
        .and_then(|leaf| Certificate::read(&leaf).map_err(|error| error.to_string()));
    let facts = read.map(|leaf| (Some(Facts::of(&leaf, Renewal::ByHand, now)), None));
    Entry::watched(name, &file.display().to_string(), facts)
}

fn seen_of(entry: &Entry) -> Elsewhere {
    let facts = entry.facts.as_ref();
    let mut troubles: Vec<String> = entry
        .troubles
        .iter()
        .map(|trouble| trouble.replace("\n  ", "; "))
        .collect();
    if let Some(facts) = facts
        && let Some(stage) = facts.stage.filter(|_| facts.warns)
    {
        let until = facts.not_after.rfc3339();
        troubles.push(format!("{} ({until})", stage.words()));
    }
    Elsewhere {
        ends: facts.map(|facts| facts.not_after),
        troubles,
    }
}

impl super::Certificates {
    /// What was seen of each, by name.
    #[must_use]
    pub fn elsewhere(&self) -> BTreeMap<String, Elsewhere> {
        locked(&self.elsewhere).clone()
    }

    fn note_elsewhere(&self, mut seen: BTreeMap<String, Elsewhere>) {
        let before = self.elsewhere();
        for (name, now) in &mut seen {
            let known = before.get(name);
            now.ends = now.ends.or_else(|| known?.ends);
            if known.is_none_or(|known| known.troubles != now.troubles) {
                for trouble in &now.troubles {
                    tracing::warn!(certificate = name, trouble, "a certificate elsewhere");
                }
            }
        }
        *locked(&self.elsewhere) = seen;
    }
}

#[cfg(test)]
mod tests {
    use yagura_certs::LocalAuthority;

    use super::*;

    const NOW: Timestamp = Timestamp(1_795_400_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_file_s_certificate_is_warned_of_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let authority = LocalAuthority::open_or_make(folder.path(), NOW).unwrap();
        let pem = authority.issue(&["edge.example".to_owned()], NOW).unwrap();
        let file = folder.path().join("control.pem");
        std::fs::write(&file, &pem.chain).unwrap();
        let seen = |day: u32| seen_of(&of_file("control", &file, NOW.plus(DAY * day)));
        assert!(is_well(&seen(1)) && seen(1).ends.is_some());
        assert!(
            seen(35).troubles[0].starts_with("order the next one"),
            "{:?}",
            seen(35)
        );
        assert!(seen(200).troubles[0].contains("EXPIRED"));
        std::fs::remove_file(&file).unwrap();
        assert!(
            seen(1).troubles[0].contains("cannot be read"),
            "{:?}",
            seen(1)
        );
    }
}
