//! The package for whoever ends TLS in front of the edge: what the operators of a security cloud
//! ask for when a certificate changes.
//!
//! - `sheet.rs`: the application sheet, from a template the city can edit; `html.rs` and `docx.rs`
//!   draw it.
//! - This file puts the package together and writes down who took it.
//!
//! The passphrase of the key is given by the caller, used once and kept nowhere.

mod docx;
mod html;
mod sheet;
#[cfg(test)]
mod tests;

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use yagura_control::Timestamp;

pub use crate::formats::pkcs12::Ciphers;
pub use sheet::{NoField, Sheet, TEMPLATE};

use crate::CertError;
use crate::csr::held_intermediates;
use crate::formats::{self, pkcs8, pkcs12};
use crate::inspect::{Examined, Heap, examine};
use crate::store::about::rfc3339;
use crate::store::disk::HostDisk;
use crate::store::{Store, durable};

/// Shorter passphrases are guessed.
const SHORTEST_PASSPHRASE: usize = 12;

/// How the private key goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// It stays here: the cloud has its own.
    None,
    /// With the chain in PKCS#12.
    Pkcs12(Ciphers),
    /// As PKCS#8 in PEM, under a passphrase.
    Pkcs8,
}

impl KeyForm {
    /// As it stands in records and arguments.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pkcs12(Ciphers::Present) => "pkcs12",
            Self::Pkcs12(Ciphers::Old) => "pkcs12-old",
            Self::Pkcs8 => "pkcs8",
        }
    }
}

/// One line of `exports.jsonl`: who took what, when, for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Who took it.
    pub by: String,
    /// When.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// For whom.
    #[serde(rename = "for")]
    pub cloud: String,
    /// How the key went along; see [`KeyForm::word`].
    pub key: String,
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// The folder it was written to.
    pub to: String,
}

/// One file of a package.
#[derive(Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for PackageFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackageFile")
            .field("name", &self.name)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// What is to be exported.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What the certificate is called.
    pub name: &'a str,
    /// Whom it goes to.
    pub cloud: &'a str,
    /// How the key goes along.
    pub key: KeyForm,
    /// The key's passphrase, where it goes along.
    pub passphrase: Option<&'a SecretString>,
    /// The sheet's template, in Markdown.
    pub template: &'a str,
    /// Who takes it.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
}

/// The certificate in use, looked through again: what is exported must be good.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn in_use(store: &Store, name: &str, now: Timestamp) -> Result<Examined, CertError> {
    let pem = store.load(name)?.ok_or_else(|| {
        CertError::Unusable(format!(
            "there is no certificate \"{name}\"\n  `yagura certs list` shows those there are"
        ))
    })?;
    let mut heap = Heap::default();
    formats::read("chain.pem", pem.chain.as_bytes(), None, &mut heap)?;
    formats::read("key.pem", pem.key.as_bytes(), None, &mut heap)?;
    Ok(examine(&heap, &held_intermediates(store), &[], now)?)
}

/// Makes the files of a package.
///
/// # Errors
/// The passphrase is missing or weak, the template names an unknown field, or the key cannot be
/// encrypted.
pub fn package(examined: &Examined, wanted: &Wanted<'_>) -> Result<Vec<PackageFile>, CertError> {
    let name = wanted.name;
    let mut files = vec![PackageFile {
        name: format!("{name}-chain.pem"),
        bytes: examined.pem().chain.into_bytes(),
    }];
    match wanted.key {
        KeyForm::None => {}
        KeyForm::Pkcs12(ciphers) => files.push(PackageFile {
            name: format!("{name}.pfx"),
            bytes: pkcs12::write(examined, name, strong(wanted.passphrase)?, ciphers)?,
        }),
        KeyForm::Pkcs8 => files.push(PackageFile {
            name: format!("{name}-key.pem"),
            bytes: pkcs8::encrypt(&examined.key, strong(wanted.passphrase)?)?.into_bytes(),
        }),
    }
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    let sheet = Sheet {
        name,
        cloud: wanted.cloud,
        applicant: wanted.by,
        now: wanted.now,
        key: wanted.key,
        files: &names,
    };
    let markdown = sheet::fill(wanted.template, &sheet, examined)
        .map_err(|error| CertError::Unusable(error.to_string()))?;
    let docx = docx::document(&markdown)
        .map_err(|error| CertError::NotIssued(format!("the sheet was not written: {error}")))?;
    for (name, bytes) in [
        ("application-sheet.html", html::page(&markdown).into_bytes()),
        ("application-sheet.docx", docx),
        ("application-sheet.md", markdown.into_bytes()),
    ] {
        let name = name.to_owned();
        files.push(PackageFile { name, bytes });
    }
    Ok(files)
}

/// Writes down who takes a package, then writes it: a package that nobody is known to have taken
/// must not be there.
///
/// # Errors
/// The record or a file cannot be written.
pub fn hand_over(
    store: &Store,
    name: &str,
    taken: &Taken,
    files: &[PackageFile],
    folder: &Path,
) -> Result<(), CertError> {
    let line = serde_json::to_string(taken).unwrap_or_default();
    store.add_line(name, "exports.jsonl", &line)?;
    durable::make_folders(&HostDisk, folder)?;
    for file in files {
        durable::replace(&HostDisk, &folder.join(&file.name), &file.bytes)?;
    }
    Ok(())
}

/// Who took a certificate so far, oldest first. Lines that a power cut broke off are left out.
#[must_use]
pub fn taken(store: &Store, name: &str) -> Vec<Taken> {
    let path = store.folder(name).join("exports.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn strong(passphrase: Option<&SecretString>) -> Result<&SecretString, CertError> {
    let unusable = |what: String| Err(CertError::Unusable(what));
    let Some(passphrase) = passphrase else {
        return unusable("the key goes along under a passphrase only\n  give one".to_owned());
    };
    let text = passphrase.expose_secret();
    if !text.chars().all(|c| (' '..='~').contains(&c)) {
        let what = "the passphrase has characters that not every keyboard and program has\n  \
                    use letters, digits and signs of ASCII";
        return unusable(what.to_owned());
    }
    if text.len() < SHORTEST_PASSPHRASE {
        return unusable(format!(
            "the passphrase is shorter than {SHORTEST_PASSPHRASE} characters\n  take a longer one"
        ));
    }
    Ok(passphrase)
}
