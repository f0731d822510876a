//! The issuer's word on each certificate that is served, fetched ahead of the readers who want it
//! (RFC 6066, section 8). Without it a certificate is served all the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use yagura_certs::ocsp::Stapler;
use yagura_certs::{Inspected, Store};

use super::locked;
use crate::state::Edge;

/// How often it is looked whether somebody is to be asked.
const LOOK: Duration = Duration::from_secs(2);

/// Staples of the certificates in service, each with the certificate that it is about.
#[derive(Debug, Default)]
pub(super) struct Staples {
    held: BTreeMap<String, (Vec<u8>, Vec<u8>)>,
    /// What is wrong, by the certificate's name.
    warnings: BTreeMap<String, String>,
}

impl Staples {
    /// A certificate with its staple, where there is one.
    pub(super) fn put_on(&self, name: &str, inspected: Inspected) -> Inspected {
        let held = self.held.get(name);
        let own = held.filter(|(leaf, _)| leaf == inspected.fingerprint());
        match own {
            Some((_, staple)) => inspected.stapled(Some(staple.clone())),
            None => inspected,
        }
    }

    /// What is wrong, in words.
    pub(super) fn warnings(&self) -> impl Iterator<Item = String> {
        let words = |(name, why): (&String, &String)| {
            format!("certificate {name}: {}", why.replace("\n  ", "; "))
        };
        self.warnings.iter().map(words)
    }
}

/// Keeps staples until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let Some(folder) = edge.certificates.folder.clone() else {
        return;
    };
    let store = Store::new(&folder);
    let mut stapler = Stapler::default();
    loop {
        let in_service = edge.certificates.in_service();
        stapler.retain(|name| in_service.iter().any(|(of, ..)| of == name));
        let mut changed = edge.certificates.forget_staples_but(&in_service);
        for (name, version, inspected) in &in_service {
            let (now, seed) = (edge.clock.now(), rand::rng().random());
            let of = (*version, inspected);
            let outcome = stapler.refresh(&store, name, of, now, seed).await;
            if let Some(warning) = outcome.warning() {
                if outcome.is_revoked() {
                    tracing::error!(certificate = name, warning, "the issuer revoked it");
                } else {
                    tracing::warn!(certificate = name, warning, "no staple");
                }
                locked(&edge.certificates.staples)
                    .warnings
                    .insert(name.clone(), warning);
            } else if outcome.staple.is_some() {
                locked(&edge.certificates.staples).warnings.remove(name);
            }
            if outcome.changed {
                changed = true;
                let leaf = inspected.fingerprint().to_vec();
                let mut staples = locked(&edge.certificates.staples);
                match outcome.staple {
                    Some(staple) => staples.held.insert(name.clone(), (leaf, staple)),
                    None => staples.held.remove(name),
                };
            }
        }
        if changed {
            edge.certificates.install(&edge.switchboard.settings());
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl super::Certificates {
    /// The certificates that are served, but for the local authority's.
    fn in_service(&self) -> Vec<(String, u32, Inspected)> {
        let served = self.served();
        let version = |(name, seen): (&str, &super::serve::Seen)| {
            let (number, inspected) = seen.choice.version.as_ref()?;
            Some((name.to_owned(), *number, inspected.clone()))
        };
        served.wanted().filter_map(version).collect()
    }

    /// Lets go of what is about other certificates; true when something was.
    fn forget_staples_but(&self, in_service: &[(String, u32, Inspected)]) -> bool {
        let mut staples = locked(&self.staples);
        let known = staples.held.len();
        let is_known = |name: &String| in_service.iter().any(|(of, ..)| of == name);
        staples.held.retain(|name, _| is_known(name));
        staples.warnings.retain(|name, _| is_known(name));
        known != staples.held.len()
    }
}
