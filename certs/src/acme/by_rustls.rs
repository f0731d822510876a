//! An order through rustls-acme's own steps: TLS-ALPN-01 and HTTP-01. Every step is asked again when
//! the authority refuses its nonce, which rustls-acme does not do by itself.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_acme::acme::{
    Account, AcmeError, Auth, AuthStatus, Challenge, Directory, Identifier, Order, OrderStatus,
};

use super::account::{Account as Kept, AccountFile};
use super::failure::Failure;
use super::solver::{ChallengeKind, Proof, Solver};
use super::{Authority, Wish};

/// How often a step is asked whose nonce is refused.
const NONCES: usize = 8;
/// How often the authority is asked what it has decided, and how long between.
const LOOKS: u32 = 60;
const BETWEEN: Duration = Duration::from_millis(250);
/// The longest of those pauses; they grow.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An order, from the account to the chain.
pub(super) async fn obtain(
    (authority, file): (&Authority, &AccountFile),
    tls: &Arc<ClientConfig>,
    (wish, request): (&Wish, &[u8]),
    solver: &dyn Solver,
) -> Result<String, Failure> {
    let account = account((authority, file), tls).await?;
    let (url, order) = again(|| account.new_order(tls, wish.names.clone())).await?;
    let order = match order.status {
        OrderStatus::Pending => {
            let (proofs, challenges) = proofs(&account, tls, authority.challenge, &order).await?;
            let shown = solver.show(&proofs).await;
            let proved = match shown {
                Ok(()) => prove(&account, tls, (&url, &order), &challenges).await,
                Err(failure) => Err(failure),
            };
            solver.withdraw(&proofs).await;
            proved?
        }
        _ => order,
    };
    let mut order = match order.status {
        OrderStatus::Ready => again(|| account.finalize(tls, &order.finalize, request)).await?,
        _ => order,
    };
    for pause in pauses() {
        match order.status {
            OrderStatus::Valid { certificate } => {
                return again(|| account.certificate(tls, &certificate)).await;
            }
            OrderStatus::Invalid => return Err(said(&order)),
            _ => tokio::time::sleep(pause).await,
        }
        order = again(|| account.order(tls, &url)).await?;
    }
    Err(undecided())
}

async fn account(
    (authority, file): (&Authority, &AccountFile),
    tls: &Arc<ClientConfig>,
) -> Result<Account, Failure> {
    let directory = again(|| Directory::discover(tls, &authority.directory)).await?;
    if let Some(kept) = file.load()? {
        let key = kept.key()?;
        let rng = ring::rand::SystemRandom::new();
        let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = key.secret_pkcs8_der();
        let pair = ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, key, &rng);
        let pair = pair.map_err(|_| {
            let advice = "restore the account's file from a backup, or move it away";
            Failure::new("the account's key is damaged", advice)
        })?;
        return Ok(Account {
            key_pair: pair,
            directory,
            kid: kept.id,
        });
    }
    let key = Account::generate_key_pair();
    let contact = authority.contact_urls();
    let made = || Account::create_with_keypair(tls, directory.clone(), &contact, &key);
    let account = again(made).await?;
    file.save(&Kept::new(account.kid.clone(), &key, &authority.directory))?;
    Ok(account)
}

/// What is to be shown for every name that is not proved already, and the URLs of the challenges.
async fn proofs(
    account: &Account,
    tls: &Arc<ClientConfig>,
    kind: ChallengeKind,
    order: &Order,
) -> Result<(Vec<Proof>, Vec<String>), Failure> {
    let (mut proofs, mut challenges) = (Vec::new(), Vec::new());
    for url in &order.authorizations {
        let authorization = again(|| account.auth(tls, url)).await?;
        let Identifier::Dns(name) = &authorization.identifier;
        match authorization.status {
            AuthStatus::Valid => continue,
            AuthStatus::Pending => {}
            _ => return Err(refusal(&authorization)),
        }
        let (proof, challenge) = match kind {
            ChallengeKind::TlsAlpn01 => {
                let made = account.tls_alpn_01(&authorization.challenges, name.clone());
                let (challenge, certificate) = made.map_err(|error| not_offered(name, &error))?;
                let proof = Proof::Certificate {
                    name: name.clone(),
                    certificate: Arc::new(certificate),
                };
                (proof, challenge)
            }
            ChallengeKind::Http01 | ChallengeKind::Dns01 => {
                let made = account.http_01(&authorization.challenges);
                let (challenge, content) = made.map_err(|error| not_offered(name, &error))?;
                let proof = Proof::File {
                    token: challenge.token.clone(),
                    content,
                };
                (proof, challenge)
            }
        };
        proofs.push(proof);
        challenges.push(challenge.url.clone());
    }
    Ok((proofs, challenges))
}

