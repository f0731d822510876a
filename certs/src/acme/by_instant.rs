//! An order through instant-acme: DNS-01, External Account Binding, profiles, and the suggested
//! window of a renewal (RFC 9773).

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeHandle, ChallengeStatus,
    ChallengeType, Error, ExternalAccountKey, Identifier, NewAccount, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use secrecy::ExposeSecret;
use yagura_control::Timestamp;

use super::account::AccountFile;
use super::failure::Failure;
use super::solver::{ChallengeKind, Proof, Solver};
use super::transport::Transport;
use super::{Authority, Window, Wish};

/// How an order is looked at until the authority has decided.
const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(120));

/// An order, from the account to the chain.
pub(super) async fn obtain(
    (authority, file): (&Authority, &AccountFile),
    transport: &Transport,
    (wish, request): (&Wish, &[u8]),
    solver: &dyn Solver,
) -> Result<String, Failure> {
    let said = |error: Error| failure(error, transport);
    let account = account((authority, file), transport).await?;
    let names: Vec<Identifier> = wish.names.iter().cloned().map(Identifier::Dns).collect();
    let order = || match &authority.profile {
        Some(profile) => NewOrder::new(&names).profile(profile),
        None => NewOrder::new(&names),
    };
    // Who replaces may go before others (RFC 9773, section 5). Not every authority knows of it.
    let first = match wish.replaces.as_ref().and_then(identifier) {
        Some(old) => account.new_order(&order().replaces(old)).await.ok(),
        None => None,
    };
    let mut order = match first {
        Some(order) => order,
        None => account.new_order(&order()).await.map_err(said)?,
    };
    let proofs = proofs(&mut order, authority.challenge, transport).await?;
    let shown = solver.show(&proofs).await;
    let proved = match shown {
        Ok(()) => prove(&mut order, authority.challenge, transport).await,
        Err(failure) => Err(failure),
    };
    solver.withdraw(&proofs).await;
    proved?;
    order.finalize_csr(request).await.map_err(said)?;
    order.poll_certificate(&PATIENCE).await.map_err(said)
}

/// The window in which the authority wants a certificate to be renewed, and how long this holds;
/// none where it knows nothing of windows.
pub(super) async fn window(
    (authority, file): (&Authority, &AccountFile),
    transport: &Transport,
    leaf: &CertificateDer<'_>,
) -> Result<Option<Window>, Failure> {
    let Ok(identifier) = CertificateIdentifier::try_from(leaf) else {
        return Ok(None);
    };
    let account = account((authority, file), transport).await?;
    let instant = |at: time::OffsetDateTime| {
        let seconds = u64::try_from(at.unix_timestamp()).unwrap_or(0);
        Timestamp(seconds.saturating_mul(1000))
    };
    match account.renewal_info(&identifier).await {
        Ok((info, ask_again)) => Ok(Some(Window {
            start: instant(info.suggested_window.start),
            end: instant(info.suggested_window.end),
            ask_again,
        })),
        Err(Error::Unsupported(_)) => Ok(None),
        Err(error) => Err(failure(error, transport)),
    }
}

async fn account(
    (authority, file): (&Authority, &AccountFile),
    transport: &Transport,
) -> Result<Account, Failure> {
    let said = |error: Error| failure(error, transport);
    let builder = Account::builder_with_http(Box::new(transport.clone()));
    if let Some(kept) = file.load()? {
        let key = kept.key()?;
        let account = builder.from_parts(kept.id, key, authority.directory.clone());
        return account.await.map_err(said);
    }
    let contact = authority.contact_urls();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let external = authority.external_account.as_ref();
    let external = external.map(|external| {
        ExternalAccountKey::new(external.key_id.clone(), external.key.expose_secret())
    });
    let (account, credentials) = builder
        .create(&new, authority.directory.clone(), external.as_ref())
        .await
        .map_err(said)?;
    file.save(&credentials)?;
    Ok(account)
}

/// What is to be shown for every name that is not proved already.
async fn proofs(
    order: &mut Order,
    kind: ChallengeKind,
    transport: &Transport,
) -> Result<Vec<Proof>, Failure> {
    let mut proofs = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(|error| failure(error, transport))?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            other => {
                let words = format!(
                    "{}: the authorisation is {other:?}",
                    authorization.identifier()
                );
                return Err(Failure::new(words, "nothing: the order is made anew"));
            }
        }
        let name = authorization.identifier().to_string();
        let Some(challenge) = authorization.challenge(acme_kind(kind)) else {
            let words = format!("{name}: the authority does not offer this challenge");
            let advice = "set another `challenge` of the authority; a wildcard needs dns-01";
            return Err(Failure::new(words, advice));
        };
        proofs.push(proof(&challenge, kind, &name)?);
    }
    Ok(proofs)
}

