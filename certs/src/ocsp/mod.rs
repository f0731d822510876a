//! OCSP stapling: the issuer's word that a certificate is good, shown with it (RFC 6960, RFC 5019,
//! RFC 6066 section 8), for authorities that still give it.
//!
//! - `request.rs`: whom to ask, and what; whether a certificate demands a staple.
//! - `response.rs`: whether an answer is good, and until when. `signer.rs`: who may have signed it.
//!   `refusal.rs`: why not, in words. `asn1.rs`: the types on the wire.
//! - `plan.rs`: when to ask, and until when to show.
//! - `fetch.rs`: one exchange with a responder. `keeper.rs`: puts them together for one certificate.
//!
//! All but the last two is pure. This file holds [`Stapler`], which the edge calls once a minute,
//! and [`staple`]. A certificate is served whatever comes of it; which one is the store's affair.

mod asn1;
mod fetch;
mod keeper;
mod plan;
mod refusal;
mod request;
mod response;
mod signer;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial_responder;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rustls::sign::CertifiedKey;
use yagura_control::Timestamp;

use crate::{Inspected, Store};
pub use fetch::{Unfetched, fetch};
pub use keeper::{Did, Keeper, Outcome, Trouble};
pub use plan::{Heard, Plan};
pub use refusal::Refusal;
pub use request::{Question, Unasked, must_staple};
pub use response::{SKEW, Staple, check};

/// Chain and key with this response for readers that ask for one, or without.
#[must_use]
pub fn staple(certified: &CertifiedKey, response: Option<Vec<u8>>) -> CertifiedKey {
    CertifiedKey {
        ocsp: response,
        ..certified.clone()
    }
}

/// Where a version of a certificate keeps its last good response.
#[must_use]
pub fn file(store: &Store, name: &str, version: u32) -> PathBuf {
    let folder = store.folder(name).join(format!("{version:04}"));
    folder.join("ocsp.der")
}

/// The staples of every certificate that is served, each by the name it has in the store.
#[derive(Debug, Default)]
pub struct Stapler {
    keepers: BTreeMap<String, Keeper>,
}

impl Stapler {
    /// What was kept before the last stop, for the first handshakes; nobody is asked.
    pub fn held(
        &mut self,
        store: &Store,
        name: &str,
        (version, inspected): (u32, &Inspected),
        now: Timestamp,
        seed: u64,
    ) -> Option<Vec<u8>> {
        let keeper = self.keeper(store, name, (version, inspected), now, seed);
        keeper.show(now)
    }

    /// Asks the responder if it is time to, which takes 10 s at most, and says what is to be shown
    /// from now on. Call it once a minute for each certificate that is served, away from readers.
    /// The seed is any number, another one each time. Another version, or another certificate
    /// under the name, begins anew by itself.
    pub async fn refresh(
        &mut self,
        store: &Store,
        name: &str,
        (version, inspected): (u32, &Inspected),
        now: Timestamp,
        seed: u64,
    ) -> Outcome {
        let keeper = self.keeper(store, name, (version, inspected), now, seed);
        keeper.step(now, seed).await
    }

    /// Lets go of the names that are not served any more. What is on disk goes with its version.
    pub fn retain(&mut self, served: impl Fn(&str) -> bool) {
        self.keepers.retain(|name, _| served(name));
    }

    fn keeper(
        &mut self,
        store: &Store,
        name: &str,
        (version, inspected): (u32, &Inspected),
        now: Timestamp,
        seed: u64,
    ) -> &mut Keeper {
        let file = file(store, name, version);
        let open = || Keeper::open(&file, inspected, now, seed);
        let keeper = self.keepers.entry(name.to_owned()).or_insert_with(open);
        if !keeper.is_of(&file, inspected) {
            *keeper = open();
        }
        keeper
    }
}
