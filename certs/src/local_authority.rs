//! An authority of this machine's own, made at the first start, so that HTTPS works before any
//! public authority knows the site. People who want no warning import `local-ca.pem`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use yagura_control::Timestamp;

use crate::CertError;
use crate::inspect::Inspected;
use crate::store::{Pem, write_private};

const DAY: Duration = Duration::from_secs(86_400);
const ROOT_LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);
const LEAF_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// The authority's key, and its certificate as PEM.
pub struct LocalAuthority {
    key: KeyPair,
    certificate: String,
}

impl LocalAuthority {
    /// The authority in `folder` (`local-ca.pem`, `local-ca.key`), made when neither file is there.
    ///
    /// # Errors
    /// A file cannot be used.
    pub fn open_or_make(folder: &Path, now: Timestamp) -> Result<Self, CertError> {
        let (certificate_path, key_path) =
            (folder.join("local-ca.pem"), folder.join("local-ca.key"));
        if certificate_path.exists() || key_path.exists() {
            let certificate =
                fs::read_to_string(&certificate_path).map_err(CertError::at(certificate_path))?;
            let key = fs::read_to_string(&key_path).map_err(CertError::at(&key_path))?;
            let key = KeyPair::from_pem(&key).map_err(|error| CertError::Damaged {
                path: key_path,
                what: error.to_string(),
            })?;
            return Ok(Self { key, certificate });
        }
        fs::create_dir_all(folder).map_err(CertError::at(folder))?;
        let key = KeyPair::generate().map_err(not_issued)?;
        let certificate = root(now).self_signed(&key).map_err(not_issued)?.pem();
        write_private(&key_path, key.serialize_pem().as_bytes())?;
        write_private(&certificate_path, certificate.as_bytes())?;
        Ok(Self { key, certificate })
    }

    /// A certificate for host names and IP addresses, valid for 90 days.
    ///
    /// # Errors
    /// A name cannot stand in a certificate.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<Pem, CertError> {
        let key = KeyPair::generate().map_err(not_issued)?;
        let mut leaf = CertificateParams::new(names).map_err(not_issued)?;
        valid(&mut leaf, now, LEAF_LIFETIME);
        let shown = names.first().map_or("localhost", String::as_str);
        leaf.distinguished_name.push(DnType::CommonName, shown);
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.insert_extended_key_usage(ExtendedKeyUsagePurpose::ServerAuth);
        // The issuer's name and key are all that the signature needs of the root.
        let issuer = Issuer::new(root(now), &self.key);
        let certificate = leaf.signed_by(&key, &issuer).map_err(not_issued)?;
        let chain = format!("{}{}", certificate.pem(), self.certificate);
        Ok(Pem {
            chain,
            key: key.serialize_pem(),
        })
    }

    /// Whether a certificate comes from this authority.
    #[must_use]
    pub fn issued(&self, held: &Inspected) -> bool {
        held.chain_pem_ends_with(&self.certificate)
    }
}

fn root(now: Timestamp) -> CertificateParams {
    let mut root = CertificateParams::default();
    valid(&mut root, now, ROOT_LIFETIME);
    root.distinguished_name = rcgen::DistinguishedName::new();
    root.distinguished_name
        .push(DnType::CommonName, "Yagura local authority");
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    root
}

/// Valid from a day ago, for clocks that are behind.
fn valid(params: &mut CertificateParams, now: Timestamp, lifetime: Duration) {
    params.not_before = now.utc() - DAY;
    params.not_after = now.utc() + lifetime;
}

fn not_issued(error: rcgen::Error) -> CertError {
    CertError::NotIssued(error.to_string())
}
