//! Whom a client over TLS believes about a server: the authorities of a file, or those that the system
//! trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The authorities in a PEM file, which may be none; without a file those of the system.
///
/// # Errors
/// In words: the file cannot be read, or holds what is no certificate; or the system's cannot be read.
pub fn roots(trust: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = trust {
        let pem = std::fs::read(file).map_err(|error| unusable(file, error))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| unusable(file, error))?;
            let added = roots.add(certificate);
            added.map_err(|error| unusable(file, error))?;
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        let found = found.map_err(|error| format!("the system's authorities: {error}"))?;
        let (_taken, _unusable) = roots.add_parsable_certificates(found);
    }
    Ok(roots)
}

/// A client that believes these authorities, and shows no certificate of its own.
///
/// # Errors
/// None of TLS's versions is there, which is a fault of the program.
pub fn client(roots: impl Into<Arc<RootCertStore>>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The words for a file that cannot be used.
pub(crate) fn unusable(file: &Path, why: impl std::fmt::Display) -> String {
    format!("{} cannot be used: {why}", file.display())
}