/// Tells the authority that everything is shown, and waits for what it says.
async fn prove(
    account: &Account,
    tls: &Arc<ClientConfig>,
    (url, order): (&str, &Order),
    challenges: &[String],
) -> Result<Order, Failure> {
    for challenge in challenges {
        again(|| account.challenge(tls, challenge)).await?;
    }
    for pause in pauses() {
        tokio::time::sleep(pause).await;
        let seen = again(|| account.order(tls, url)).await?;
        match seen.status {
            OrderStatus::Pending => {}
            OrderStatus::Invalid => {
                for url in &order.authorizations {
                    let authorization = again(|| account.auth(tls, url)).await?;
                    if !matches!(
                        authorization.status,
                        AuthStatus::Valid | AuthStatus::Pending
                    ) {
                        return Err(refusal(&authorization));
                    }
                }
                return Err(said(&seen));
            }
            _ => return Ok(seen),
        }
    }
    Err(undecided())
}

fn pauses() -> impl Iterator<Item = Duration> {
    (0..LOOKS).map(|look| (BETWEEN * (1 + look / 4)).min(LONGEST_PAUSE))
}

/// Asks again while the nonce is refused.
async fn again<T, F>(mut ask: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, AcmeError>>,
{
    let mut answer = ask().await.map_err(failure);
    for _ in 1..NONCES {
        match answer {
            Err(refused) if refused.is_bad_nonce() => answer = ask().await.map_err(failure),
            other => return other,
        }
    }
    answer
}

/// What the authority said at the challenge that failed.
fn refusal(authorization: &Auth) -> Failure {
    let Identifier::Dns(name) = &authorization.identifier;
    let mut errors = authorization.challenges.iter();
    let problem = errors.find_map(|challenge: &Challenge| challenge.error.as_ref());
    let failure = match problem {
        Some(problem) => Failure::problem(problem.typ.as_deref(), problem.detail.as_deref()),
        None => Failure::new(
            format!("the authorisation is {:?}", authorization.status),
            "nothing: the order is made anew",
        ),
    };
    failure.of_name(name)
}

fn said(order: &Order) -> Failure {
    match &order.error {
        Some(problem) => Failure::problem(problem.typ.as_deref(), problem.detail.as_deref()),
        None => Failure::problem(None, None),
    }
}

fn undecided() -> Failure {
    let words = "the authority has not decided in time";
    Failure::new(words, "nothing: it is tried again")
}

fn not_offered(name: &str, error: &AcmeError) -> Failure {
    let words = format!("{name}: the authority does not offer this challenge: {error}");
    let advice = "set another `challenge` of the authority; a wildcard needs dns-01";
    Failure::new(words, advice)
}

fn failure(error: AcmeError) -> Failure {
    let told = error.to_string();
    match refused(&told) {
        Some((_, Some(problem))) => {
            Failure::problem(problem.kind.as_deref(), problem.detail.as_deref())
        }
        Some((status, None)) => Failure::new(
            format!("the authority answers {status}"),
            "look whether the directory's address is right; else it is tried again",
        ),
        None => Failure::new(
            told,
            "look whether the directory's address is right and can be reached from here",
        ),
    }
}

#[derive(serde::Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    detail: Option<String>,
}

/// Status and problem document of a refusal. rustls-acme keeps its type for them private and only
/// writes them out: the status, and the body as Rust writes a text, which for what stands in a
/// problem document is how JSON writes it.
fn refused(told: &str) -> Option<(&str, Option<Problem>)> {
    let (_, refusal) = told.split_once("non 2xx http status: ")?;
    let (status, body) = refusal.split_once(' ')?;
    let body = serde_json::from_str::<String>(body).ok();
    let problem = body.and_then(|body| serde_json::from_str(&body).ok());
    Some((status, problem))
}

/// Which of the challenges this client knows.
pub(super) const fn knows(kind: ChallengeKind) -> bool {
    matches!(kind, ChallengeKind::TlsAlpn01 | ChallengeKind::Http01)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_out_of_what_the_client_writes() {
        let body = "{\n  \"type\": \"urn:ietf:params:acme:error:badNonce\",\n  \
            \"detail\": \"JWS has an invalid anti-replay nonce\"\n}";
        let told = format!("http request error: non 2xx http status: 400 {body:?}");
        let (status, problem) = refused(&told).unwrap();
        assert_eq!(status, "400");
        let problem = problem.unwrap();
        let failure = Failure::problem(problem.kind.as_deref(), problem.detail.as_deref());
        assert!(failure.is_bad_nonce(), "{failure}");
        let (status, problem) = refused("non 2xx http status: 502 \"<html>\"").unwrap();
        assert_eq!((status, problem.is_none()), ("502", true));
        assert!(refused("io error: gone").is_none());
    }
}
