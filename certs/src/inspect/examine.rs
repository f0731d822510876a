//! Whether a heap of certificates and keys can be served: pure, every fault at once.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use yagura_control::Timestamp;

use super::certificate::Certificate;
use super::chain::{Chain, arrange};
use super::key::PrivateKey;
use super::refusal::{Refusal, Refusals};
use crate::store::Pem;

/// What came, in no order.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    /// Certificates.
    pub certificates: Vec<Certificate>,
    /// Private keys.
    pub keys: Vec<PrivateKey>,
}

/// A chain that may be served, with its key.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Leaf and intermediates.
    pub chain: Chain,
    /// The leaf's key.
    pub key: PrivateKey,
}

impl Examined {
    /// As the store keeps it.
    #[must_use]
    pub fn pem(&self) -> Pem {
        let certificates = self.chain.certificates.iter();
        Pem {
            chain: certificates.map(Certificate::pem).collect(),
            key: self.key.pem().expose_secret().to_owned(),
        }
    }
}

/// Looks a heap through. `held` are certificates the store has already, `wanted` the names the
/// certificate must carry; with none, any will do.
///
/// # Errors
/// Every reason why it cannot be served.
pub fn examine(
    heap: &Heap,
    held: &[Certificate],
    wanted: &[String],
    now: Timestamp,
) -> Result<Examined, Refusals> {
    let belongs = |key: &&PrivateKey| {
        let mut certificates = heap.certificates.iter();
        certificates.any(|one| one.public_key == key.public_key())
    };
    let key = heap.keys.iter().find(belongs).or(heap.keys.first());
    let chain = match key {
        Some(key) => arrange(&heap.certificates, key.public_key(), held, now)?,
        None if heap.certificates.is_empty() => return Err(Refusal::NoCertificate.into()),
        None => return Err(Refusal::NoKey.into()),
    };
    let refusals = faults(&chain, wanted, now);
    match key {
        Some(key) if refusals.is_empty() => Ok(Examined {
            chain,
            key: key.clone(),
        }),
        _ => Err(Refusals(refusals)),
    }
}

fn faults(chain: &Chain, wanted: &[String], now: Timestamp) -> Vec<Refusal> {
    let mut faults = Vec::new();
    for one in &chain.certificates {
        let subject = one.subject.clone();
        if now > one.not_after {
            let at = one.not_after;
            faults.push(Refusal::Expired { subject, at });
        } else if now < one.not_before {
            let at = one.not_before;
            faults.push(Refusal::NotYetValid { subject, at });
        }
        let subject = one.subject.clone();
        if !one.key.is_strong() {
            let key = one.key.to_string();
            faults.push(Refusal::WeakKey { subject, key });
        }
        let subject = one.subject.clone();
        if let Some(hash) = one.broken_hash {
            faults.push(Refusal::WeakSignature { subject, hash });
        }
    }
    let Some(leaf) = chain.certificates.first() else {
        return vec![Refusal::NoCertificate];
    };
    let subject = leaf.subject.clone();
    if leaf.is_authority {
        faults.push(Refusal::IsAuthority { subject });
    } else if !leaf.for_servers {
        faults.push(Refusal::NotForServers { subject });
    } else if leaf.names.is_empty() {
        faults.push(Refusal::NoNames { subject });
    } else {
        let missing: Vec<String> = wanted
            .iter()
            .filter(|name| !carries(leaf, name))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let carried = leaf.names.iter().cloned().collect();
            faults.push(Refusal::NamesMissing { missing, carried });
        }
    }
    faults
}

/// Whether a certificate is good for a name. A wildcard stands for the whole leftmost label
/// (RFC 6125, section 6.4.3).
#[must_use]
pub fn carries(leaf: &Certificate, name: &str) -> bool {
    is_among(&leaf.names, name)
}

/// Whether a name is one of these, itself or by a wildcard.
pub(super) fn is_among(names: &BTreeSet<String>, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let wildcard = name
        .split_once('.')
        .map(|(_, parent)| format!("*.{parent}"));
    names.contains(&name) || wildcard.is_some_and(|it| names.contains(&it))
}
