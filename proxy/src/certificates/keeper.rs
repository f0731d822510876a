//! Orders certificates on the edge that is holder: when and from whom is decided by
//! `yagura_certs::renewal`; here it is done and written down.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use yagura_certs::acme::{self, Failure, Wish};
use yagura_certs::renewal::{Event, Held, Next, State, next};
use yagura_certs::store::{Brought, How, Pem};
use yagura_certs::{Inspected, Store};
use yagura_config::Settings;
use yagura_config::settings::CertificateSettings;

use super::authorities::{asked, key_kind};
use crate::state::Edge;

/// How often it is decided whether something is to be done.
const EVERY: Duration = Duration::from_secs(1);

/// What is done for one certificate.
struct Errand {
    edge: Arc<Edge>,
    folder: PathBuf,
    settings: Arc<Settings>,
    certificate: CertificateSettings,
}

/// Keeps certificates until the task is dropped.
pub async fn run(edge: Arc<Edge>) {
    let Some(folder) = edge.certificates.folder.clone() else {
        return;
    };
    let mut under_way: JoinSet<String> = JoinSet::new();
    let mut busy = HashSet::new();
    loop {
        let settings = edge.switchboard.settings();
        let holder = settings.certificates.holder;
        let due = settings.certificates.wanted.iter().filter(|wanted| {
            holder && !wanted.authorities.is_empty() && !busy.contains(&wanted.name)
        });
        let due: Vec<CertificateSettings> = due.cloned().collect();
        for certificate in due {
            let errand = Errand {
                edge: edge.clone(),
                folder: folder.clone(),
                settings: settings.clone(),
                certificate,
            };
            if let Some(act) = errand.decide() {
                let name = errand.certificate.name.clone();
                busy.insert(name.clone());
                under_way.spawn(async move {
                    errand.act(act).await;
                    name
                });
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            Some(done) = under_way.join_next() => match done {
                Ok(name) => {
                    busy.remove(&name);
                }
                Err(error) => {
                    tracing::error!(%error, "an order ended in a fault of the program");
                    busy.clear();
                    under_way.shutdown().await;
                }
            },
        }
    }
}

/// What is due.
enum Act {
    Order(usize),
    AskWindow,
}

impl Errand {
    fn decide(&self) -> Option<Act> {
        let now = self.edge.clock.now();
        let next = self.next(&self.state())?;
        if next.ask_window_at.is_some_and(|at| at <= now) && next.at > now {
            return Some(Act::AskWindow);
        }
        self.note_next(&next);
        (next.at <= now).then_some(Act::Order(next.authority))
    }

    async fn act(&self, act: Act) {
        match act {
            Act::AskWindow => self.ask_window().await,
            Act::Order(index) => {
                if let Some(authority) = self.certificate.authorities.get(index) {
                    self.order(authority).await;
                }
            }
        }
    }

    async fn order(&self, authority: &str) {
        let name = &self.certificate.name;
        tracing::info!(certificate = name, authority, "ordering");
        let ordered = match self.begun() {
            Ok(()) => self.obtained(authority).await,
            // What cannot be kept is not ordered: authorities count.
            Err(failure) => Err(failure),
        };
        let saved = ordered.and_then(|pem| self.save(authority, &pem));
        match &saved {
            Ok(version) => {
                tracing::info!(certificate = name, authority, version, "ordered and stored");
                self.serve();
                self.apply(Event::Issued(authority));
            }
            Err(failure) => {
                tracing::error!(
                    certificate = name,
                    authority,
                    words = failure.words,
                    advice = failure.advice,
                    "no certificate was issued"
                );
                self.apply(Event::Failed(authority, failure));
            }
        }
    }

    async fn obtained(&self, authority: &str) -> Result<Pem, Failure> {
        let (certificates, clock) = (&self.edge.certificates, &self.edge.clock);
        let asked = asked(
            &self.settings.certificates,
            authority,
            &certificates.pending,
            clock,
        )?;
        let state = self.state();
        // Named only to who issued it and knows of such things.
        let known = state.authority.as_deref() == Some(authority)
            && state.suggested.is_some_and(|it| it.window.is_some());
        let present = self.present().filter(|_| known);
        let wish = Wish {
            names: self.certificate.names.clone(),
            key: key_kind(self.certificate.key),
            replaces: present.and_then(|it| it.certified_key().cert.first().cloned()),
        };
        let (authority, solver) = asked;
        acme::obtain(&authority, &wish, &*solver, &certificates.accounts).await
    }

    /// Inspects what an authority gave, and keeps it as the present version.
    fn save(&self, authority: &str, pem: &Pem) -> Result<u32, Failure> {
        let now = self.edge.clock.now();
        let refused = |what: String| {
            Failure::new(
                format!("what the authority issued is not served: {what}"),
                "look at the authority's settings, and at the clock of this machine",
            )
        };
        let inspected = Inspected::read(&pem.chain, &pem.key);
        let inspected = inspected.map_err(|error| refused(error.to_string()))?;
        if !covers(&inspected, &self.certificate.names) {
            return Err(refused("a name is missing in it".to_owned()));
        }
        if !super::choice::is_valid(&inspected, now) {
            let (from, until) = (
                inspected.not_before().rfc3339(),
                inspected.not_after().rfc3339(),
            );
            return Err(refused(format!("it is valid from {from} to {until}")));
        }
        let brought = Brought {
            how: How::Acme,
            by: authority.to_owned(),
            at: now,
        };
        let saved = Store::new(&self.folder).save_from(&self.certificate.name, pem, brought);
        saved.map_err(|error| Failure::new(error, "then it is ordered again"))
    }

    /// Serves what was saved, before anything else is decided.
    fn serve(&self) {
        let settings = self.edge.switchboard.settings();
        let now = self.edge.clock.now();
        let looked = self.edge.certificates.look(&settings, now, false, false);
        if let Err(error) = looked {
            tracing::error!(%error, "the certificate is not served yet");
        }
    }

    async fn ask_window(&self) {
        let Some(present) = self.present() else {
            return;
        };
        let leaf = leaf(&present);
        let (certificates, clock) = (&self.edge.certificates, &self.edge.clock);
        let authority = self.state().authority.unwrap_or_default();
        let told = match asked(
            &self.settings.certificates,
            &authority,
            &certificates.pending,
            clock,
        ) {
            Ok((authority, _)) => match present.certified_key().cert.first() {
                Some(first) => acme::window(&authority, first, &certificates.accounts).await,
                None => Ok(None),
            },
            Err(failure) => Err(failure),
        };
        match told {
            Ok(window) => self.apply(Event::Told(&leaf, window)),
            Err(failure) => {
                tracing::debug!(%failure, "the authority's window is not known");
                self.apply(Event::NotTold(&leaf));
            }
        }
    }

    fn present(&self) -> Option<Inspected> {
        self.edge
            .certificates
            .served()
            .present(&self.certificate.name)
    }

    fn state(&self) -> State {
        let renewals = self.edge.certificates.renewals();
        renewals
            .get(&self.certificate.name)
            .cloned()
            .unwrap_or_default()
    }

    fn next(&self, state: &State) -> Option<Next> {
        let held = self.present().map(|present| Held {
            not_before: present.not_before(),
            not_after: present.not_after(),
            covers: covers(&present, &self.certificate.names),
            leaf: leaf(&present),
        });
        let edge = self.edge.switchboard.name();
        let seed = seed(&[edge, &self.certificate.name]);
        let authorities = &self.certificate.authorities;
        next(
            authorities,
            held.as_ref(),
            state,
            self.edge.clock.now(),
            seed,
        )
    }

    /// Writes down that an order begins, which shows that what comes of it can be kept.
    fn begun(&self) -> Result<(), Failure> {
        let mut state = self.state();
        state.last_attempt = Some(self.edge.clock.now());
        let saved = state.save(&self.folder, &self.certificate.name);
        saved.map_err(|error| Failure::new(error, "then it is ordered"))
    }

    fn apply(&self, event: Event<'_>) {
        let mut state = self.state();
        state.apply(event, self.edge.clock.now());
        state.next_attempt = self.next(&state).map(|next| next.at);
        if let Err(error) = state.save(&self.folder, &self.certificate.name) {
            tracing::error!(%error, certificate = self.certificate.name, "what happened is not kept");
        }
        let name = self.certificate.name.clone();
        self.edge.certificates.renewals().insert(name, state);
    }

    fn note_next(&self, next: &Next) {
        let mut renewals = self.edge.certificates.renewals();
        let state = renewals.entry(self.certificate.name.clone()).or_default();
        state.next_attempt = Some(next.at);
    }
}

/// Whether a certificate carries every one of these names, itself or by a wildcard.
fn covers(inspected: &Inspected, names: &[String]) -> bool {
    names.iter().all(|name| inspected.carries(name))
}

fn leaf(inspected: &Inspected) -> String {
    blake3::hash(inspected.fingerprint()).to_hex().to_string()
}

/// A number of these words, the same in every process.
fn seed(words: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for word in words {
        hasher.update(word.as_bytes()).update(&[0]);
    }
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
