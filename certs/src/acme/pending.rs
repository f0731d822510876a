//! The proofs that this process shows itself: one small table, asked by handshakes of `acme-tls/1`
//! and by requests for `/.well-known/acme-challenge/`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::failure::Failure;
use super::solver::{Proof, Solver};

/// The protocol that only authorities speak (RFC 8737, section 6.2).
pub const ACME_TLS: &[u8] = b"acme-tls/1";
/// Where files are asked for (RFC 8555, section 8.3).
pub const WELL_KNOWN: &str = "/.well-known/acme-challenge/";

/// Longest token that is looked up; authorities use 22 to 43 characters.
const LONGEST_TOKEN: usize = 256;

#[derive(Default)]
struct Table {
    certificates: HashMap<String, Arc<CertifiedKey>>,
    files: HashMap<String, String>,
}

/// What is shown at the moment.
#[derive(Default)]
pub struct Pending {
    table: RwLock<Table>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Pending")
            .field("certificates", &table.certificates.keys())
            .field("files", &table.files.len())
            .finish()
    }
}

impl Pending {
    /// What a request for this path is answered with; none when there is no such proof.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix(WELL_KNOWN)?;
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.files.get(token).cloned()
    }

    /// The certificate that proves this name.
    #[must_use]
    pub fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.certificates.get(&name.to_ascii_lowercase()).cloned()
    }

    /// Whether a client offers to speak the protocol of authorities; no reader does.
    #[must_use]
    pub fn is_offered(hello: &ClientHello<'_>) -> bool {
        let mut offered = hello.alpn().into_iter().flatten();
        offered.any(|protocol| protocol == ACME_TLS)
    }

    /// Whether it offers nothing else, as an authority must (RFC 8737, section 3).
    fn is_asked_for(hello: &ClientHello<'_>) -> bool {
        let mut offered = hello.alpn().into_iter().flatten();
        offered.next() == Some(ACME_TLS) && offered.next().is_none()
    }

    /// Shows a proof from now on.
    ///
    /// # Errors
    /// It is none that an edge can show.
    pub fn add(&self, proof: &Proof) -> Result<(), Failure> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        match proof {
            Proof::Certificate { name, certificate } => {
                let name = name.to_ascii_lowercase();
                table.certificates.insert(name, certificate.clone());
            }
            Proof::File { token, content } => {
                table.files.insert(token.clone(), content.clone());
            }
            Proof::Record { name, .. } => {
                let words = format!("{name}: an edge cannot show a record of the DNS");
                let advice = "set `dns` of the authority to a [[dns]] that holds the zone";
                return Err(Failure::new(words, advice));
            }
        }
        Ok(())
    }

    /// Shows it no more.
    pub fn remove(&self, proof: &Proof) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        match proof {
            Proof::Certificate { name, .. } => {
                table.certificates.remove(&name.to_ascii_lowercase());
            }
            Proof::File { token, .. } => {
                table.files.remove(token);
            }
            Proof::Record { .. } => {}
        }
    }
}

#[async_trait]
impl Solver for Pending {
    async fn show(&self, proofs: &[Proof]) -> Result<(), Failure> {
        proofs.iter().try_for_each(|proof| self.add(proof))
    }

    async fn withdraw(&self, proofs: &[Proof]) {
        for proof in proofs {
            self.remove(proof);
        }
    }
}

/// Answers handshakes of `acme-tls/1` alone.
impl ResolvesServerCert for Pending {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Self::is_asked_for(&hello).then(|| self.certificate(hello.server_name()?))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_shown_until_it_is_withdrawn_and_nothing_else_is() {
        let pending = Pending::default();
        let proof = Proof::File {
            token: "abc".to_owned(),
            content: "abc.thumb".to_owned(),
        };
        let shown = || pending.file("/.well-known/acme-challenge/abc");
        assert_eq!(shown(), None);
        pending.show(std::slice::from_ref(&proof)).await.unwrap();
        assert_eq!(shown().as_deref(), Some("abc.thumb"));
        for path in [
            "/.well-known/acme-challenge/",
            "/.well-known/acme-challenge/abcd",
            "/.well-known/acme-challenge/ABC",
            "/abc",
        ] {
            assert_eq!(pending.file(path), None, "{path}");
        }
        pending.withdraw(&[proof]).await;
        assert_eq!(shown(), None);
    }

    #[tokio::test]
    async fn a_record_is_refused_with_what_to_do() {
        let proof = Proof::Record {
            name: "town.example".to_owned(),
            value: "digest".to_owned(),
        };
        let refusal = Pending::default().show(&[proof]).await.unwrap_err();
        assert!(refusal.advice.contains("[[dns]]"), "{refusal}");
    }
}
