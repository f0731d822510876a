//! The holder gives the other edges what it holds: each is asked what it serves, and given what it
//! lacks, until it has it. An edge that was off for a month has everything a minute after it is back.
//! Proofs go to all of them, because an authority may ask any.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use yagura_certs::Store;
use yagura_certs::acme::{Failure, Pending, Proof, Solver};
use yagura_config::settings::{CommandSettings, EdgeAddress};
use yagura_control::Clock;
use yagura_control::client::{Afar, Client, Identity};
use yagura_control::order::{
    Envelope, Order, Outcome, ProofFile, SecretPem, ShowProofs, TakeCertificate,
};

use crate::state::Edge;

/// How often the others are asked while nothing is known to have changed.
const ASK: Duration = Duration::from_secs(60);
/// How often it is looked whether something changed here.
const LOOK: Duration = Duration::from_secs(1);
/// How long another edge may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long proofs are shown when nobody takes them away.
const PROOF: Duration = Duration::from_secs(600);

/// Hands over until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let mut handed = Vec::new();
    let mut asked_at = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let settings = edge.switchboard.settings();
        let settings = &settings.certificates;
        let Some(others) = settings.others.as_ref().filter(|_| settings.holder) else {
            edge.certificates.note_unreached(BTreeMap::new());
            continue;
        };
        let held = edge.certificates.held();
        let now = edge.clock.now();
        let due = asked_at.is_none_or(|at| now.since(at) >= ASK || now < at);
        if held == handed && !due {
            continue;
        }
        asked_at = Some(now);
        let failures = hand_to_all(&edge, &held, others).await;
        handed = if failures.is_empty() {
            held
        } else {
            Vec::new()
        };
        edge.certificates.note_unreached(failures);
    }
}

/// Gives every other edge what it lacks; names those that did not take it, with why.
async fn hand_to_all(
    edge: &Arc<Edge>,
    held: &[(String, String)],
    others: &CommandSettings,
) -> BTreeMap<String, String> {
    let clients = match clients(others) {
        Ok(clients) => clients,
        Err(why) => return [("the other edges".to_owned(), why)].into(),
    };
    let mut failures = BTreeMap::new();
    for client in clients {
        if let Err(why) = hand_to(edge, held, &client).await {
            failures.insert(client.place(), why);
        }
    }
    failures
}

async fn hand_to(
    edge: &Arc<Edge>,
    held: &[(String, String)],
    client: &Client,
) -> Result<(), String> {
    let reply = client.order(&Envelope::of(Order::Status, "")).await;
    let reply = reply.map_err(|error| error.to_string())?;
    let Outcome::Status(status) = reply.outcome else {
        return Err("it answers something else than asked".to_owned());
    };
    let mut refused = Vec::new();
    for (name, sha256) in held {
        let mut theirs = status.certificates.iter();
        if theirs.any(|it| it.name == *name && it.sha256 == *sha256) {
            continue;
        }
        let Some(order) = taking(edge, name) else {
            continue;
        };
        match client.order(&Envelope::of(order, "")).await {
            Ok(_) => {
                let to = client.place();
                tracing::info!(certificate = name, to, "handed over");
            }
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(refused.join("; "))
    }
}

/// The order that hands the present version over.
fn taking(edge: &Edge, name: &str) -> Option<Order> {
    let folder = edge.certificates.folder.as_ref()?;
    let pem = Store::new(folder).load(name).ok()??;
    Some(Order::TakeCertificate(TakeCertificate {
        name: name.to_owned(),
        chain: pem.chain.clone(),
        key: SecretPem(pem.key.clone()),
    }))
}

/// How the other edges are reached.
fn clients(others: &CommandSettings) -> Result<Vec<Client>, String> {
    let identity = match &others.identity {
        None => None,
        Some(files) => {
            let read = Identity::read(&files.certificate, &files.key, &files.trust);
            Some(read.map_err(|error| error.to_string())?)
        }
    };
    let client = |edge: &EdgeAddress| match (edge, &identity) {
        (EdgeAddress::Socket(path), _) => Ok(Client::new(path, DEADLINE)),
        (EdgeAddress::Afar { host, port }, Some(identity)) => {
            let afar = Afar {
                host: host.clone(),
                port: *port,
                identity: identity.clone(),
            };
            Ok(Client::afar(afar, DEADLINE))
        }
        (EdgeAddress::Afar { .. }, None) => Err(format!(
            "{edge} wants to see a certificate\n  name the files with certificate, key and trust in [certificates]"
        )),
    };
    others.edges.iter().map(client).collect()
}

/// Shows proofs here and on all other edges.
pub struct Everywhere {
    /// Here.
    pub here: Arc<Pending>,
    /// The others.
    pub others: CommandSettings,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Everywhere {
    /// Tells the others; who cannot be told cannot be asked by the authority either, most often.
    async fn tell(&self, proofs: &[Proof], longer: Duration) {
        let files = proofs.iter().filter_map(|proof| match proof {
            Proof::File { token, content } => Some(ProofFile {
                token: token.clone(),
                content: content.clone(),
            }),
            Proof::Certificate { .. } | Proof::Record { .. } => None,
        });
        let files: Vec<ProofFile> = files.collect();
        if files.is_empty() {
            return;
        }
        let clients = clients(&self.others).unwrap_or_else(|why| {
            tracing::warn!(why, "the other edges show no proof");
            Vec::new()
        });
        let until = self.clock.now().plus(longer);
        let order = Order::ShowProofs(ShowProofs { files, until });
        let order = Envelope::of(order, "");
        for client in clients {
            if let Err(error) = client.order(&order).await {
                tracing::warn!(edge = client.place(), %error, "it does not show the proof");
            }
        }
    }
}

#[async_trait]
impl Solver for Everywhere {
    async fn show(&self, proofs: &[Proof]) -> Result<(), Failure> {
        self.here.show(proofs).await?;
        self.tell(proofs, PROOF).await;
        Ok(())
    }

    async fn withdraw(&self, proofs: &[Proof]) {
        self.here.withdraw(proofs).await;
        self.tell(proofs, Duration::ZERO).await;
    }
}
