//! What an authority sent becomes a version of the store: looked through, kept when something is
//! missing still, saved when nothing is.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use yagura_control::Timestamp;

use super::Requests;
use super::life::{Event, State};
use crate::CertError;
use crate::inspect::{Certificate, Examined, Heap, Refusal, Refusals, examine};
use crate::store::{Brought, How, Store};

/// What is to be installed.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// What the files hold.
    pub heap: &'a Heap,
    /// Names the certificate must carry; `None`: those of the request, else those of the
    /// configuration, else those of the present version.
    pub names: Option<&'a [String]>,
    /// Names the configuration wants in it; empty when it says nothing.
    pub configured: &'a [String],
    /// Who installs it.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
    /// Whether it is only looked through.
    pub dry_run: bool,
}

/// What became of it.
#[derive(Debug)]
pub enum Installed {
    /// It is the present version, with this number.
    Version(u32, Box<Examined>),
    /// It could be installed, and was not because only that was asked.
    Would(Box<Examined>),
    /// It belongs to the request under way and is kept until what is missing comes.
    Kept(Refusals),
}

/// Installs a certificate for the request under way, or for a key that came along.
///
/// # Errors
/// It is refused, there is neither request nor key, or nothing can be written.
pub fn install(store: &Store, name: &str, given: Given<'_>) -> Result<Installed, CertError> {
    let requests = Requests::of(store);
    let newest = requests.newest(name)?;
    let state = newest.as_ref().map_or(State::None, |it| it.state);
    let mut heap = given.heap.clone();
    let under_way = matches!(state, State::Requested | State::Received);
    if under_way {
        heap.keys.push(requests.key(name)?);
        heap.certificates.extend(requests.received(name));
    } else if heap.keys.is_empty() && !heap.certificates.is_empty() {
        // Without a request the certificate has no key: the state says why.
        super::life::apply(state, Event::Install)?;
    }
    let request_key = heap.keys.last().filter(|_| under_way).cloned();
    let for_request = |heap: &Heap| {
        let key = request_key.as_ref().map(|key| key.public_key());
        let mut all = heap.certificates.iter();
        all.any(|one| Some(one.public_key.as_slice()) == key)
    };
    let is_for_request = for_request(&heap);
    let wanted = match (given.names, &newest) {
        (Some(names), _) => names.to_vec(),
        (None, Some(request)) if is_for_request => request.application.names.clone(),
        (None, _) if !given.configured.is_empty() => given.configured.to_vec(),
        (None, _) => present_names(store, name),
    };
    let held = held_intermediates(store);
    let good = match examine(&heap, &held, &wanted, given.now) {
        Ok(good) => good,
        Err(refusals) if !given.dry_run && is_for_request && may_wait(&refusals) => {
            requests.receive(name, &heap.certificates)?;
            return Ok(Installed::Kept(refusals));
        }
        Err(refusals) => return Err(refusals.into()),
    };
    if given.dry_run {
        return Ok(Installed::Would(Box::new(good)));
    }
    let brought = Brought {
        how: How::Hand,
        by: given.by.to_owned(),
        at: given.now,
    };
    let version = store.save_from(name, &good.pem(), brought)?;
    let public_key = good.key.public_key();
    if request_key.is_some_and(|key| key.public_key() == public_key) {
        requests.over(name, Event::Install)?;
    }
    Ok(Installed::Version(version, Box::new(good)))
}

/// Whether only something is missing that can come later.
fn may_wait(refusals: &Refusals) -> bool {
    let waits = |one: &Refusal| {
        matches!(
            one,
            Refusal::IntermediateMissing { .. } | Refusal::NotYetValid { .. }
        )
    };
    refusals.0.iter().all(waits)
}

/// Names that would be lost if the new version lacked them.
fn present_names(store: &Store, name: &str) -> Vec<String> {
    let present = store.load_usable(name).ok().flatten();
    present.map_or_else(Vec::new, |it| {
        it.inspected.names().map(str::to_owned).collect()
    })
}

/// Intermediates of every chain in a store; what cannot be read is passed over.
#[must_use]
pub fn held_intermediates(store: &Store) -> Vec<Certificate> {
    let mut held: Vec<Certificate> = Vec::new();
    for name in store.names().unwrap_or_default() {
        for version in store.versions(&name).unwrap_or_default() {
            let Ok(pem) = store.version(&name, version) else {
                continue;
            };
            let chain = CertificateDer::pem_slice_iter(pem.chain.as_bytes()).flatten();
            for one in chain.skip(1).filter_map(|der| Certificate::read(&der).ok()) {
                if !held.contains(&one) {
                    held.push(one);
                }
            }
        }
    }
    held
}
