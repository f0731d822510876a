//! Puts a heap of certificates in order: the leaf by its key, then issuer upon issuer.
//!
//! An issuer is one by name and by signature. The root goes: who checks the chain has it, or would
//! not believe it. Strangers go, and it is said. An intermediate that is missing is taken from those
//! the store holds already.

use yagura_control::Timestamp;

use super::certificate::Certificate;
use super::refusal::Refusal;

/// Longer chains are a circle or a mistake.
const LONGEST: usize = 8;

/// A leaf and its intermediates, in order.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The leaf first.
    pub certificates: Vec<Certificate>,
    /// What was changed on the way here.
    pub notes: Vec<Note>,
}

/// What was done to a heap of certificates so that it became a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// They came in another order.
    #[error("the certificates were put in order, leaf first")]
    Reordered,
    /// The root was among them.
    #[error("the root \"{0}\" was left out: who checks the chain has it already")]
    RootLeftOut(String),
    /// Something that belongs to another chain was among them.
    #[error("\"{0}\" was left out: it is no issuer of this certificate")]
    StrangerLeftOut(String),
    /// An intermediate was missing, and the store had it.
    #[error("the intermediate \"{0}\" was missing and was taken from an earlier chain")]
    Completed(String),
}

/// Finds the chain of the leaf that has this public key.
///
/// # Errors
/// There is no such leaf, its issuer is missing, or a signature is wrong.
pub(crate) fn arrange(
    heap: &[Certificate],
    public_key: &[u8],
    held: &[Certificate],
    now: Timestamp,
) -> Result<Chain, Refusal> {
    if heap.is_empty() {
        return Err(Refusal::NoCertificate);
    }
    let mut leaves: Vec<_> = heap
        .iter()
        .filter(|one| one.public_key == public_key)
        .collect();
    // A renewed one may stand beside the old one with the same key: the later end wins.
    leaves.sort_by_key(|leaf| (!leaf.is_authority, leaf.not_after));
    let Some(leaf) = leaves.pop() else {
        let found = heap.iter().map(|one| one.subject.clone()).collect();
        return Err(Refusal::NoLeafForKey { found });
    };
    let (mut chain, mut notes) = (vec![leaf.clone()], Vec::new());
    let mut root = None;
    while chain.len() < LONGEST {
        let Some(last) = chain.last() else { break };
        if last.is_self_issued() {
            break;
        }
        match issuer(last, heap, held, now)? {
            Some((found, _)) if found.is_self_issued() => {
                root = Some(found.clone());
                break;
            }
            Some((found, _)) if chain.contains(found) => break,
            Some((found, from_store)) => {
                if from_store {
                    notes.push(Note::Completed(found.subject.clone()));
                }
                chain.push(found.clone());
            }
            None => break,
        }
    }
    if chain.len() == 1 && root.is_none() {
        if leaf.is_self_issued() {
            return Err(Refusal::SelfSigned {
                subject: leaf.subject.clone(),
            });
        }
        return Err(Refusal::IntermediateMissing {
            issuer: leaf.issuer.clone(),
            url: leaf.issuer_url.clone(),
        });
    }
    let mut unique: Vec<&Certificate> = Vec::new();
    for one in heap {
        if !unique.contains(&one) {
            unique.push(one);
        }
    }
    let came: Vec<_> = unique.iter().filter(|one| chain.contains(one)).collect();
    let kept: Vec<_> = chain.iter().filter(|one| heap.contains(one)).collect();
    if came.iter().zip(&kept).any(|(came, kept)| came != &kept) {
        notes.insert(0, Note::Reordered);
    }
    for one in unique {
        if chain.contains(one) {
            continue;
        }
        let subject = one.subject.clone();
        let is_root = Some(one) == root.as_ref();
        notes.push(if is_root {
            Note::RootLeftOut(subject)
        } else {
            Note::StrangerLeftOut(subject)
        });
    }
    Ok(Chain {
        certificates: chain,
        notes,
    })
}

/// Who issued a certificate, and whether the store alone had it. Where several have the name and
/// the key, one that is valid goes before one that is not, and a cross-signed one before a root:
/// the authority sent it for old readers.
fn issuer<'a>(
    of: &Certificate,
    heap: &'a [Certificate],
    held: &'a [Certificate],
    now: Timestamp,
) -> Result<Option<(&'a Certificate, bool)>, Refusal> {
    let here = heap.iter().map(|one| (one, false));
    let there = held.iter().map(|one| (one, true));
    let named = here.chain(there).filter(|(one, _)| of.names_as_issuer(one));
    let mut named = named.peekable();
    if named.peek().is_none() {
        return Ok(None);
    }
    let signers = named.filter(|(one, _)| one.is_authority && of.is_signed_by(one));
    let best = signers.min_by_key(|(one, from_store)| {
        let is_valid = (one.not_before..=one.not_after).contains(&now);
        (!is_valid, *from_store, one.is_self_issued())
    });
    match best {
        Some(best) => Ok(Some(best)),
        // Signatures with a broken hash are not even looked at.
        None if of.broken_hash.is_some() => Err(Refusal::WeakSignature {
            subject: of.subject.clone(),
            hash: of.broken_hash.unwrap_or_default(),
        }),
        None => Err(Refusal::NotSignedByIssuer {
            subject: of.subject.clone(),
            issuer: of.issuer.clone(),
        }),
    }
}
