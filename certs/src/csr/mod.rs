//! Requests for certificates, as a city buys them from a commercial authority.
//!
//! A request under way is `FOLDER/NAME/request/{key.pem,request.csr,about.json}`, and
//! `received.pem` when the certificate came and something is missing still. When it is over, the
//! folder becomes `request.last`, without the key.
//!
//! - `life.rs`: how far a request is and what may happen to it; pure.
//! - `application.rs`: what is asked for, checked. `make.rs`: the key and the request.
//! - `install.rs`: what the authority sent becomes a version of the store.
//!
//! Ordering by ACME needs none of this.

mod application;
mod install;
pub mod life;
mod make;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

pub use application::{Application, NoApplication, RequestKey};
pub use install::{Given, Installed, held_intermediates, install};
pub use life::{Event, Refused, State};
pub(crate) use make::new_key;

use crate::CertError;
use crate::inspect::{Certificate, PrivateKey};
use crate::store::about::rfc3339;
use crate::store::disk::{Disk, HostDisk};
use crate::store::{Store, durable};

/// What is known of a request without its key: `about.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// How far it is.
    pub state: State,
    /// Who made it.
    pub by: String,
    /// When it was made.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// What it asks for.
    pub application: Application,
}

/// The requests beside the certificates of a store.
#[derive(Clone, Debug)]
pub struct Requests<'a> {
    store: &'a Store,
}

impl<'a> Requests<'a> {
    /// The requests in a store's folder.
    #[must_use]
    pub const fn of(store: &'a Store) -> Self {
        Self { store }
    }

    /// The newest request for a certificate, however far it is; `None` when there was never one.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn newest(&self, name: &str) -> Result<Option<Request>, CertError> {
        for folder in [self.folder(name), self.last(name)] {
            let path = folder.join("about.json");
            match HostDisk.read(&path) {
                Ok(bytes) => {
                    let read = serde_json::from_slice(&bytes);
                    return read.map(Some).map_err(|error| CertError::Damaged {
                        path,
                        what: error.to_string(),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(CertError::at(path)(error)),
            }
        }
        Ok(None)
    }

    /// How far the newest request is.
    ///
    /// # Errors
    /// As [`Requests::newest`].
    pub fn state(&self, name: &str) -> Result<State, CertError> {
        Ok(self.newest(name)?.map_or(State::None, |it| it.state))
    }

    /// Makes a key and a request, as PEM, for the authority.
    ///
    /// # Errors
    /// One is under way, or nothing can be written.
    pub fn make(
        &self,
        name: &str,
        application: Application,
        by: &str,
        at: Timestamp,
    ) -> Result<String, CertError> {
        let state = life::apply(self.state(name)?, Event::Make)?;
        // One that was over when the power went is put away now.
        self.put_away(name)?;
        let (key, csr) = make::make(&application)?;
        let request = Request {
            state,
            by: by.to_owned(),
            at,
            application,
        };
        durable::make_folders(&HostDisk, &self.store.folder(name))?;
        let about = serde_json::to_vec_pretty(&request).unwrap_or_default();
        let key = key.pem();
        let files: [(&str, &[u8]); 3] = [
            ("key.pem", key.expose_secret().as_bytes()),
            ("request.csr", csr.as_bytes()),
            ("about.json", &about),
        ];
        durable::folder_of(&HostDisk, &self.folder(name), &files)?;
        Ok(csr)
    }

    /// The request under way as PEM.
    ///
    /// # Errors
    /// There is none under way, or it cannot be read.
    pub fn pem(&self, name: &str) -> Result<String, CertError> {
        life::apply(self.state(name)?, Event::Receive)?;
        let path = self.folder(name).join("request.csr");
        std::fs::read_to_string(&path).map_err(CertError::at(path))
    }

    /// Gives the request under way up, and its key.
    ///
    /// # Errors
    /// There is none under way, or it cannot be removed.
    pub fn withdraw(&self, name: &str) -> Result<(), CertError> {
        self.over(name, Event::Withdraw)
    }

    /// The key of the request under way.
    pub(crate) fn key(&self, name: &str) -> Result<PrivateKey, CertError> {
        let path = self.folder(name).join("key.pem");
        let pem = std::fs::read_to_string(&path).map_err(CertError::at(&path))?;
        PrivateKey::from_pem(&pem).map_err(|error| CertError::Damaged {
            path,
            what: error.to_string(),
        })
    }

    /// What came for the request under way and could not be installed yet.
    pub(crate) fn received(&self, name: &str) -> Vec<Certificate> {
        let path = self.folder(name).join("received.pem");
        let Ok(pem) = std::fs::read(path) else {
            return Vec::new();
        };
        let all = CertificateDer::pem_slice_iter(&pem).flatten();
        all.filter_map(|der| Certificate::read(&der).ok()).collect()
    }

    /// Keeps what came for the request under way.
    pub(crate) fn receive(&self, name: &str, came: &[Certificate]) -> Result<(), CertError> {
        let state = life::apply(self.state(name)?, Event::Receive)?;
        let pem: String = came.iter().map(Certificate::pem).collect();
        let path = self.folder(name).join("received.pem");
        durable::replace(&HostDisk, &path, pem.as_bytes())?;
        self.mark(name, state)
    }

    /// Ends the request under way.
    pub(crate) fn over(&self, name: &str, event: Event) -> Result<(), CertError> {
        let state = life::apply(self.state(name)?, event)?;
        self.mark(name, state)?;
        self.put_away(name)
    }

    fn mark(&self, name: &str, state: State) -> Result<(), CertError> {
        let Some(request) = self.newest(name)? else {
            return Ok(());
        };
        let request = Request { state, ..request };
        let about = serde_json::to_vec_pretty(&request).unwrap_or_default();
        durable::replace(&HostDisk, &self.folder(name).join("about.json"), &about)
    }

    /// Puts a request that is over away, without its key.
    fn put_away(&self, name: &str) -> Result<(), CertError> {
        let folder = self.folder(name);
        if !folder.exists() {
            return Ok(());
        }
        let key = folder.join("key.pem");
        match HostDisk.remove(&key) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CertError::at(key)(error));
            }
            _ => {}
        }
        let last = self.last(name);
        if last.exists() {
            durable::remove_folder(&HostDisk, &last)?;
        }
        durable::rename(&HostDisk, &folder, &last)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.store.folder(name).join("request")
    }

    fn last(&self, name: &str) -> PathBuf {
        self.store.folder(name).join("request.last")
    }
}
