//! Certificates from public authorities by ACME (RFC 8555): one order, from the account to the chain.
//!
//! - `account.rs`: the account at each directory, on disk.
//! - `key.rs`: the certificate's key, and the request signed with it.
//! - `solver.rs`: what proves that a name is ours, and who shows it.
//! - `pending.rs`: the proofs that this process shows itself (TLS-ALPN-01, HTTP-01). Those in the DNS
//!   are shown by `dns/`.
//! - `by_rustls.rs`: an order for TLS-ALPN-01 and HTTP-01; `by_instant.rs`: for everything else.
//! - `transport.rs`: how an authority is reached and trusted.
//! - `failure.rs`: the authority's words, with what to do.
//!
//! When an order is made is not decided here but in `renewal/`.

mod account;
mod by_instant;
mod by_rustls;
mod failure;
mod key;
mod pending;
mod solver;
mod transport;
#[cfg(test)]
mod window_tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use secrecy::SecretSlice;
use yagura_control::Timestamp;

use crate::csr::RequestKey;
use crate::store::Pem;
use account::AccountFile;
pub use failure::Failure;
pub use pending::{ACME_TLS, Pending, WELL_KNOWN};
pub use solver::{ChallengeKind, Proof, Solver};
use transport::{Transport, trust};

/// How long an order may take, from the first request to the chain.
const LONGEST: Duration = Duration::from_secs(600);
/// How often an order is begun whose nonces are refused; instant-acme asks each step three times, and
/// gives up the order then.
const ORDERS: usize = 5;

/// An authority that issues by ACME.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Its name in the settings.
    pub name: String,
    /// URL of its directory.
    pub directory: String,
    /// PEM file of the CA that its directory's TLS is checked against; `None` for what the system
    /// trusts.
    pub trust: Option<PathBuf>,
    /// Where it writes to, as an address of electronic mail.
    pub contact: Option<String>,
    /// How names are proved to it.
    pub challenge: ChallengeKind,
    /// The profile of certificates that is ordered.
    pub profile: Option<String>,
    /// The key that binds the account to a contract (RFC 8555, section 7.3.4).
    pub external_account: Option<ExternalAccount>,
}

/// External Account Binding.
#[derive(Clone, Debug)]
pub struct ExternalAccount {
    /// The key's name, as the authority gave it.
    pub key_id: String,
    /// The key.
    pub key: SecretSlice<u8>,
}

/// What is ordered.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Host names; wildcards need DNS-01.
    pub names: Vec<String>,
    /// The kind of key.
    pub key: RequestKey,
    /// The leaf that this one is to replace, from the same authority.
    pub replaces: Option<CertificateDer<'static>>,
}

/// When an authority wants a certificate to be renewed (RFC 9773, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// After how long the authority is to be asked again.
    pub ask_again: Duration,
}

impl Authority {
    fn contact_urls(&self) -> Vec<String> {
        let contact = self.contact.iter();
        contact
            .map(|contact| match contact.contains(':') {
                true => contact.clone(),
                false => format!("mailto:{contact}"),
            })
            .collect()
    }

    fn account(&self, folder: &Path) -> AccountFile {
        let external = self.external_account.as_ref();
        let external = external.map(|external| external.key_id.as_str());
        AccountFile::of(folder, &self.directory, external)
    }

    /// Whether rustls-acme can make the order.
    fn is_plain(&self) -> bool {
        by_rustls::knows(self.challenge)
            && self.profile.is_none()
            && self.external_account.is_none()
    }
}

/// Orders a certificate. Accounts are kept in `folder`.
///
/// # Errors
/// Why there is none; the authority may be asked again.
pub async fn obtain(
    authority: &Authority,
    wish: &Wish,
    solver: &dyn Solver,
    folder: &Path,
) -> Result<Pem, Failure> {
    let (key, request) = key::request(wish.key, &wish.names)?;
    let tls = trust(authority.trust.as_deref())?;
    let file = authority.account(folder);
    let ordering = async {
        let ours = (authority, &file);
        if authority.is_plain() {
            return by_rustls::obtain(ours, &tls, (wish, &request), solver).await;
        }
        let transport = Transport::new(tls.clone());
        let order = || by_instant::obtain(ours, &transport, (wish, &request), solver);
        let mut ordered = order().await;
        for _ in 1..ORDERS {
            match &ordered {
                Err(failure) if failure.is_bad_nonce() => ordered = order().await,
                _ => break,
            }
        }
        ordered
    };
    let limited = async {
        match tokio::time::timeout(LONGEST, ordering).await {
            Ok(ordered) => ordered,
            Err(_) => Err(Failure::new(
                "the order took too long",
                "nothing: it is tried again",
            )),
        }
    };
    let chain = limited.await.inspect_err(|failure| {
        if failure.is_unknown_account() {
            file.forget();
        }
    })?;
    Ok(Pem {
        chain,
        key: key.serialize_pem(),
    })
}

/// Asks an authority when it wants a certificate of its own to be renewed; none where it has no
/// windows.
///
/// # Errors
/// It could not be asked.
pub async fn window(
    authority: &Authority,
    leaf: &CertificateDer<'_>,
    folder: &Path,
) -> Result<Option<Window>, Failure> {
    let transport = Transport::new(trust(authority.trust.as_deref())?);
    by_instant::window((authority, &authority.account(folder)), &transport, leaf).await
}