fn proof(
    challenge: &ChallengeHandle<'_>,
    kind: ChallengeKind,
    name: &str,
) -> Result<Proof, Failure> {
    let authorization = challenge.key_authorization();
    Ok(match kind {
        ChallengeKind::Http01 => Proof::File {
            token: challenge.token.clone(),
            content: authorization.as_str().to_owned(),
        },
        ChallengeKind::Dns01 => Proof::Record {
            name: name.strip_prefix("*.").unwrap_or(name).to_owned(),
            value: authorization.dns_value(),
        },
        ChallengeKind::TlsAlpn01 => Proof::Certificate {
            name: name.to_owned(),
            certificate: Arc::new(certificate(name, authorization.digest().as_ref())?),
        },
    })
}

/// A certificate of its own that holds the digest (RFC 8737, section 3).
fn certificate(name: &str, digest: &[u8]) -> Result<CertifiedKey, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        let words = format!("{name}: no certificate for the challenge could be made: {error}");
        Failure::new(words, "look whether the name can stand in a certificate")
    };
    let mut params =
        CertificateParams::new(vec![name.to_owned()]).map_err(|error| failed(&error))?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(|error| failed(&error))?;
    let certificate = params.self_signed(&key).map_err(|error| failed(&error))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = any_ecdsa_type(&key).map_err(|error| failed(&error))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
}

/// Tells the authority that everything is shown, and waits for what it says.
async fn prove(
    order: &mut Order,
    kind: ChallengeKind,
    transport: &Transport,
) -> Result<(), Failure> {
    let said = |error: Error| failure(error, transport);
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(said)?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        if let Some(mut challenge) = authorization.challenge(acme_kind(kind)) {
            challenge.set_ready().await.map_err(said)?;
        }
    }
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
        Ok(_) => Err(refusal(order).await),
        Err(error) => {
            let failure = said(error);
            Err(refused(order).await.unwrap_or(failure))
        }
    }
}

async fn refusal(order: &mut Order) -> Failure {
    let unknown = || Failure::problem(None, None);
    refused(order).await.unwrap_or_else(unknown)
}

/// What the authority said at the challenge that failed.
async fn refused(order: &mut Order) -> Option<Failure> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.ok()?;
        let state = authorization.refresh().await.ok()?;
        let name = state.identifier().to_string();
        let failed = state.challenges.iter();
        let mut failed = failed.filter(|challenge| challenge.status == ChallengeStatus::Invalid);
        if let Some(problem) = failed.find_map(|challenge| challenge.error.as_ref()) {
            let failure = Failure::problem(problem.r#type.as_deref(), problem.detail.as_deref());
            return Some(failure.of_name(&name));
        }
    }
    None
}

const fn acme_kind(kind: ChallengeKind) -> ChallengeType {
    match kind {
        ChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
        ChallengeKind::Http01 => ChallengeType::Http01,
        ChallengeKind::Dns01 => ChallengeType::Dns01,
    }
}

fn identifier(leaf: &CertificateDer<'static>) -> Option<CertificateIdentifier<'static>> {
    let identifier = CertificateIdentifier::try_from(leaf).ok()?;
    Some(identifier.into_owned())
}

fn failure(error: Error, transport: &Transport) -> Failure {
    let mut failure = match error {
        Error::Api(problem) => {
            let of_names = problem.subproblems.iter().map(ToString::to_string);
            let of_names: Vec<String> = of_names.collect();
            let detail = match (problem.detail, of_names.is_empty()) {
                (detail, true) => detail,
                (Some(detail), false) => Some(format!("{detail}: {}", of_names.join("; "))),
                (None, false) => Some(of_names.join("; ")),
            };
            Failure::problem(problem.r#type.as_deref(), detail.as_deref())
        }
        Error::Timeout(_) => Failure::new(
            "the authority has not decided in time",
            "nothing: it is tried again",
        ),
        other => Failure::new(
            other,
            "look whether the directory's address is right and can be reached from here",
        ),
    };
    failure.retry_after = transport.retry_after();
    failure
}
