//! What another edge hands over: a certificate that it holds, and proofs for an authority.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use yagura_certs::acme::{Proof, Solver};
use yagura_certs::store::{Brought, How, Pem};
use yagura_certs::{Inspected, Store};
use yagura_control::Timestamp;
use yagura_control::order::{
    MOST_PROOFS, Outcome, Refusal, RefusalCode, Reply, ShowProofs, TakeCertificate,
};

use super::{choice, locked};
use crate::state::Edge;

/// No order of an authority takes longer.
const LONGEST: Duration = Duration::from_secs(3600);
/// How often it is looked for proofs whose time is over.
const SWEEP: Duration = Duration::from_secs(10);

/// Proofs of other edges, by token, with when they end.
pub(super) type Borrowed = HashMap<String, Timestamp>;

/// Keeps a certificate of `who` as the present version; the edge looks at the store every second.
///
/// # Errors
/// It cannot be served, is not wanted here, or cannot be kept; nothing changed.
pub async fn take(
    edge: &Arc<Edge>,
    take: &TakeCertificate,
    who: &str,
    dry_run: bool,
) -> Result<Reply, Refusal> {
    let (acting, take, who) = (edge.clone(), take.clone(), who.to_owned());
    // The disk may take its time.
    let taken = tokio::task::spawn_blocking(move || taken(&acting, &take, &who, dry_run)).await;
    let (name, version) = taken.map_err(|error| refusal(error.to_string(), "try again"))??;
    let (generation, now) = (edge.switchboard.plan().generation, edge.clock.now());
    let outcome = Outcome::CertificateTaken { name, version };
    Ok(edge.switchboard.reply(generation, now, outcome))
}

fn taken(
    edge: &Edge,
    take: &TakeCertificate,
    who: &str,
    dry_run: bool,
) -> Result<(String, u32), Refusal> {
    let name = &take.name;
    let all = edge.switchboard.settings();
    let settings = &all.certificates;
    let wanted = settings.wanted.iter().find(|wanted| wanted.name == *name);
    let wanted = wanted.ok_or_else(|| {
        let message = format!("no [[certificate]] of this edge is named \"{name}\"");
        refusal(
            message,
            "give it the same name in the configuration of both edges",
        )
    })?;
    if settings.holder && !wanted.authorities.is_empty() {
        let message = format!("this edge orders \"{name}\" itself");
        let hint = "write `holder = false` into [certificates] of every edge but one";
        return Err(refusal(message, hint));
    }
    let folder = edge.certificates.folder.as_ref().ok_or_else(|| {
        let hint = "add `data` to [edge]";
        refusal("this edge keeps nothing".to_owned(), hint)
    })?;
    let unusable = "hand over a certificate that browsers take, with its key";
    let inspected = Inspected::read(&take.chain, &take.key.0)
        .map_err(|error| refusal(error.to_string(), unusable))?;
    let now = edge.clock.now();
    if !choice::is_valid(&inspected, now) {
        let (from, until) = (inspected.not_before(), inspected.not_after());
        let (from, until) = (from.rfc3339(), until.rfc3339());
        let message = format!(
            "it is valid from {from} to {until}, and it is {}",
            now.rfc3339()
        );
        return Err(refusal(message, "look at the clocks of both machines"));
    }
    if let Some(missing) = wanted.names.iter().find(|name| !inspected.carries(name)) {
        let message = format!("\"{missing}\" is not in it");
        let hint = "let `names` of the certificate be the same in both configurations";
        return Err(refusal(message, hint));
    }
    let store = Store::new(folder);
    let store_failed = |error: yagura_certs::CertError| Refusal {
        code: RefusalCode::NotDurable,
        message: format!("the certificate is not kept: {error}"),
        hint: "look at the disk of the edge; it is handed over again by itself".to_owned(),
    };
    if let Some(present) = store.current(name).map_err(store_failed)?
        && let Ok(pem) = store.version(name, present)
        && Inspected::read(&pem.chain, &pem.key)
            .is_ok_and(|held| held.fingerprint() == inspected.fingerprint())
    {
        return Ok((name.clone(), present));
    }
    if dry_run {
        return Ok((name.clone(), 0));
    }
    let pem = Pem {
        chain: take.chain.clone(),
        key: take.key.0.clone(),
    };
    let brought = Brought {
        how: How::Edge,
        by: who.to_owned(),
        at: now,
    };
    let version = store.save_from(name, &pem, brought).map_err(store_failed)?;
    tracing::info!(
        certificate = name,
        version,
        from = who,
        "a certificate was handed over"
    );
    Ok((name.clone(), version))
}

/// Shows proofs for another edge until their time is over.
///
/// # Errors
/// They are too many, or no proofs.
pub fn show(edge: &Arc<Edge>, proofs: &ShowProofs) -> Result<Reply, Refusal> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_proof = |file: &yagura_control::order::ProofFile| {
        // RFC 8555, section 8.1: token, a dot, and the account's thumbprint.
        let digest = file.content.strip_prefix(&format!("{}.", file.token));
        (1..=256).contains(&file.token.len())
            && file.token.bytes().all(is_token)
            && digest.is_some_and(|digest| digest.len() == 43 && digest.bytes().all(is_token))
    };
    if proofs.files.len() > MOST_PROOFS || !proofs.files.iter().all(is_proof) {
        let message = "these are no proofs of HTTP-01".to_owned();
        return Err(refusal(
            message,
            "they come from another edge of Yagura, not by hand",
        ));
    }
    let now = edge.clock.now();
    let until = proofs.until.min(now.plus(LONGEST));
    let certificates = &edge.certificates;
    let mut borrowed = locked(&certificates.borrowed);
    for file in &proofs.files {
        let proof = Proof::File {
            token: file.token.clone(),
            content: file.content.clone(),
        };
        if until <= now {
            if borrowed.remove(&file.token).is_some() {
                certificates.pending.remove(&proof);
            }
        } else if borrowed.len() < MOST_PROOFS || borrowed.contains_key(&file.token) {
            let shown = certificates.pending.add(&proof);
            shown.map_err(|failure| refusal(failure.words, &failure.advice))?;
            borrowed.insert(file.token.clone(), until);
        }
    }
    let total = borrowed.len();
    drop(borrowed);
    let generation = edge.switchboard.plan().generation;
    let outcome = Outcome::ProofsShown { total };
    Ok(edge.switchboard.reply(generation, now, outcome))
}

/// Takes proofs away whose time is over, until the task is dropped: who asked for them may be dead.
pub async fn sweep(edge: Arc<Edge>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = edge.clock.now();
        let certificates = &edge.certificates;
        let mut ended = Vec::new();
        locked(&certificates.borrowed).retain(|token, until| {
            let ends = *until <= now;
            if ends {
                ended.push(Proof::File {
                    token: token.clone(),
                    content: String::new(),
                });
            }
            !ends
        });
        certificates.pending.withdraw(&ended).await;
    }
}

fn refusal(message: String, hint: &str) -> Refusal {
    Refusal {
        code: RefusalCode::Invalid,
        message,
        hint: hint.to_owned(),
    }
}
