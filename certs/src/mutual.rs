//! TLS in which both sides show a certificate: the edge's end of orders from afar, and what an
//! operator's certificate says. Who the operator is, and what they may do, is decided elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{CertError, Inspected};

/// The edge's end: its chain (leaf first) and key, and the authority whose certificates it takes,
/// each a PEM file. A handshake without such a certificate fails.
///
/// # Errors
/// A file cannot be read, or does not hold what it should.
pub fn server(chain: &Path, key: &Path, trust: &Path) -> Result<ServerConfig, CertError> {
    let read = |path: &Path| fs::read_to_string(path).map_err(CertError::at(path));
    let held = Inspected::read(&read(chain)?, &read(key)?).map_err(|error| match error {
        CertError::Unusable(what) => unusable(chain, what),
        other => other,
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(authority(trust)?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| unusable(trust, error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(chain, error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(held.certified_key())));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would not look at the certificate again.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// The authorities in a PEM file.
pub(crate) fn authority(path: &Path) -> Result<RootCertStore, CertError> {
    let pem = fs::read(path).map_err(CertError::at(path))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(path, error))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(path, error))?;
    }
    if roots.is_empty() {
        return Err(unusable(path, "it holds no certificate"));
    }
    Ok(roots)
}

fn unusable(path: &Path, what: impl std::fmt::Display) -> CertError {
    CertError::Unusable(format!("{}: {what}", path.display()))
}

/// What a certificate says that was shown in a handshake and found to be of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// SHA-256 of the whole certificate.
    pub fingerprint: [u8; 32],
    /// Subject alternative names (mail addresses, host names, URIs) and common names, in lower case.
    pub names: BTreeSet<String>,
}

impl Shown {
    /// Reads a certificate. One whose names cannot be read has none.
    #[must_use]
    pub fn read(certificate: &CertificateDer<'_>) -> Self {
        let hash = ring::digest::digest(&ring::digest::SHA256, certificate);
        let mut fingerprint = [0; 32];
        for (to, from) in fingerprint.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        let parsed = X509Certificate::from_der(certificate).ok();
        let names = parsed.map(|(_, parsed)| names(&parsed)).unwrap_or_default();
        Self { fingerprint, names }
    }
}

fn names(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
    let common = certificate.subject().iter_common_name();
    let common = common.filter_map(|name| name.as_str().ok());
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::RFC822Name(name) | GeneralName::DNSName(name) | GeneralName::URI(name) => {
                Some(*name)
            }
            _ => None,
        });
    common
        .chain(alternative)
        .map(str::to_ascii_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn certificate(common: &str, mail: &str) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common);
        let mail = SanType::Rfc822Name(mail.try_into().unwrap());
        params.subject_alt_names = vec![mail];
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn names_are_read_in_lower_case_and_the_hash_is_openssls() {
        let der = certificate("Hanako", "Hanako@Town.example");
        let shown = Shown::read(&der);
        let names: Vec<&str> = shown.names.iter().map(String::as_str).collect();
        assert_eq!(names, ["hanako", "hanako@town.example"]);
        assert_ne!(
            shown.fingerprint,
            Shown::read(&certificate("Hanako", "a@b")).fingerprint
        );
        // NIST's vector for "abc"; no certificate, so no names.
        let abc = Shown::read(&CertificateDer::from(b"abc".to_vec()));
        assert_eq!(
            (&abc.fingerprint[..4], abc.names.len()),
            (&[0xba, 0x78, 0x16, 0xbf][..], 0)
        );
    }

    #[test]
    fn files_that_do_not_hold_what_they_should_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let refused = |trust: &str| {
            server(&file("chain.pem"), &file("key.pem"), &file(trust))
                .unwrap_err()
                .to_string()
        };
        assert!(refused("ca.pem").contains("chain.pem"));
        let now = yagura_control::Timestamp(1_795_400_000_000);
        let authority = crate::LocalAuthority::open_or_make(folder.path(), now).unwrap();
        let pem = authority.issue(&["localhost".to_owned()], now).unwrap();
        fs::write(file("chain.pem"), &pem.chain).unwrap();
        fs::write(file("key.pem"), "").unwrap();
        assert!(refused("local-ca.pem").contains("the key is no PEM"));
        fs::write(file("key.pem"), &pem.key).unwrap();
        fs::write(file("empty.pem"), "").unwrap();
        assert!(refused("empty.pem").contains("empty.pem: it holds no certificate"));
        assert!(server(&file("chain.pem"), &file("key.pem"), &file("local-ca.pem")).is_ok());
    }
}
